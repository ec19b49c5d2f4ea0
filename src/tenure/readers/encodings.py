"""How a text file is encoded, and proof that it is: never a wrong letter in somebody's name.

A byte order mark decides. Without one the file is UTF-8 or what the settings say, and the whole of
it is decoded once before anything is used. Nothing is guessed from statistics.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from tenure.readers.base import ReaderError

AUTO = "auto"

_CHUNK = 1 << 20
#: Longer marks first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TEXT = (
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF document"),
)
_LIKELY = "cp1252 (Western Europe), cp1250 (Central Europe) or cp1251 (Cyrillic)"


def settle(path: Path, configured: str) -> str:
    """The codec that reads the whole file. Raises `ReaderError` saying where it does not."""
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise unreadable(path, error) from None
    for signature, what in _NO_TEXT:
        if start.startswith(signature):
            raise ReaderError(f"{path} is {what} and no CSV file: save it as `CSV UTF-8`.")
    codec = next((codec for mark, codec in _MARKS if start.startswith(mark)), None)
    if codec is None:
        codec = "utf-8" if configured == AUTO else configured
        # Two-byte text is valid UTF-8 with a NUL beside each letter.
        if start[1::2].count(0) > len(start) // 4 or start[::2].count(0) > len(start) // 4:
            codec = _two_bytes(path, start, configured)
    _prove(path, codec)
    return codec


def unreadable(path: Path, error: OSError) -> ReaderError:
    """What the system says of a file, as a sentence."""
    return ReaderError(
        f"{path} cannot be read: {error.strerror or error}. Check its name and who may read it."
    )


def _two_bytes(path: Path, start: bytes, configured: str) -> str:
    little = start[1::2].count(0) >= start[::2].count(0)
    name = "utf-16-le" if little else "utf-16-be"
    if configured == AUTO:
        raise ReaderError(
            f"{path} looks like UTF-16 without a byte order mark: set `encoding` to {name}, or save"
            " it as `CSV UTF-8`."
        )
    return configured


def _prove(path: Path, codec: str) -> None:
    decoder = codecs.getincrementaldecoder(codec)()
    offset = 0
    line = 1
    chunk = pending = b""
    try:
        for chunk in _chunks(path):
            pending = _held(decoder)
            line += decoder.decode(chunk).count("\n")
            offset += len(chunk)
        pending, chunk = _held(decoder), b""
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _wrong(path, codec, offset - len(pending), line, pending + chunk, error) from None


def _held(decoder: codecs.IncrementalDecoder) -> bytes:
    """The beginning of a character whose end was not seen yet."""
    state = decoder.getstate()[0]
    return state if isinstance(state, bytes) else b""


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise unreadable(path, error) from None


def _wrong(
    path: Path, codec: str, base: int, line: int, data: bytes, error: UnicodeDecodeError
) -> ReaderError:
    at = error.start
    line += data[:at].count(b"\n")
    name = "UTF-8" if codec.startswith("utf-8") else codec
    shown = f"byte 0x{data[at]:02X}" if at < len(data) else "the end"
    message = f"{path} is not {name}: {shown} at offset {base + at}, line {line}."
    if name == "UTF-8":
        reading = _around(path, base + at).decode("cp1252", errors="replace")
        message += (
            f" It was probably saved in a Windows encoding: set `encoding` to {_LIKELY};"
            f" by cp1252 the place reads {reading!r}. Or save it as `CSV UTF-8`."
        )
    else:
        message += " Set `encoding` to the one that it was saved in, or save it as `CSV UTF-8`."
    return ReaderError(message)


def _around(path: Path, offset: int) -> bytes:
    """What stands beside this place, in its line."""
    with path.open("rb") as file:
        start = max(0, offset - 12)
        file.seek(start)
        before, after = file.read(offset - start), file.read(12)
    return re.split(rb"[\r\n]", before)[-1] + re.split(rb"[\r\n]", after)[0]
