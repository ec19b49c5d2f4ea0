"""Applications that answer as their vendors' published documentation says; each names the pages."""
