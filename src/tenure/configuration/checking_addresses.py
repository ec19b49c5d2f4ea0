"""What the checks of both protocols share: addresses that nothing leaks to, expressions that
compile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from tenure.configuration.problems import Path, Problems
from tenure.connectors.addresses import is_forbidden, is_loopback
from tenure.core.expressions import AttributeType, ExpressionError, compile_value

_NEVER: Final = frozenset({"javascript", "data", "vbscript", "file", "blob", "about"})


def check_address(text: str, path: Path, problems: Problems, *, native: bool = False) -> None:
    """An address that people, or what we tell, are sent to: https, or this machine. `native`: a
    program on a phone may have a scheme of its own (RFC 8252, section 7.1)."""
    wrong = address_problem(text, native=native)
    if wrong:
        problems.add(path, wrong)


def address_problem(text: str, *, native: bool = False) -> str:
    """What is wrong with it; empty if nothing is."""
    try:
        parts = urlsplit(text)
        host = parts.hostname
        port = parts.port
    except ValueError:
        return f"{text!r} is no address. Expected one such as https://wiki.acme.example/callback."
    del port
    plain = not any(c.isspace() or ord(c) < 0x21 or c in '\\<>"' for c in text)
    if not plain or "*" in text:
        return f"{text!r} is compared letter by letter: no blanks and no wildcards."
    if parts.fragment or "#" in text:
        return f"{text!r} has a fragment (#...), which an answer cannot be sent to. Leave it out."
    if native and "." in parts.scheme and parts.scheme not in _NEVER:
        return ""
    if parts.scheme not in {"https", "http"} or not host:
        return f"{text!r} is no address. Expected one that begins with https://."
    if parts.username or parts.password or "@" in parts.netloc:
        return f"The address of {host} has a user name in it. Leave it out."
    if is_forbidden(host):
        return f"{host} is link-local or a cloud's metadata service. Correct the address."
    if parts.scheme == "http" and not is_loopback(host):
        return f"{text!r} would be sent readable for everyone on the way. Use https."
    return ""


def compiles(
    expression: str, schema: Mapping[str, AttributeType], path: Path, problems: Problems
) -> None:
    """An expression over `user` that gives a value."""
    try:
        compile_value(expression, schema)
    except ExpressionError as error:
        if error.line is not None and error.column is not None:
            problems.add_within(path, error.message, error.line, error.column)
        else:
            problems.add(path, error.message)
