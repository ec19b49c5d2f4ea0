"""Numbers that would take long to count: counted ahead where there is much, at once where not."""
