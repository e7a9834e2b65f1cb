"""What a whole hub costs: its prices, its ledger and whose each run is, budgets."""
