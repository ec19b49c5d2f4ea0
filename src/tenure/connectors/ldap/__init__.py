"""Directories that speak LDAP: OpenLDAP and its like, and Active Directory."""

from tenure.connectors.ldap.connector import LdapConnector

__all__ = ["LdapConnector"]
