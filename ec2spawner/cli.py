"""Placeholder so that the package installs; the commands follow."""


def main() -> None:
    raise SystemExit("ec2spawner: no command yet")
