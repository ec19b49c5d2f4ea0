"""What load balancers and monitoring ask."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from tests.provisioning.company import Company

pytestmark = pytest.mark.django_db

ANY = {"HTTP_HOST": "10.1.2.3:8000"}


def test_they_answer_under_any_host(client: Client) -> None:
    for path, word in (("/health/live", "live"), ("/health/ready", "ready")):
        response = client.get(path, **ANY)
        assert (response.status_code, response.json()) == (200, {word: True})
        assert response["Cache-Control"] == "no-store"
        assert client.head(path, **ANY).status_code == 200
    assert client.get("/health/other", **ANY).status_code == 400
    assert client.post("/health/live", **ANY).status_code == 400


def test_an_older_program_is_not_ready(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('people', '9999', now())"
        )
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["why"] == "the tables are those of a newer Tenure: start that"
    assert client.get("/health/live").status_code == 200


def numbers(client: Client, token: str = "a token") -> dict[str, float]:
    response = client.get("/metrics", HTTP_AUTHORIZATION=f"Bearer {token}", **ANY)
    assert response.status_code == 200
    lines = [line for line in response.content.decode().splitlines() if line[0] != "#"]
    for line in lines:
        assert re.fullmatch(r'tenure_\w+(\{\w+="[\w-]+"\})? [0-9.e+-]+', line), line
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_the_numbers_are_for_who_has_the_token(client: Client, settings: Settings) -> None:
    assert client.get("/metrics").status_code == 404
    settings.TENURE_METRICS_TOKEN = "a token"
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer other").status_code == 401
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer ä").status_code == 401
    assert numbers(client)["tenure_workers"] == 0


def test_the_numbers_say_what_waits(client: Client, settings: Settings) -> None:
    from tenure.provisioning import services

    settings.TENURE_METRICS_TOKEN = "a token"
    company = Company()
    company.application()
    company.rule("all", "true", {"chat": []})
    company.people(3)
    before = numbers(client)
    assert before["tenure_people_to_plan"] == 3
    assert before['tenure_application_stopped{application="chat"}'] == 0
    services.store()
    services.stop_writes(reason="to see it")
    services.stop_writes(application="chat", reason="to see it")
    after = numbers(client)
    assert after["tenure_people_to_plan"] == 0
    assert after['tenure_operations{state="planned"}'] == 3
    assert after["tenure_writes_stopped"] == 1
    assert after['tenure_application_stopped{application="chat"}'] == 1
    assert after["tenure_leavers_waiting"] == 0
    assert after["tenure_sign_outs_waiting"] == 0
    assert after["tenure_audit_unsealed"] > 0
    assert after["tenure_database_bytes"] > 1e6
