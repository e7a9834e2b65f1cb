"""The end of a hub: all that it has in AWS is listed, and deleted."""
