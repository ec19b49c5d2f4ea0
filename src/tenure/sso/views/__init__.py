"""Pages that every protocol shares."""
