"""XML as the same tree that JSON makes, so that places and expressions work on it alike.

    <w:Worker><w:ID type="WID">1</w:ID><w:ID type="Number">2</w:ID><w:Name>Ada</w:Name></w:Worker>
    {"Worker": {"ID": [{"@type": "WID", "#": "1"}, {"@type": "Number", "#": "2"}], "Name": "Ada"}}

Names come without their namespace. An element that holds only text is that text; attributes begin
with `@`, and text beside them is `#`. An element that may come several times is named in `lists`,
and is a list however often it comes: XML itself does not say. Knows nothing of requests.
"""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

_DEEPEST = 60


class XmlError(ValueError):
    """This is no XML that is read here. str() says why."""


def xml_tree(text: bytes, lists: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The document, under the name of its root. Documents with a DOCTYPE are refused: entities are
    how XML is made to read files, or to fill the memory. Raises `XmlError`."""
    builder = _Builder(lists)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise XmlError(f"the answer is no XML, or broken off: {error}") from None
    return builder.root


def _refuse(*_: object) -> None:
    raise XmlError("the answer has a DOCTYPE, which is not read")


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


class _Builder:
    """Puts together what the parser meets."""

    def __init__(self, lists: frozenset[str]) -> None:
        self.root: dict[str, Any] = {}
        self._lists = lists
        self._open: list[dict[str, Any]] = [self.root]
        self._texts: list[list[str]] = [[]]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) > _DEEPEST:
            raise XmlError(f"the answer is nested more than {_DEEPEST} deep")
        self._open.append({f"@{_local(key)}": value for key, value in attributes.items()})
        self._texts.append([])

    def text(self, data: str) -> None:
        self._texts[-1].append(data)

    def end(self, name: str) -> None:
        made, text = self._open.pop(), "".join(self._texts.pop()).strip()
        value: Any = made
        if not made:
            value = text
        elif text:
            made["#"] = text
        self._put(self._open[-1], _local(name), value)

    def _put(self, holder: dict[str, Any], key: str, value: Any) -> None:
        if key in self._lists:
            holder.setdefault(key, []).append(value)
        elif key not in holder:
            holder[key] = value
        elif isinstance(holder[key], list):
            holder[key].append(value)
        else:
            holder[key] = [holder[key], value]
