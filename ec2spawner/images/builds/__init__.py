"""The making of one image: a builder, what it tells, and who follows it."""
