"""The only way a machine gets its orders (docs: explanation, "The claim")."""
