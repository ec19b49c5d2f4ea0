"""The configuration as one YAML document: read, checked, compared, applied and written back."""
