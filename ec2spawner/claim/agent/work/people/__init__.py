"""What people on this machine are told in Jupyter, and what is known of them."""
