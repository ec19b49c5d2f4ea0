"""The portal as an application of a phone: manifest, icons, and a worker that keeps nothing of
anybody."""

from __future__ import annotations

import io
import re

import pytest
from django.test import Client
from PIL import Image

from tenure.infra.csp import POLICY
from tenure.people.models import Company
from tenure.portal import icons
from tests.signin.people import person, sign_in, with_passkey

pytestmark = pytest.mark.django_db


def test_the_icons_are_pictures_of_the_companys_colour() -> None:
    person()
    Company.objects.update(colour="#7a2e8c")
    manifest = Client().get("/portal/app.webmanifest").json()
    assert manifest["theme_color"] == "#7a2e8c"
    for item in manifest["icons"]:
        answer = Client().get(item["src"])
        assert answer["Content-Type"] == "image/png"
        picture = Image.open(io.BytesIO(answer.content))
        picture.load()
        side = picture.size[0]
        assert item["sizes"] == f"{side}x{picture.size[1]}"
        assert picture.getpixel((side // 2, side // 2)) == (255, 255, 255, 255)
        assert picture.getpixel((side // 2, side // 10)) == (0x7A, 0x2E, 0x8C, 255)
        rounded = item["purpose"] == "any"
        assert picture.getpixel((0, 0))[3] == (0 if rounded else 255)
    for wrong in ("icon-red-192.png", "icon-7a2e8c-9.png", "icon-7a2e8g-192.png"):
        assert Client().get(f"/portal/{wrong}").status_code == 404


def test_on_a_light_colour_the_mark_is_dark() -> None:
    picture = Image.open(io.BytesIO(icons.png("192", "#ffd54a")))
    assert picture.getpixel((96, 96))[0] < 0x40


def test_the_worker_keeps_a_page_that_says_nothing_of_anybody() -> None:
    client = Client()
    sign_in(client, with_passkey(person()))
    answer = client.get("/portal/worker.js")
    assert answer["Content-Type"] == "text/javascript"
    assert answer["Cache-Control"] == "no-cache"
    assert answer["Content-Security-Policy"] == POLICY
    (listed,) = re.findall(r"const KEPT = \[(.*)\]", answer.content.decode())
    kept = [name.encode().decode("unicode_escape") for name in re.findall(r'"([^"]+)"', listed)]
    assert kept[0] == "/portal/offline/"
    assert all(name.startswith("/static/") for name in kept[1:])
    page = client.get(kept[0])
    assert page.content == Client().get(kept[0]).content
    assert "Ana" not in page.content.decode()
    # What it needs is what is kept.
    assert set(re.findall(r'(?:href|src)="(/[^"]+)"', page.content.decode())) <= {
        *kept,
        "/portal/",
    }
