"""The little of ASN.1's Basic Encoding Rules that LDAP uses (RFC 4511, 5.1): definite lengths, no
constructed strings. It must not know what the elements mean.
"""

from __future__ import annotations

from collections.abc import Iterator

BOOLEAN, INTEGER, OCTETS, ENUMERATED = 0x01, 0x02, 0x04, 0x0A
SEQUENCE, SET = 0x30, 0x31


class Malformed(ValueError):
    """What came is no BER, or not the kind of it that LDAP allows."""


def element(tag: int, *contents: bytes) -> bytes:
    """One element with its tag and length."""
    content = contents[0] if len(contents) == 1 else b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def sequence(*contents: bytes) -> bytes:
    return element(SEQUENCE, b"".join(contents))


def octets(value: str | bytes, tag: int = OCTETS) -> bytes:
    return element(tag, value.encode() if isinstance(value, str) else value)


def integer(value: int, tag: int = INTEGER) -> bytes:
    return element(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def boolean(value: bool, tag: int = BOOLEAN) -> bytes:
    return element(tag, b"\xff" if value else b"\x00")


def number(content: bytes) -> int:
    """What an INTEGER or ENUMERATED holds."""
    return int.from_bytes(content, "big", signed=True)


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element that `data` consists of. Raises `Malformed`."""
    at, end = 0, len(data)
    while at < end:
        start, stop = bounds(data, at)
        if stop > end:
            raise Malformed("an element is longer than what it is in")
        yield data[at], data[start:stop]
        at = stop


def bounds(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """Where the content of the element at `at` starts and stops. Raises IndexError where `data`
    ends before its length does, `Malformed` where there can be no length."""
    length = data[at + 1]
    start = at + 2
    if length < 0x80:
        return start, start + length
    count = length & 0x7F
    if not 1 <= count <= 4:
        raise Malformed("an element has no length")
    if len(data) < start + count:
        raise IndexError
    start += count
    return start, start + int.from_bytes(data[at + 2 : start], "big")
