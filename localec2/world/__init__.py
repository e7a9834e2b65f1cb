"""What the stand-in remembers, and how it changes with time."""
