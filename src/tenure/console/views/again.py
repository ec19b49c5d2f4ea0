"""Showing one's passkey again, before something that cannot be taken back in full."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from tenure.console.page import ConsoleRequest, signed_in
from tenure.signin import again


@require_POST
@signed_in(anybody_may_post=True)
def options(request: ConsoleRequest) -> HttpResponse:
    """What the passkey has to sign."""
    return again.options(request, request.administrator)


@require_POST
@signed_in(anybody_may_post=True)
def prove(request: ConsoleRequest) -> HttpResponse:
    """The signature."""
    return again.prove(request, request.administrator, reverse("console:overview"))
