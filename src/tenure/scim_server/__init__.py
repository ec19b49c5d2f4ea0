"""SCIM 2.0 in: HR systems and identity providers push people here (RFC 7643, 7644, 9865)."""
