"""Google Workspace, by the Directory, Licensing and Data Transfer APIs."""

from tenure.connectors.google.connector import GoogleConnector

__all__ = ["GoogleConnector"]
