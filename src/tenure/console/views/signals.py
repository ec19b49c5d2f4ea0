"""Shared Signals: who is told when access ends, whom we listen to, and what they said."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from tenure.applications import selectors as applications
from tenure.console.page import ConsoleRequest, Fresh, render, signed_in
from tenure.core.names import slug as slug_of
from tenure.signals import listening, receivers, selectors, streams
from tenure.signals.events import UNDERSTOOD
from tenure.signals.models import Status, Stream, SubjectFormat
from tenure.signin.permissions import Ability


@require_safe
@signed_in()
def signals(request: ConsoleRequest) -> HttpResponse:
    """All of it."""
    return _page(request)


def _page(
    request: ConsoleRequest, wrong: str = "", errors: dict[str, str] | None = None
) -> HttpResponse:
    """`wrong`: the form that was refused, `receiver` or `transmitter`, shown as it was typed."""
    events = [(kind.value, listening.DEFAULT_POLICY[kind]) for kind in UNDERSTOOD]
    given = request.POST if wrong else {}
    context = {
        "wrong": wrong,
        "errors": errors or {},
        "typed": given,
        "policy": [(kind, given.get(f"on-{kind}", usual)) for kind, usual in events],
        "receivers": selectors.receivers(),
        "transmitters": selectors.transmitters(),
        "heard": selectors.heard(),
        "applications": applications.application_names(),
        "subjects": SubjectFormat.choices,
        "doings": list(listening.Doing),
        "issuer": settings.TENURE_URL,
    }
    status = 422 if wrong else 200
    return render(request, "console/signals.html", context, section="signals", status=status)


@require_POST
@signed_in(needs=Ability.CONFIGURE, fresh=Fresh.FORM)
def add_receiver(request: ConsoleRequest) -> HttpResponse:
    """Another system may open a stream."""
    given = request.POST
    try:
        made, token = receivers.add(
            _slug(request),
            name=given.get("name", ""),
            application=given.get("application", ""),
            subjects=SubjectFormat(given.get("subjects", SubjectFormat.EMAIL)),
            audience=given.get("audience", ""),
            valid=timedelta(days=3650),
        )
    except (ValueError, LookupError) as error:
        return _page(request, "receiver", {_field(str(error), "r"): str(error)})
    shown = {"name": made.name, "token": token, "audience": made.audience, "address": ""}
    return _shown_once(request, shown)


@require_POST
@signed_in(needs=Ability.CONFIGURE, fresh=Fresh.FORM)
def change_receiver(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Its stream is turned on, held back or off; or it is removed."""
    status = request.POST.get("do", "")
    try:
        if status == "remove":
            receivers.remove(slug)
            messages.success(request, f"{slug} is told nothing more.")
        else:
            stream = Stream.objects.filter(receiver=receivers.named(slug)).first()
            if stream is None or status not in Status.values:
                raise LookupError(f"{slug} has not opened its stream yet.")
            if request.POST.get("seen", stream.status) != stream.status:
                word = stream.get_status_display().lower()
                raise LookupError(f"The stream of {slug} is {word} since: nothing was changed.")
            streams.set_status(stream, status, by_receiver=False)
            messages.success(
                request, f"The stream of {slug} is {stream.get_status_display().lower()}."
            )
    except (LookupError, streams.Refused) as error:
        messages.error(request, str(error))
    return redirect("console:signals")


@require_POST
@signed_in(needs=Ability.CONFIGURE, fresh=Fresh.PAGE)
def trust(request: ConsoleRequest) -> HttpResponse:
    """Listen to another system."""
    given = request.POST
    policy = {
        kind.value: doing
        for kind in UNDERSTOOD
        if (doing := given.get(f"on-{kind}", "")) and doing != listening.DEFAULT_POLICY[kind]
    }
    try:
        made, token = listening.trust(
            _slug(request),
            name=given.get("name", ""),
            issuer=given.get("issuer", "").strip(),
            jwks_address=given.get("keys", "").strip(),
            audience=given.get("audience", "").strip() or settings.TENURE_URL,
            policy=policy,
        )
    except ValueError as error:
        return _page(request, "transmitter", {_field(str(error), "t"): str(error)})
    address = f"{settings.TENURE_URL}{reverse('signals:receive', args=[made.slug])}"
    shown = {"name": made.name, "token": token, "audience": made.audience, "address": address}
    return _shown_once(request, shown)


@require_POST
@signed_in(needs=Ability.CONFIGURE, fresh=Fresh.FORM)
def distrust(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Listen to it no more."""
    try:
        listening.distrust(slug)
        messages.success(request, f"{slug} is not listened to any more.")
    except LookupError as error:
        messages.error(request, str(error))
    return redirect("console:signals")


def _slug(request: ConsoleRequest) -> str:
    """The short name: as it was typed, otherwise made of the name."""
    return request.POST.get("slug", "").strip() or slug_of(request.POST.get("name", ""))


def _field(message: str, form: str) -> str:
    """The field that a refusal speaks of."""
    for words, name in (
        ("no name of", "name"),
        ("already", "slug"),
        ("say which one", "application"),
        ("address of the keys", "keys"),
        ("issuer", "issuer"),
    ):
        if words in message:
            return f"{form}-{name}"
    return ""


def _shown_once(request: ConsoleRequest, made: dict[str, str]) -> HttpResponse:
    """The answer to the form itself: a token is stored nowhere, not in a session either."""
    address = f"{settings.TENURE_URL}{reverse('signals:metadata')}"
    context = {"made": made, "address": address}
    return render(request, "console/signals_made.html", context, section="signals")
