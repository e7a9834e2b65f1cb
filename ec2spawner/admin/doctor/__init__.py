"""What would keep a hub from working, told before any user meets it."""
