"""What is done once for the whole hub."""
