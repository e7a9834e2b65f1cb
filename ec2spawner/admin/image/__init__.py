"""The commands ``ec2spawner image ...``."""
