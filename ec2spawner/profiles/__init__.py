"""What users choose from."""
