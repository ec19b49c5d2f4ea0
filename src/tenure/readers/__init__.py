"""The source port and its implementations: where rows about people are read from."""
