"""The command line, as users and programs meet it."""
