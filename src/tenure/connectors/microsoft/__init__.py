"""Microsoft 365 and Entra ID, by Microsoft Graph."""

from tenure.connectors.microsoft.connector import MicrosoftConnector

__all__ = ["MicrosoftConnector"]
