"""Commands for who runs a hub: ``ec2spawner ls`` and ``ec2spawner sweep``."""
