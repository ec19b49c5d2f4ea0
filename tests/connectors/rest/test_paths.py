"""Places in JSON, to read and to write."""

from __future__ import annotations

from typing import Any

import pytest

from tenure.connectors.rest.paths import PathError, json_path

DOCUMENT: dict[str, Any] = {
    "a": {"b": [1, {"c": "x"}]},
    "mails": [{"type": "home", "v": "h"}, {"type": "work", "v": "w", "primary": True}],
    "odd.key": {"x": 1},
}


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (".", DOCUMENT),
        ("a.b[1].c", "x"),
        ("mails[type=work].v", "w"),
        ("mails[primary=true].v", "w"),
        ("mails[].v", ["h", "w"]),
        ("mails[].primary", [True]),
        ('["odd.key"].x', 1),
        ("a.z.y", None),
        ("a.b[9]", None),
        ("mails[type=fax].v", None),
        ("a.b.c", None),
    ],
)
def test_reading(path: str, wanted: Any) -> None:
    assert json_path(path).get(DOCUMENT) == wanted


@pytest.mark.parametrize(
    ("path", "value", "before", "after"),
    [
        ("a", 1, {}, {"a": 1}),
        ("a.b.c", 1, {"a": {"x": 2}}, {"a": {"x": 2, "b": {"c": 1}}}),
        ("a.b", None, {}, {"a": {"b": None}}),
        ("m[t=w].v", "n", {}, {"m": [{"t": "w", "v": "n"}]}),
        (
            "m[t=w].v",
            "n",
            {"m": [{"t": "w", "v": "o", "k": 1}]},
            {"m": [{"t": "w", "v": "n", "k": 1}]},
        ),
        ("m[t=w].v", None, {"m": [{"t": "h"}, {"t": "w", "v": "o"}]}, {"m": [{"t": "h"}]}),
        ("m[t=w].v", None, {}, {"m": []}),
        ("g[].id", ["1", "2"], {"g": [{"id": "9"}]}, {"g": [{"id": "1"}, {"id": "2"}]}),
        ("g[]", ["1"], {}, {"g": ["1"]}),
        ("g[].id", None, {}, {"g": []}),
        ("l[1].x", "y", {}, {"l": [{}, {"x": "y"}]}),
        ("l[0]", None, {"l": ["a", "b"]}, {"l": ["b"]}),
    ],
)
def test_writing(path: str, value: Any, before: Any, after: Any) -> None:
    json_path(path).put(before, value)
    assert before == after


@pytest.mark.parametrize("path", ["a..b", ".a", "a[", "a[x", "[]x", "a[=]"])
def test_what_is_no_place(path: str) -> None:
    with pytest.raises(PathError, match="is no place in JSON"):
        json_path(path)


def test_the_whole_cannot_be_written_to() -> None:
    with pytest.raises(PathError):
        json_path(".").put({}, 1)


def test_taking_out() -> None:
    document = {"a": {"b": 1, "c": 2}}
    json_path("a.b").drop(document)
    json_path("z.y").drop(document)
    assert document == {"a": {"c": 2}}
