"""What AWS says that things cost."""
