"""No text that a browser sends has the character U+0000 in it: no keyboard makes it, PostgreSQL
stores it in no text, and whatever compares it would fail with an error of ours. Who sends it all
the same is told so before any page is asked. Knows no pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest

_FORM: Final = "application/x-www-form-urlencoded"
_FILES: Final = "multipart/form-data"
_NUL: Final = "\0"
_SAID: Final = "What was sent holds the character U+0000, which is in no text. Leave it out."


class NoNul:
    """Refuses it in addresses and in forms."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _NUL in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return _refused()
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Forms are read here as they would be by the view. What a program sends in parts is left
        to its view: reading it here would take it away."""
        kinds = {_FORM} if getattr(view, "csrf_exempt", False) else {_FORM, _FILES}
        if request.method != "POST" or request.content_type not in kinds:
            return None
        given = (text for values in request.POST.lists() for text in (values[0], *values[1]))
        return _refused() if any(_NUL in str(text) for text in given) else None


def _refused() -> HttpResponse:
    return HttpResponseBadRequest(_SAID, content_type="text/plain; charset=utf-8")
