"""What other systems ask here."""
