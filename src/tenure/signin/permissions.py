"""What each role may do. Reading is for everybody who is signed in; everything else is named."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from tenure.signin.models import Role, User


class Ability(StrEnum):
    """Something that changes the world, as a refusal names it."""

    APPLY = "apply plans"
    DECIDE = "approve or reject what is held"
    TERMINATE = "terminate people"
    SUSPEND = "suspend people, or end a suspension"
    LEGAL_HOLD = "set or end a legal hold"
    EXCEPT = "decide exceptions to the rules"
    SEE = "see sensitive values"
    EDIT_PEOPLE = "add or change people by hand"
    MERGE = "say that two people are one, or one is two"
    ACCOUNTS = "decide whose an account is"
    STOP = "stop or resume writes"
    RECONCILE = "read applications again"
    AUTHORISE = "authorise applications and sources"
    TRY = "try an application with an account of its own"
    RETRY = "send failed operations again"
    TASKS = "settle tasks by hand"
    RUNS = "pause, resume or cancel runs"
    CONFIGURE = "change what is configured"
    INVITE = "invite people, end their sessions or remove their passkeys"
    VOUCH = "decide who somebody is"
    ADMINISTER = "manage administrators and mail"


_EVERYTHING: Final = frozenset(Ability)
_ROLES: Final = MappingProxyType(
    {
        Role.OWNER: _EVERYTHING,
        Role.ADMINISTRATOR: _EVERYTHING - {Ability.ADMINISTER},
        Role.HELP_DESK: frozenset(
            {
                Ability.RECONCILE,
                Ability.RETRY,
                Ability.TASKS,
                Ability.INVITE,
                Ability.SUSPEND,
            }
        ),
        Role.AUDITOR: frozenset[Ability](),
    }
)


def may(user: User, ability: Ability) -> bool:
    """Whether the user's role includes it. A role that is not known may nothing."""
    return user.is_active and ability in abilities(user)


def abilities(user: User) -> frozenset[Ability]:
    """Everything that the user may do beyond reading."""
    try:
        return _ROLES[Role(user.role)]
    except ValueError:
        return frozenset()
