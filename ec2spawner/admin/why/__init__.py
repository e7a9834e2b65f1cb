"""``ec2spawner why``: all that is known of one server, on one page."""
