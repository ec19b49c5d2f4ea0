"""A certificate of our own for servers that want to see one (mutual TLS, RFC 8446, 4.4.2).

Knows keys and certificates only.
"""

from __future__ import annotations

import os
import ssl
import tempfile

from tenure.connectors.base import StopApplication


def client_context(certificate: str, private_key: str) -> ssl.SSLContext:
    """Server certificates checked as always, and ours shown. Both are PEM; `certificate` may be a
    chain. Raises `StopApplication` for what cannot be used."""
    context = ssl.create_default_context()
    # Python's ssl takes files only. They are gone before anything is sent.
    handle, path = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(handle, "w", encoding="ascii", errors="replace") as file:
            file.write(f"{private_key.strip()}\n{certificate.strip()}\n")
        context.load_cert_chain(path, password="")
    except (ssl.SSLError, ValueError, OSError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise StopApplication(
            f"The certificate and its private key cannot be used ({reason}). Expected both as PEM, "
            "the key without a password, and the one belonging to the other."
        ) from None
    finally:
        os.unlink(path)
    return context
