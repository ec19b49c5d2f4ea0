"""Settings, addresses of pages, and how a process of Tenure starts."""
