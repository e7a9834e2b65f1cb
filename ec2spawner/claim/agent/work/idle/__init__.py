"""Whether anybody uses this machine, and whether anything runs on it."""
