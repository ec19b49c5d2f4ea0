"""OpenID for Verifiable Presentations 1.0 as a verifier speaks it, for credentials that are SD-JWT
VC (RFC 9901): requests made and signed, answers opened and checked. No Django, no I/O, no clock."""
