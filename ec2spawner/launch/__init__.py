"""From settings and a choice to a machine."""
