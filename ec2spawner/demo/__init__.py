"""``ec2spawner demo``: a whole hub with machines on this computer, to try out."""
