"""One real machine, launched and ended, for ``ec2spawner doctor --launch``."""
