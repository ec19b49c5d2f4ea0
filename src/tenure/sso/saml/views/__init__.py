"""Where browsers and applications come."""
