"""What was decided, carried out in the applications: claimed, sent, settled."""
