"""SAML 2.0 as an identity provider speaks it: messages read, checked, built, signed and encrypted.
Pure functions: no Django, no database, no network, and the instant is an argument.
"""
