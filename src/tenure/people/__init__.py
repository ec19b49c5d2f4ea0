"""People: one row a human, their attributes, their state in working life, their generated names."""
