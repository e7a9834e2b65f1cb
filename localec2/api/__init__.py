"""What clients say to EC2: actions, and the rules for them."""
