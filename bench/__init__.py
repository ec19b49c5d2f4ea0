"""Benchmarks: one command, side by side in one run, ratios printed. `make bench`."""
