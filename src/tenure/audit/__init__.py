"""What happened, who did it and why: append-only and chained. Knows nothing of what it records."""
