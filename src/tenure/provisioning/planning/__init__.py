"""What should be done: decided, guarded, stored as a plan. Nothing here speaks to applications."""
