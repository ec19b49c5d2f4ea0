"""Applications that speak SCIM 2.0 (RFC 7643, RFC 7644)."""

from tenure.connectors.scim.connector import ScimConnector
from tenure.connectors.scim.settings import ScimSecrets, ScimSettings

__all__ = ["ScimConnector", "ScimSecrets", "ScimSettings"]
