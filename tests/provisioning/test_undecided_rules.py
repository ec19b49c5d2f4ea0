"""A rule whose condition has no answer for somebody: told, and nothing is taken by it."""

from __future__ import annotations

from tenure.applications.models import Application
from tenure.infra.clock import now
from tenure.provisioning import services
from tenure.provisioning.questions.explain import explain
from tenure.provisioning.questions.standing import standing_in
from tests.provisioning.company import Company, apply, change


def test_a_value_that_a_condition_cannot_take_locks_nobody_out(company: Company) -> None:
    company.application("chat")
    company.rule("sales", 'user.title.split(" ")[1] == "Sales"', {"chat": []})
    anna, bo = (company.person(n, title="Head Sales") for n in ("1", "2"))
    apply()
    assert len(company.open_users()) == 2
    change(anna, title="Head")
    change(bo, title="Head Support")
    plan = services.preview()
    closed = [line.person_name for line in plan.lines if line.kind == "disable"]
    assert closed == [bo.display_name], plan.lines
    (problem,) = plan.problems
    assert "The rule Sales cannot be decided for this person" in problem.message
    apply()
    chat = Application.objects.get()
    anna.refresh_from_db()
    assert standing_in(anna, chat, now()).given.due
    assert "Sales (cannot be decided)" in str(explain(anna, "chat").as_json())
    services.terminate_now(anna, reason="dismissed")
    apply()
    assert company.open_users() == set()
