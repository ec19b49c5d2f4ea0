"""Decisions: plain functions over frozen data. No Django, no I/O, no clock."""
