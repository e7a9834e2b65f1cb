"""The network that machines are in, as EC2 tells of it: reads only."""
