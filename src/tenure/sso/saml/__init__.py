"""SAML 2.0 with the database: which applications there are, what was seen, whom they are told of.
The protocol itself is `tenure.saml`."""
