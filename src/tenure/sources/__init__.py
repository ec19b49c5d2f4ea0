"""Sources: where people come from, row by row, and how rows become attributes of people."""
