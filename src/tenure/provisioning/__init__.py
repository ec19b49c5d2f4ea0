"""Provisioning: plans, operations, their execution and the evidence that they happened."""
