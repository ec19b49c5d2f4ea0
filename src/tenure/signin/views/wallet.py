"""What wallets fetch and answer: no browser, no cookies, so no form token; each address is 128
random bits that only the QR code has, and each answer counts once."""

from __future__ import annotations

import logging
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from tenure.signin import wallets
from tenure.signin.throttle import Limit, TooOften, count
from tenure.signin.wallets import WalletRefused, WalletUnready
from tenure.signin.where import address_of
from tenure.wallet.asking import REQUEST_TYPE

_log: Final = logging.getLogger(__name__)
_LONGEST_NONCE: Final = 500


@csrf_exempt
@never_cache
@require_http_methods(["GET", "POST"])
def request_object(request: HttpRequest, token: str) -> HttpResponse:
    """The signed request (OpenID4VP 1.0, section 5.10; RFC 9101, section 5.2.3)."""
    try:
        count(Limit.PAIRING_BY_ADDRESS, address_of(request))
        nonce = request.POST.get("wallet_nonce", "")[:_LONGEST_NONCE]
        text = wallets.request_object(token, wallet_nonce=nonce)
    except TooOften:
        return _refused(429)
    except WalletUnready as error:
        _log.error("%s", error)
        return _refused(503)
    except WalletRefused:
        return _refused(404)
    return HttpResponse(text, content_type=f"application/{REQUEST_TYPE}")


@csrf_exempt
@never_cache
@require_POST
def response(request: HttpRequest, token: str) -> HttpResponse:
    """The encrypted answer (section 8.3.1), or that there is none (section 8.5)."""
    try:
        count(Limit.PAIRING_BY_ADDRESS, address_of(request))
        if "response" not in request.POST:
            wallets.declined(token, request.POST.get("state", ""))
            return JsonResponse({})
        path = wallets.answer(token, request.POST["response"])
    except TooOften:
        return _refused(429)
    except WalletUnready as error:
        _log.error("%s", error)
        return _refused(503)
    except WalletRefused:
        return _refused(400)
    return JsonResponse({"redirect_uri": settings.TENURE_URL + path})


def _refused(status: int) -> JsonResponse:
    return JsonResponse({"error": "invalid_request"}, status=status)
