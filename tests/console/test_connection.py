"""Who may test a connection, and what is begun and kept by it."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse
from procrastinate.contrib.django.models import ProcrastinateJob

from tenure.applications.models import Application, ConnectionCheck
from tenure.signin.models import Role
from tests.console.company import Sample
from tests.console.conftest import signed_in

CHECK = reverse("console:connection_check", args=["crm"])
KEEP = reverse("console:connection_keep", args=["workspace"])
PAGE = reverse("console:connection", args=["crm"])


def begun() -> list[ConnectionCheck]:
    return list(ConnectionCheck.objects.filter(application__slug="crm"))


def test_a_test_by_reading_is_queued_for_a_worker(sample: Sample, owner: Client) -> None:
    assert owner.post(CHECK)["Location"] == PAGE
    (check,) = begun()
    assert (check.write, check.mark, check.finished_at) == (False, "", None)
    job = ProcrastinateJob.objects.get(task_name="tenure.check_connection")
    assert job.args == {"check": check.pk}
    text = owner.get(PAGE).content.decode()
    assert "Waiting for a worker" in text
    # Another one would be in its way.
    again = owner.post(CHECK, follow=True)
    assert "is being checked already" in again.content.decode()
    assert begun() == [check]


def test_only_who_may_try_has_an_account_made(sample: Sample) -> None:
    helper = signed_in(Role.HELP_DESK)
    assert "Test everything" not in helper.get(PAGE).content.decode()
    assert helper.post(CHECK, {"write": "yes"}).status_code == 403
    assert helper.post(KEEP).status_code == 403
    assert begun() == []
    assert helper.post(CHECK).status_code == 302
    assert [check.write for check in begun()] == [False]


def test_what_fits_is_kept_once(sample: Sample, owner: Client) -> None:
    page = reverse("console:connection", args=["workspace"])
    assert "Keep them" in owner.get(page).content.decode()
    assert "from now on" in owner.post(KEEP, follow=True).content.decode()
    settings = Application.objects.get(slug="workspace").settings
    assert settings["dialect"] == {"filters": ["userName"], "pages": {"count": False}}
    assert "Keep them" not in owner.get(page).content.decode()
    assert "nothing to keep" in owner.post(KEEP, follow=True).content.decode()
