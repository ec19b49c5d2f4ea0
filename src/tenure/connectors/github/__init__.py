"""GitHub organisations."""

from tenure.connectors.github.connector import GithubConnector

__all__ = ["GithubConnector"]
