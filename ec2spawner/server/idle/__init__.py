"""The use of one server: what its machine says, and what its user reads of it."""
