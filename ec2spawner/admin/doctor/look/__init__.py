"""What is looked at: what the hub wants, and what there is."""
