"""Settings: administrators and their roles, the mail server, who is told of what waits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenure.configuration import editing
from tenure.console import conflicts, overtaken, tried
from tenure.console.page import ConsoleRequest, Fresh, render, signed_in
from tenure.core.instants import told
from tenure.notices import services as notices
from tenure.notices.models import Channel
from tenure.signin import administrators as admins
from tenure.signin import mail_server, sending
from tenure.signin.models import Role, User
from tenure.signin.permissions import Ability, may
from tenure.signin.sending import absolute
from tenure.signin.services import invite_administrator, issue_link

_MAIL = {
    "host": "Host",
    "port": "Port",
    "security": "Kept private by",
    "user": "User",
    "sender": "Letters are from",
    "entered_at": "Password entered",
}
_ROLES = {
    Role.OWNER: "Everything, administrators and mail among it",
    Role.ADMINISTRATOR: "Everything but administrators and mail",
    Role.HELP_DESK: "Invites people, settles tasks, sends again what failed",
    Role.AUDITOR: "Reads everything, changes nothing",
}


@require_safe
@signed_in()
def administrators(request: ConsoleRequest) -> HttpResponse:
    """Who may come into the console."""
    return _administrators(request)


def _administrators(request: ConsoleRequest, errors: dict[str, str] | None = None) -> HttpResponse:
    """With what was typed of an invitation that was refused."""
    typed = request.POST if errors else {"role": Role.ADMINISTRATOR.value}
    context = {
        "typed": typed,
        "errors": errors or {},
        "tab": "administrators",
        "rows": admins.administrators(),
        "roles": [(role.value, role.label, _ROLES[role]) for role in Role],
        "me": request.administrator.pk,
        "link": request.session.pop("link", None),
        "mails": bool(settings.EMAIL_HOST or mail_server.entered()),
    }
    status = 422 if errors else 200
    page = "console/administrators.html"
    return render(request, page, context, section="settings", status=status)


@require_POST
@signed_in(needs=Ability.ADMINISTER, fresh=Fresh.FORM)
def administrator(request: ConsoleRequest) -> HttpResponse:
    """Invite one, give another role, let one in no more."""
    do = request.POST.get("do", "")
    invites = do == "invite" or (do == "link" and "user" not in request.POST)
    try:
        if invites:
            _invite(request, by_mail=do == "invite")
        else:
            _change(request, do)
    except (ValueError, LookupError) as error:
        if invites:
            field = "email" if "e-mail" in str(error) else "name"
            return _administrators(request, {field: str(error)})
        messages.error(request, str(error))
    return redirect("console:administrators")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(sends=Ability.ADMINISTER, fresh=Fresh.PAGE)
def mail(request: ConsoleRequest) -> HttpResponse:
    """Where letters are handed in, and a test letter."""
    kept = mail_server.entered()
    values = {
        "host": kept.host if kept else "",
        "port": str(kept.port) if kept else "",
        "security": kept.security if kept else "starttls",
        "user": kept.user if kept else "",
        "sender": kept.sender if kept else "",
    }
    told = mail_server.told(kept)
    seen, base = editing.version(told), conflicts.write(told)
    errors: dict[str, str] = {}
    if request.method == "POST":
        tried.bring_back(request)
        do = request.POST.get("do", "save")
        seen, base = request.POST.get("seen", seen), request.POST.get("base", base)
        if do != "test":
            values = {name: request.POST.get(name, "").strip()[:254] for name in values}
        if do == "test":
            errors = _test(request)
            if not errors:
                return redirect("console:mail")
        elif mail_server.from_environment():
            messages.error(request, "The environment names the mail server: change it there.")
            return redirect("console:mail")
        elif do != "edit":
            answer = _keep_mail_server(request, values, forget=do == "forget")
            if isinstance(answer, HttpResponse):
                return answer
            errors = answer
    context = {
        "tab": "mail",
        "to": request.POST.get("to", ""),
        "values": values,
        "errors": errors,
        "seen": seen,
        "base": base,
        "tried": tried.keep(request, "password", errors),
        "kept": kept,
        "environment": settings.EMAIL_HOST,
        "outbox": settings.EMAIL_OUTBOX,
        "sender": settings.DEFAULT_FROM_EMAIL,
        "securities": mail_server.SECURITY,
        "unsent": sending.unsent(),
    }
    status = 422 if errors else 200
    return render(request, "console/mail.html", context, section="settings", status=status)


def _when_entered(side: Mapping[str, Any]) -> dict[str, Any]:
    """With the instant of the password as a person reads it."""
    text = str(side.get("entered_at") or "")
    if not text or text == "now":
        return dict(side)
    at = timezone.localtime(datetime.fromisoformat(text))
    return {**side, "entered_at": told(at)}


def _keep_mail_server(
    request: ConsoleRequest, values: dict[str, str], *, forget: bool
) -> HttpResponse | dict[str, str]:
    """What is wrong with it, by field; else where to go on."""
    seen, password = request.POST.get("seen", ""), request.POST.get("password", "")
    try:
        if forget:
            mail_server.forget(seen=seen)
            messages.success(request, "Forgotten. Letters are files of the outbox again.")
        else:
            mail_server.keep(**values, password=password, seen=seen)
            messages.success(request, "Saved. Send a test letter to see whether it arrives.")
    except mail_server.MailServerRefused as refused:
        return refused.problems
    except editing.Overtaken as taken:
        base = conflicts.read(request.POST.get("base", "")) or {}
        port = int(values["port"]) if values["port"].isdecimal() else values["port"]
        mine = {**base, **values, "port": port} | ({"entered_at": "now"} if password else {})
        sides = [_when_entered(side) for side in (base, taken.now or {}, {} if forget else mine)]
        return overtaken.answer(
            request, "The mail server", conflicts.three_ways(*sides), taken,
            kind="mail", keep_url=request.path, labels=_MAIL, secret="password",
        )  # fmt: skip
    return redirect("console:mail")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(sends=Ability.CONFIGURE)
def notifications(request: ConsoleRequest) -> HttpResponse:
    """Who is told of what waits."""
    errors: dict[str, str] = {}
    key, typed = "", {"channel": "email", "address": "", "kinds": []}
    number = request.POST.get("target", request.GET.get("target", ""))
    row = notices.target(int(number)) if number.isdecimal() else None
    told = notices.told_of(row) if row is not None else None
    if row is not None:
        typed = {"channel": row.channel, "address": row.address, **notices.told_of(row)}
    seen, base = editing.version(told), conflicts.write(told)
    if request.method == "POST":
        do = request.POST.get("do", "add")
        if do in ("change", "edit"):
            seen, base = request.POST.get("seen", ""), request.POST.get("base", "")
            typed["kinds"] = request.POST.getlist("kinds")
            if do == "change":
                answer = _change_target(request, number)
                if isinstance(answer, HttpResponse):
                    return answer
                errors = answer
        elif do == "add":
            typed = {
                "channel": request.POST.get("channel", ""),
                "address": request.POST.get("address", ""),
                "kinds": request.POST.getlist("kinds"),
            }
            try:
                row, key = notices.add(**typed)  # type: ignore[arg-type]
            except notices.TargetRefused as refused:
                errors = {"kinds" if "at least one" in str(refused) else "address": str(refused)}
            else:
                messages.success(request, f"{row} is told from now on.")
                if not key:
                    return redirect("console:notifications")
                typed, row = {"channel": "email", "address": "", "kinds": []}, None
        elif number.isdecimal():
            _steer(request, do, int(number))
            return redirect("console:notifications")
    # The path of a webhook is for those who may change it.
    changes = may(request.administrator, Ability.CONFIGURE)
    context = {
        "tab": "notifications",
        "rows": [
            (
                one,
                one.address if changes else notices.shown(one),
                notices.told_of(one)["kinds"],
                notices.newer_of(one),
            )
            for one in notices.targets()
        ],
        "kinds": notices.kinds(),
        "words": notices.words(),
        "typed": typed,
        "target": row,
        "seen": seen,
        "base": base,
        "errors": errors,
        "key": key,
        "header": notices.SIGNATURE,
        "webhook": Channel.WEBHOOK.value,
    }
    status = 422 if errors else 200
    page = "console/notifications.html"
    return render(request, page, context, section="settings", status=status)


def _change_target(request: ConsoleRequest, number: str) -> HttpResponse | dict[str, str]:
    """What is wrong with it, by field; else where to go on."""
    kinds = request.POST.getlist("kinds")
    try:
        changed = notices.change(
            int(number) if number.isdecimal() else 0,
            kinds=kinds,
            seen=request.POST.get("seen", ""),
        )
    except notices.TargetRefused as refused:
        return {"kinds": str(refused)}
    except editing.Overtaken as taken:
        words = notices.words()
        sides = [conflicts.read(request.POST.get("base", "")), taken.now, {"kinds": kinds}]
        shown = [
            {"kinds": [words.get(kind, kind) for kind in side["kinds"]]} if side else {}
            for side in sides
        ]
        return overtaken.answer(
            request, "What they are told of", conflicts.three_ways(*shown), taken,
            kind="notice", keep_url=request.path, labels={"kinds": "Of what"},
        )  # fmt: skip
    messages.success(request, f"Saved: {changed} is told of that from now on.")
    return redirect("console:notifications")


def _invite(request: ConsoleRequest, *, by_mail: bool) -> None:
    name = request.POST.get("name", "").strip()[:200]
    role = Role(request.POST.get("role", ""))
    if not name:
        raise ValueError("Give a name: it stands in the audit trail.")
    if User.objects.filter(name=name).exists():
        raise ValueError(f"There is an administrator {name!r} already.")
    if by_mail:
        invite_administrator(name=name, email=request.POST.get("email", ""), role=role)
        messages.success(request, f"{name} is invited: the link in the letter works once.")
    else:
        request.session["link"] = [name, absolute(issue_link(name=name, role=role))]


def _change(request: ConsoleRequest, do: str) -> None:
    number = request.POST.get("user", "")
    user = User.objects.filter(pk=number).first() if number.isdecimal() else None
    if user is None:
        raise LookupError("There is no such administrator any more.")
    if do == "role" and request.POST.get("seen", user.role) != user.role:
        raise ValueError(
            f"Somebody gave {user.name} another role meanwhile: {user.get_role_display()}. "
            "Yours was not given; choose again if it should be."
        )
    if do == "role":
        admins.change_role(user, Role(request.POST.get("role", "")))
        messages.success(request, f"{user.name} has another role.")
    elif do == "deactivate":
        if user.pk == request.administrator.pk:
            raise ValueError("You cannot lock yourself out: let another owner do it.")
        admins.deactivate(user)
        messages.success(request, f"{user.name} is out, and comes in no more.")
    elif do == "activate":
        admins.activate(user)
        messages.success(request, f"{user.name} may come in again.")
    elif do == "link":
        request.session["link"] = [user.name, absolute(issue_link(name=user.name))]


def _test(request: ConsoleRequest) -> dict[str, str]:
    """What is wrong with it, by field; nothing where it was handed in."""
    to = request.POST.get("to", "").strip()
    if "@" not in to.strip("@ "):
        return {"to": f"{to!r} is no e-mail address. Expected one such as anna@acme.example."}
    try:
        sending.send_test(to)
    except sending.FAILURES as error:
        return {"to": f"It was not sent. {sending.said(error)}"}
    if settings.EMAIL_HOST or mail_server.entered():
        messages.success(request, f"The mail server took the letter to {to}. See if it arrives.")
    else:
        messages.info(request, f"There is no mail server: it is a file in {settings.EMAIL_OUTBOX}.")
    return {}


def _steer(request: ConsoleRequest, do: str, number: int) -> None:
    try:
        if do == "remove":
            notices.remove(number)
            messages.success(request, "They are told no more.")
        elif do == "try":
            error = notices.try_it(number)
            if error:
                messages.error(request, f"It did not arrive. {error}")
            else:
                messages.success(request, "Sent. See whether it arrived.")
    except LookupError as error:
        messages.error(request, str(error))
