"""Applications with an interface of their own, spoken to by a specification in YAML."""

from tenure.connectors.rest.connector import RestConnector
from tenure.connectors.rest.forms import RestSecrets, RestSettings, forms

__all__ = ["RestConnector", "RestSecrets", "RestSettings", "forms"]
