"""OpenPGP files (RFC 9580, and RFC 4880 before it), opened by Sequoia's library. It must not know
where a file comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tenure.connectors.answers import Redactor
from tenure.readers.base import ReaderError

#: What the library says of a message whose layers it does not check (pysequoia 0.1.35).
_ODD = "Unexpected message structure"


def opened(
    source: Path,
    target: Path,
    shown: str,
    *,
    key: str | None,
    password: str | None,
    signed_by: Sequence[str],
) -> None:
    """Writes what is in `source` to `target`. Raises `ReaderError` where the key does not open it,
    or where nobody of `signed_by` has signed it; then `target` holds nothing to be trusted."""
    try:
        import pysequoia
    except ImportError:
        raise ReaderError(
            "Files that are encrypted by PGP need the package pysequoia: `pip install tenure[pgp]`."
        ) from None
    if not key:
        raise ReaderError(f"{shown} is to be opened by PGP: enter the secret `pgp_key`.")
    redact = Redactor([one for one in (key, password) if one])
    try:
        signers = [pysequoia.Cert.from_bytes(one.encode()) for one in signed_by]
    except RuntimeError as error:
        raise ReaderError(f"pgp.signed_by: a key cannot be read: {_said(error)}.") from None
    try:
        secret = pysequoia.Tsk.from_bytes(key.encode())
        decryptor = secret.decryptor(password) if password else secret.decryptor()
    except RuntimeError as error:
        raise ReaderError(
            f"The secret pgp_key cannot be used: {redact(_said(error))}. Expected an armoured "
            "private key, and its password in pgp_password."
        ) from None
    try:
        if signers:
            pysequoia.decrypt_file(str(source), str(target), decryptor, lambda _: signers)
        else:
            pysequoia.decrypt_file(str(source), str(target), decryptor)
    except RuntimeError as error:
        if signers and _ODD in str(error):
            raise ReaderError(
                f"{shown} is compressed inside its encryption, as GnuPG does unless told "
                "otherwise, and the signature of such a file cannot be checked here. Have it made "
                "with `gpg --compress-algo none`. Nothing of it was taken."
            ) from None
        raise ReaderError(
            f"{shown} cannot be opened by PGP: {redact(_said(error))}. Check which key it was "
            "encrypted for, and who signed it (pgp.signed_by). Nothing of it was taken."
        ) from None


def _said(error: RuntimeError) -> str:
    """Without the trace that the library adds."""
    return str(error).partition("\n\n")[0].strip().rstrip(".")
