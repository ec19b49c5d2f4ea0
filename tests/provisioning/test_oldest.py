"""What waits longest of all that could be sent."""

from __future__ import annotations

from datetime import timedelta

from tenure.infra.clock import now
from tenure.provisioning import services
from tenure.provisioning.models import Operation
from tenure.provisioning.questions.oldest import waits_longest
from tests.provisioning.company import Company


def test_what_waits_longest(sales: Company) -> None:
    at = now()
    assert waits_longest(at) is None
    sales.people(2)
    services.store()
    first, second = Operation.objects.order_by("pk")
    long_ago = at - timedelta(hours=9)
    Operation.objects.filter(pk=first.pk).update(created_at=long_ago)
    assert waits_longest(now()) == ("chat", long_ago)
    # Put off until tomorrow: it does not wait yet.
    Operation.objects.filter(pk=first.pk).update(not_before=at + timedelta(days=1))
    assert waits_longest(now()) == ("chat", second.created_at)
    Operation.objects.filter(pk=second.pk).update(state="held")
    assert waits_longest(now()) is None
