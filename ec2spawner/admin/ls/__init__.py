"""The command ``ec2spawner ls``."""
