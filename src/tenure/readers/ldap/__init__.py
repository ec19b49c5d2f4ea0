"""People from a directory: OpenLDAP and its like, and Active Directory."""

from tenure.readers.ldap.reader import LdapReader

__all__ = ["LdapReader"]
