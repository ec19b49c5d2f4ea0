"""After failed operations were sent again: straight to the run in which they are, or to each."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from tenure.applications import selectors as applications
from tenure.console.page import ConsoleRequest
from tenure.provisioning.services import Retried


def answer(request: ConsoleRequest, done: Retried, here: HttpResponse) -> HttpResponse:
    """`here` is where the button was: the way back where there is not exactly one run to show."""
    if not done.runs:
        messages.info(request, "Nothing of it is failed any more, so nothing was sent.")
        return here
    if len(done.runs) == 1:
        messages.success(request, f"Operations for {done} are sent again, in this run.")
        return redirect("console:run", done.runs[0].pk)
    names = applications.application_names()
    links = format_html_join(
        ", ",
        '<a href="{}">{}</a>',
        (
            (reverse("console:run", args=[run.pk]), names.get(run.subject, run.subject))
            for run in done.runs
        ),
    )
    text = "Operations for {} are sent again, in a run for each application: {}."
    messages.success(request, format_html(text, done, links))
    return here
