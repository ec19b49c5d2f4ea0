"""What is stored of accounts and operations: read to decide on, written with its evidence."""
