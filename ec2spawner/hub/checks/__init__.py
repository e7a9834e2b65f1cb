"""What is wrong with a configuration, or seldom meant. Nothing is asked of EC2."""
