"""What must not be read by whoever reads the database: sealed values, each under its name."""
