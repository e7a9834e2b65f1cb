"""The Hub's database: its session, its name, and what its rows say of servers."""
