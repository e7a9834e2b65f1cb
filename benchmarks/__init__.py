"""Speed and scale, each compared with something else in the same run."""
