"""What others send of their own accord: webhooks of HR systems, and records that scripts upload."""
