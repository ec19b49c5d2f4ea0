"""Every HR system of the catalogue, as its documentation says that it answers: everybody, what
changed, one record, what is written back, webhooks; and what becomes of it by the entry's mapping.

The answers are data, in `vendors/`: what a vendor documents, or what somebody recorded, as the
first line of each file says.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from ruamel.yaml import YAML

from tenure.catalogue.filling import examples, source_settings, specification
from tenure.catalogue.loading import SOURCES, read_source
from tenure.catalogue.source_entry import SourceEntry
from tenure.core.cleaning import parse_date
from tenure.core.expressions import compile_row_value
from tenure.readers.base import Gone, Row, RowProblem
from tenure.readers.registry import open_reader
from tenure.readers.rest import RestReader
from tenure.readers.rest.opening import program_for
from tenure.readers.webhook import NotGenuine, hint
from tests.readers.rest.hr_server import Script, hr_server

FILES = Path(__file__).parent / "vendors"
ENTRIES = {path.stem: read_source(path) for path in sorted(SOURCES.glob("*.yaml"))}
BY_SPECIFICATION = [slug for slug, entry in ENTRIES.items() if entry.reader.spec]
#: `{settings.x}` counts as a part of a host.
_HOST = re.compile(r"^https://[^/]+")


@functools.cache
def vendor(slug: str) -> dict[str, Any]:
    text = (FILES / f"{slug}.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return found


class Kept:
    """The token of a source that is authorised by OAuth."""

    async def token(self) -> str:
        return "kept-token"

    async def renew(self, refused: str) -> str:
        raise AssertionError("The token was refused.")


@contextmanager
def opened(slug: str, part: Mapping[str, Any]) -> Iterator[tuple[RestReader, Script]]:
    """A reader of the entry, spoken to a server that answers by the script. Everything in it has to
    be asked for, and nothing else."""
    entry, script = ENTRIES[slug], Script(part["exchanges"])
    with hr_server(script) as server:
        spec = _at(specification(entry), server.address)
        # The vendors want to be spared; ours need not be.
        spec["limits"] = {}
        answers = {**examples(entry), **({"url": server.address} if _has_url(entry) else {})}
        settings = {"spec": spec, **source_settings(entry, answers)}
        secrets = {name: f"{name}-value" for name in spec["secrets"]}
        if "certificate" in secrets:
            secrets |= certificate()
        tokens = Kept() if entry.reader.oauth else None
        reader = open_reader("rest", settings, secrets=secrets, tokens=tokens)
        assert isinstance(reader, RestReader)
        yield reader, script
        assert script.unexpected == []
        assert script.unused == []
        for text in part.get("asked", ()):
            assert any(text in str(asked) for asked in server.asked), text


def _has_url(entry: SourceEntry) -> bool:
    return any(setting.name == "url" for setting in entry.settings)


def _at(value: Any, address: str) -> Any:
    """The specification with every address of the vendor's at our server."""
    if isinstance(value, str):
        return _HOST.sub(address, value)
    if isinstance(value, dict):
        # The XML of an envelope names its own namespaces, and pages have nothing to do with it.
        return {k: v if k in {"envelope", "xml"} else _at(v, address) for k, v in value.items()}
    return [_at(one, address) for one in value] if isinstance(value, list) else value


@functools.cache
def certificate() -> dict[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tenure")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return {
        "certificate": made.public_bytes(Encoding.PEM).decode(),
        "private_key": key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode(),
    }


def mapped(entry: SourceEntry, row: Row) -> dict[str, str]:
    """The row by the entry's mapping, its status as what it means, its dates looked at."""
    found = {
        name: str(_compiled(text).value({"row": row.values}) or "")
        for name, text in entry.mapping.items()
    }
    if found.get("status"):
        meanings = {key.casefold(): meaning for key, meaning in entry.statuses.items()}
        found["status"] = meanings[found["status"].casefold()]
    for name in ("start_date", "end_date"):
        if found.get(name):
            parse_date(found[name], entry.dates or ("%Y-%m-%d",))
    return found


