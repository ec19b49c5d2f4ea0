"""How a text file is encoded, and proof that it is: never a wrong letter in somebody's name.

A byte order mark decides. Without one the file is UTF-8 or what the settings say, and the whole of
it is decoded once before anything is used. Nothing is guessed from statistics. Where the settings
say an encoding of one byte a letter, which reads everything, a file that is UTF-8 throughout is
taken as that: a text in such an encoding never is, and names would come out as `MÃ¼ller`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping

from tenure.readers.base import ReaderError
from tenure.readers.files.kinds import OLD_WORKBOOK, WORKBOOK
from tenure.readers.files.places import unreadable
from tenure.readers.files.source import Located

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
    (WORKBOOK, "an Excel workbook or a ZIP archive"),
    (OLD_WORKBOOK, "an old Excel workbook, or one with a password"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF document"),
)
#: The encodings in which Windows saves, and how people call them.
WINDOWS = {"cp1252": "Western Europe", "cp1250": "Central Europe", "cp1251": "Cyrillic"}
#: Words with a letter that is none of ASCII, and how many of them are shown.
_WORD = re.compile(rb"[A-Za-z\x80-\xff]{0,20}[\x80-\xff][A-Za-z\x80-\xff]{0,20}")
_WORDS = 6
_LIKELY = "cp1252 (Western Europe), cp1250 (Central Europe) or cp1251 (Cyrillic)"


class NotUtf8(ReaderError):
    """The file is not UTF-8. `readings`: words of it by each of the encodings that it may have."""

    def __init__(self, message: str, readings: Mapping[str, str]) -> None:
        super().__init__(message)
        self.readings = readings


def settle(file: Located, configured: str) -> str:
    """The codec that reads the whole file. Raises `ReaderError` saying where it does not."""
    try:
        with file.path.open("rb") as opened:
            start = opened.read(64)
    except OSError as error:
        raise unreadable(file, error) from None
    for signature, what in _NO_TEXT:
        if start.startswith(signature):
            raise ReaderError(
                f"{file} is {what} and no CSV file: save it as `CSV UTF-8`, or, of an .xlsx, take "
                "the reader `excel`."
            )
    codec = next((codec for mark, codec in _MARKS if start.startswith(mark)), None)
    if codec is None:
        codec = "utf-8" if configured == AUTO else configured
        # Two-byte text is valid UTF-8 with a NUL beside each letter.
        if start[1::2].count(0) > len(start) // 4 or start[::2].count(0) > len(start) // 4:
            codec = _two_bytes(file, start, configured)
        elif _reads_everything(codec) and _is_utf8(file):
            codec = "utf-8"
    _prove(file, codec)
    return codec


def _reads_everything(codec: str) -> bool:
    """Whether each byte of it is a letter by itself."""
    each = bytes(range(128, 256)).decode(codec, errors="replace")
    return not codec.startswith("utf") and len(each) == 128


def _is_utf8(file: Located) -> bool:
    """Whether all of it is, and not only because there is nothing but ASCII in it."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    plain = True
    try:
        for chunk in _chunks(file):
            plain = plain and chunk.isascii()
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return not plain


def _two_bytes(file: Located, start: bytes, configured: str) -> str:
    little = start[1::2].count(0) >= start[::2].count(0)
    name = "utf-16-le" if little else "utf-16-be"
    if configured == AUTO:
        raise ReaderError(
            f"{file} looks like UTF-16 without a byte order mark: set `encoding` to {name}, or save"
            " it as `CSV UTF-8`."
        )
    return configured


def _prove(file: Located, codec: str) -> None:
    decoder = codecs.getincrementaldecoder(codec)()
    offset = 0
    line = 1
    chunk = pending = b""
    try:
        for chunk in _chunks(file):
            pending = _held(decoder)
            line += decoder.decode(chunk).count("\n")
            offset += len(chunk)
        pending, chunk = _held(decoder), b""
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _wrong(file, codec, offset - len(pending), line, pending + chunk, error) from None


def _held(decoder: codecs.IncrementalDecoder) -> bytes:
    """The beginning of a character whose end was not seen yet."""
    state = decoder.getstate()[0]
    return state if isinstance(state, bytes) else b""


def _chunks(file: Located) -> Iterator[bytes]:
    try:
        with file.path.open("rb") as opened:
            while chunk := opened.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise unreadable(file, error) from None


def _wrong(
    file: Located, codec: str, base: int, line: int, data: bytes, error: UnicodeDecodeError
) -> ReaderError:
    at = error.start
    line += data[:at].count(b"\n")
    name = "UTF-8" if codec.startswith("utf-8") else codec
    shown = f"byte 0x{data[at]:02X}" if at < len(data) else "the end"
    message = f"{file} is not {name}: {shown} at offset {base + at}, line {line}."
    if name == "UTF-8":
        reading = _around(file, base + at).decode("cp1252", errors="replace")
        message += (
            f" It was probably saved in a Windows encoding: set `encoding` to {_LIKELY};"
            f" by cp1252 the place reads {reading!r}. Or save it as `CSV UTF-8`."
        )
        return NotUtf8(message, _readings(file))
    else:
        message += " Set `encoding` to the one that it was saved in, or save it as `CSV UTF-8`."
    return ReaderError(message)


def _readings(file: Located) -> dict[str, str]:
    """Some words of the file by each encoding of Windows, those by which they differ first."""
    with file.path.open("rb") as opened:
        words = dict.fromkeys(_WORD.findall(opened.read(_CHUNK)))

    def read(word: bytes, codec: str) -> str:
        return word.decode(codec, errors="replace")

    west, middle, *_ = WINDOWS
    telling = sorted(words, key=lambda word: read(word, west) == read(word, middle))
    return {one: " ".join(read(word, one) for word in telling[:_WORDS]) for one in WINDOWS}


def _around(file: Located, offset: int) -> bytes:
    """What stands beside this place, in its line."""
    with file.path.open("rb") as opened:
        start = max(0, offset - 12)
        opened.seek(start)
        before, after = opened.read(offset - start), opened.read(12)
    return re.split(rb"[\r\n]", before)[-1] + re.split(rb"[\r\n]", after)[0]
