"""The IAM policy that a hub needs, made of its configuration."""
