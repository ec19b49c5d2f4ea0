"""Applications that nobody can speak to: a person does what is due, by a task."""

from tenure.connectors.manual.connector import ManualConnector

__all__ = ["ManualConnector"]
