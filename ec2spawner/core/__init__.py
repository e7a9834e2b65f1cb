"""What every part of the house speaks of: errors, ids, tags, state. Pure."""
