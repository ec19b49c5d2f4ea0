"""Who may come in: administrators and, later, every person."""
