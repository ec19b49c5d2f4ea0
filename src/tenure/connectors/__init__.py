"""The application port and the connectors behind it. Async; no Django."""
