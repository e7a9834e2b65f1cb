"""What a machine can ask about itself."""
