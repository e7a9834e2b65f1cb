"""From a few answers to a hub's configuration and the template that makes it."""
