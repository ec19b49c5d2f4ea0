"""Signing in to applications: who may, by which protocol, and access that ends."""
