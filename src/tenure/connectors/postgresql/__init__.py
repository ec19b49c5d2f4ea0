"""Roles of a PostgreSQL server as accounts."""

from tenure.connectors.postgresql.connector import PostgresqlConnector

__all__ = ["PostgresqlConnector"]
