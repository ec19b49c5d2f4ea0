"""Setting up by browser: sources begun and not finished, files handed in, the first steps."""
