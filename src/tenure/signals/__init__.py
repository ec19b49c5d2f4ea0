"""Shared Signals: others are told when access ends, and what others tell us ends it here."""