@functools.cache
def _compiled(text: str) -> Any:
    return compile_row_value(text)


def compare(entry: SourceEntry, rows: Iterable[Any], part: Mapping[str, Any]) -> None:
    found: dict[str, dict[str, str]] = {}
    gone: list[str] = []
    for row in rows:
        assert not isinstance(row, RowProblem), row
        if isinstance(row, Gone):
            gone.append(row.id)
        else:
            found[row.id] = mapped(entry, row)
    wanted = part.get("people", {})
    for id, person in wanted.items():
        assert {name: found[id][name] for name in person} == person
    assert set(wanted) <= set(found)
    assert sorted(gone) == sorted(part.get("gone", ()))


@pytest.mark.parametrize("slug", BY_SPECIFICATION)
def test_everybody(slug: str) -> None:
    with opened(slug, vendor(slug)["full"]) as (reader, _):
        rows = list(reader.rows())
        compare(ENTRIES[slug], rows, vendor(slug)["full"])
        assert len({row.id for row in rows if isinstance(row, Row)}) == len(rows)


@pytest.mark.parametrize("slug", [s for s in BY_SPECIFICATION if "delta" in ENTRIES[s].can])
def test_what_changed(slug: str) -> None:
    part = vendor(slug)["changes"]
    with opened(slug, part) as (reader, _):
        compare(ENTRIES[slug], reader.changes(part["cursor"]), part)
        assert reader.cursor() == part["next"] if "next" in part else reader.cursor() > "2026-11"


@pytest.mark.parametrize("slug", [s for s in BY_SPECIFICATION if "fetch" in vendor(s)])
def test_one_record(slug: str) -> None:
    part = vendor(slug)["fetch"]
    with opened(slug, part) as (reader, _):
        found = reader.fetch(part["id"])
        if part.get("gone"):
            assert found == Gone(part["id"])
        else:
            compare(ENTRIES[slug], [found], part)


@pytest.mark.parametrize("slug", [s for s in BY_SPECIFICATION if "write_back" in ENTRIES[s].can])
def test_what_is_written_back(slug: str) -> None:
    part = vendor(slug)["write"]
    with opened(slug, part) as (reader, _):
        reader.write(part["id"], part["values"])


@pytest.mark.parametrize("slug", [s for s in BY_SPECIFICATION if "webhook" in vendor(s)])
def test_webhooks(slug: str) -> None:
    part = vendor(slug)["webhook"]
    webhook = program_for({"spec": specification(ENTRIES[slug])}).spec.webhook
    assert webhook is not None
    signature = webhook.signature
    assert signature is not None
    signed = part.get("signed", part["body"]).encode()
    made = hmac.new(part["key"].encode(), signed, getattr(hashlib, signature.algorithm)).digest()
    text = made.hex() if signature.encoding == "hex" else base64.b64encode(made).decode()
    headers = {signature.header: f"{signature.prefix}{text}", **part.get("headers", {})}
    now = datetime.fromisoformat(part["now"])
    assert list(hint(webhook, part["key"], headers, part["body"].encode(), now).ids) == part["ids"]
    with pytest.raises(NotGenuine):
        hint(webhook, "another-key", headers, part["body"].encode(), now)


@pytest.mark.parametrize("slug", BY_SPECIFICATION)
def test_its_address_and_that_somebody_left(slug: str) -> None:
    """By the examples of its settings it is where the vendor says; and a termination is among what
    was read, or nobody knows what one looks like."""
    entry = ENTRIES[slug]
    settings = source_settings(entry, examples(entry))
    program = program_for({"spec": specification(entry), **settings})
    where = program.base_url.fill({"settings": settings, "secrets": {}, "fresh": {}})
    assert where == vendor(slug)["address"]
    parts = [part for part in vendor(slug).values() if isinstance(part, dict)]
    people = [person for part in parts for person in part.get("people", {}).values()]
    assert any(person.get("status") == "left" or person.get("end_date") for person in people)


def test_there_is_a_file_for_each() -> None:
    assert {path.stem for path in FILES.glob("*.yaml")} == set(BY_SPECIFICATION)
