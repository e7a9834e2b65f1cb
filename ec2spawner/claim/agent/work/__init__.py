"""From the orders to the end of the server: comes with the orders, and is kept."""
