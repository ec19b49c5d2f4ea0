"""Settings: wallets from which people show who they are. Saved only if wallets can be asked with
what was typed, and their answers checked."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods
from pydantic import ValidationError

from tenure.configuration import editing
from tenure.configuration.document import Company
from tenure.configuration.problems import ConfigurationError
from tenure.configuration.reading import explain
from tenure.configuration.references import is_reference
from tenure.console import conflicts, tried, wallet_form
from tenure.console.page import ConsoleRequest, Fresh, render, signed_in
from tenure.console.views import company
from tenure.infra.clock import now
from tenure.people import selectors as people
from tenure.people.onboarding import asked_names
from tenure.signin import wallets
from tenure.signin.permissions import Ability
from tenure.vault.services import keep
from tenure.wallet.making import self_signed

_KEPT = "wallet-key"


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(sends=Ability.CONFIGURE, fresh=Fresh.PAGE)
def wallet(request: ConsoleRequest) -> HttpResponse:
    """Whose credentials are believed, what of them counts, who asks."""
    stored = editing.plain("company") or {}
    onboarding = stored.get("onboarding") or {}
    asked = asked_names(onboarding.get("verify") or ())
    form = wallet_form.shown(onboarding.get("wallet"), asked)
    seen, base = editing.version(stored), conflicts.write(stored)
    errors: dict[str, str] = {}
    made = False
    if request.method == "POST":
        tried.bring_back(request)
        do = request.POST.get("do", "save")
        seen, base = request.POST.get("seen", ""), request.POST.get("base", "")
        form = wallet_form.again(request.POST, asked)
        if do == "make":
            form = _made(form)
            made = True
        elif do in ("save", "off"):
            answer = _save(request, form, stored, off=do == "off")
            if isinstance(answer, HttpResponse):
                return answer
            errors = answer
    labels, _ = people.attribute_labels()
    context = {
        "tab": "wallet",
        "form": form,
        "claims": [
            (name, labels.get(name, name), wallets.usual_claim(name), path)
            for name, path in form.claims
        ],
        "errors": errors,
        # A key that was made is the one that counts.
        "tried": tried.Tried() if made else tried.keep(request, "key", errors),
        "made": made,
        "on": bool(onboarding.get("wallet")),
        "ready": _ready() if onboarding.get("wallet") else None,
        "host": settings.PASSKEY_DOMAIN,
        "https": settings.TENURE_URL.startswith("https://"),
        "seen": seen,
        "base": base,
    }
    status = 422 if errors else 200
    return render(request, "console/wallet.html", context, section="settings", status=status)


def _save(
    request: ConsoleRequest, form: wallet_form.Shown, stored: dict[str, Any], *, off: bool
) -> HttpResponse | dict[str, str]:
    """A key that was typed is sealed with the rest, or not at all."""
    typed = wallet_form.typed(form, request.POST)
    if typed.errors and not off:
        return typed.errors
    section = None
    if not off:
        section = {**typed.section, "key": form.key}
        if typed.key:
            section["key"] = typed.key if is_reference(typed.key) else _box()
        if not section["key"]:
            return {"key": "Give the private key of the certificate, or make one below."}
    try:
        # Two steps: what is wrong in the section is named without the company around it.
        written = Company.model_validate(
            stored | {"onboarding": {**stored["onboarding"], "wallet": section}}
        )
        with transaction.atomic():
            if section and typed.key and not is_reference(typed.key):
                keep(section["key"][len("${box:") : -1], typed.key)
            editing.edit("company", "", written, seen=request.POST.get("seen", ""))
            if section:
                wallets.verifier()
                wallets.issuers()
    except ValidationError as error:
        wrong = [(".".join(map(str, one["loc"])), explain(dict(one))) for one in error.errors()]
    except ConfigurationError as error:
        wrong = [(problem.path, problem.message) for problem in error.problems]
    except wallets.WalletUnready as error:
        return _unready(str(error))
    except editing.Overtaken as overtaken:
        base = conflicts.read(request.POST.get("base", ""))
        return company.conflict(request, written, base, overtaken, secret="key")
    else:
        if off:
            messages.success(request, "Wallets are not asked any more: people type who they are.")
        else:
            company.saved(request, stored, editing.plain("company") or {})
        return redirect("console:wallet")
    return {wallet_form.field_of(path): message for path, message in reversed(wrong)}


def _made(form: wallet_form.Shown) -> wallet_form.Shown:
    """A key and a certificate to begin with; the key is sealed at once."""
    certificate, private = self_signed(settings.PASSKEY_DOMAIN, now())
    reference = _box()
    keep(reference[len("${box:") : -1], private)
    values = {**form.values, "certificate": certificate}
    return wallet_form.Shown(values, form.issuers, form.claims, reference, form.required)


def _box() -> str:
    """A name of its own for each key: the one in use stays until another is saved."""
    return f"${{box:{_KEPT}-{now():%Y%m%d}-{secrets.token_hex(4)}}}"


def _ready() -> dict[str, Any]:
    """Whether wallets can be asked now, as `tenure doctor` says it."""
    try:
        ours, believed = wallets.verifier(), wallets.issuers()
    except wallets.WalletUnready as error:
        return {"problem": _plain(error)}
    return {
        "problem": "",
        "client": ours.client_id(),
        "until": ours.chain[0].not_valid_after_utc,
        "believed": [one.name for one in believed],
    }


def _unready(message: str) -> dict[str, str]:
    text = message.removeprefix("wallet: ").replace("`", "")
    where = "issuer-0-roots" if "roots of an issuer" in text else "key"
    if "certificate is not for" in text:
        where = "client_id"
    return {where: f"{text[:1].upper()}{text[1:]}"}


def _plain(error: wallets.WalletUnready) -> str:
    return "".join(_unready(str(error)).values())
