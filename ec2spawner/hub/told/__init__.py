"""What people in Jupyter are told of their machine."""
