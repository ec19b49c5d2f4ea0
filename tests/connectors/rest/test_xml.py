"""XML as the tree that JSON makes, and a request that sends it."""

from __future__ import annotations

import pytest
from aiohttp import web

from tenure.connectors.base import RetryLater, StopApplication
from tenure.connectors.rest.xml_tree import XmlError, xml_tree
from tests.connectors.rest.scripted import opened, spec

ENVELOPE = """<?xml version="1.0"?>
<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/" xmlns:w="urn:w">
 <env:Body><w:Answer w:version="1"><w:Worker><w:ID w:type="WID">a&amp;1</w:ID>
 <w:Name>Ada  Byron</w:Name><w:Left/></w:Worker></w:Answer></env:Body></env:Envelope>"""
FAULT = """<Envelope><Body><Fault><faultcode>Client</faultcode><faultstring>Processing error
 occurred. The task submitted is not authorized.</faultstring></Fault></Body></Envelope>"""


def test_a_tree_without_namespaces_and_with_lists_where_they_are_said() -> None:
    tree = xml_tree(ENVELOPE.encode(), frozenset({"Worker"}))
    answer = tree["Envelope"]["Body"]["Answer"]
    assert answer["@version"] == "1"
    assert answer["Worker"] == [
        {"ID": {"@type": "WID", "#": "a&1"}, "Name": "Ada  Byron", "Left": ""}
    ]
    assert xml_tree(b"<a><b>1</b><b>2</b><b/></a>") == {"a": {"b": ["1", "2", ""]}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<a><b></a>", "broken off"),
        ("", "no XML"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "DOCTYPE"),
        ("<a>" * 100 + "</a>" * 100, "nested"),
    ],
)
def test_what_is_not_read(text: str, said: str) -> None:
    with pytest.raises(XmlError, match=said):
        xml_tree(text.encode())


async def test_a_request_sends_and_reads_xml() -> None:
    """Data is escaped; a fault is told in its own words, and means what a rule says."""
    seen: list[tuple[str, str]] = []
    answers = [(200, ENVELOPE), (200, "<Envelope><Bo"), (500, FAULT)]

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.content_type, await request.text()))
        status, text = answers.pop(0)
        return web.Response(status=status, text=text, content_type="text/xml")

    get = {
        "request": "POST /ws",
        "xml": "<Get><Id>{id}</Id></Get>",
        "answer": "xml",
        "lists": ["Worker"],
        "item": "Envelope.Body.Answer.Worker[0]",
        "errors": [{"status": 500, "matches": "not authorized", "means": "stop"}],
    }
    written = spec(
        account={"id": "ID.#", "attributes": {"userName": "Name"}},
        requests={"get": get},
        errors={"message": ["Envelope.Body.Fault.faultstring"]},
    )
    async with opened(written, handler) as connector:
        account = await connector.read("a&1")
        assert (account.remote_id, account.attributes["userName"]) == ("a&1", "Ada  Byron")
        assert seen == [("text/xml", "<Get><Id>a&amp;1</Id></Get>")]
        with pytest.raises(RetryLater, match="broken off"):
            await connector.read("1")
        with pytest.raises(StopApplication, match="The task submitted is not authorized"):
            await connector.read("1")
