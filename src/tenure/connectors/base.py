"""The application port: what a connector promises to the engine, and nothing of either's insides.

A connector speaks to one kind of application. It does not decide, retry, store or log secrets: it
does one thing when told, and says what happened in terms of what the engine does next:

    ConnectorError
    ├── RetryLater        nothing was changed; send the same again, not before `after` seconds
    ├── OutcomeUnknown    it was sent and no answer came: look before anything is sent again
    ├── NotBegun          somebody said stop before it was sent: it waits as it was
    ├── NotFound          the account or entitlement is not there
    ├── AlreadyExists     something with this name or id is there already
    ├── Rejected          this application refuses these values; the same again is refused again
    ├── StopApplication   nothing will work until somebody mends credentials or address
    └── Unsupported       this application cannot do that; a person has to

Attributes are flat: a name that the mapping uses (`userName`, `name.givenName`, `emails.work`)
to a value. A connector turns them into whatever its application stores, and back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self, TypeAlias, runtime_checkable

from pydantic import BaseModel

from tenure.core.model import Attributes, Value


class ConnectorError(Exception):
    """Anything that an application, or the way to it, did not do. `str()` is for administrators.

    `status` is what an application that speaks HTTP answered; 0 where that says nothing."""

    status: int = 0


class RetryLater(ConnectorError):
    """Nothing was changed. Send the same again, not before `after` seconds (None: own back-off)."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class OutcomeUnknown(ConnectorError):
    """It was sent and no usable answer came: it may have happened. Look before sending again."""


class NotBegun(ConnectorError):
    """One of several that was not sent: whoever asked for them said stop before its turn came."""

    def __init__(self) -> None:
        super().__init__("It was not begun.")


class NotFound(ConnectorError):
    """The account or entitlement that was named is not there."""


class AlreadyExists(ConnectorError):
    """Something with this unique value is there already, whether or not a search shows it."""


class Rejected(ConnectorError):
    """The application refuses these values. `fields` names the attributes when it says which."""

    def __init__(self, message: str, fields: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.fields = tuple(fields)


class StopApplication(ConnectorError):
    """Credentials, address or permission are wrong: nothing will work until they are mended."""


class Unsupported(ConnectorError):
    """The application has no way to do this. `instructions` tell a person how to do it by hand."""

    def __init__(self, message: str, instructions: str = "") -> None:
        super().__init__(message)
        self.instructions = instructions


class SettingsError(ValueError):
    """Settings that a connector cannot be opened with. `problems` are places in the settings and
    what is wrong there; nothing was sent."""

    def __init__(self, problems: Sequence[tuple[tuple[str | int, ...], str]]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "; ".join(
                f"{'.'.join(map(str, place))}: {message.rstrip('.')}" for place, message in problems
            )
        )


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a connector can do for this application. False becomes a task for a person."""

    #: Whether its accounts can be read at all. False: what a person says of them is what is known.
    listed: bool = True
    create: bool = True
    update: bool = True
    disable: bool = True
    #: An account that is closed is deleted: it is not there any more.
    disable_deletes: bool = False
    enable: bool = True
    delete: bool = True
    #: Kinds of entitlement it can list and change members of: "group", "role", "licence".
    entitlements: frozenset[str] = frozenset()
    create_entitlements: bool = False
    #: It can make what one account owns another's: it is `Transferring` too.
    transfer: bool = False
    #: It can end what an account is signed in to, and leave it open: it is `EndsSessions` too.
    ends_sessions: bool = False
    #: It makes no second account of one name: whoever asks for one is told so, or gets the one that
    #: is there. False where that is not known: then more is looked at before an account is made
    #: that may have been made already.
    unique_names: bool = False
    #: Attributes that `find` can search by.
    searchable: frozenset[str] = frozenset({"userName"})


@dataclass(slots=True)
class Pace:
    """What an application taught us of one kind of request: so many a second (None: it did not
    complain), and none before `paused_until` (seconds since 1970)."""

    rate: float | None = None
    paused_until: float = 0.0


@dataclass(slots=True)
class Learnt:
    """What an application taught us by saying "too many". Not frozen: whoever speaks to it learns,
    and whoever opened the connector keeps what was learnt for the next time."""

    reads: Pace = field(default_factory=Pace)
    writes: Pace = field(default_factory=Pace)


@dataclass(frozen=True, slots=True)
class Limits:
    """How hard an application may be pressed. Rates are requests per second; None: no limit."""

    reads: float | None = None
    writes: float | None = None
    burst: int = 20
    concurrency: int = 16
    learnt: Learnt = field(default_factory=Learnt, compare=False)


@dataclass(frozen=True, slots=True)
class RemoteAccount:
    """One account as the application shows it. `active` is None where it does not say."""

    remote_id: str
    attributes: Attributes
    active: bool | None
    fingerprint: bytes = b""


class Listed(NamedTuple):
    """One account in a listing. `fingerprint` changes whenever anything in it does, so the cost of
    `load` is paid only for accounts that changed since they were last seen."""

    remote_id: str
    fingerprint: bytes
    load: Callable[[], RemoteAccount]


def listed(account: RemoteAccount) -> Listed:
    """One in a listing that shows all of it, so that nothing is left to load."""
    return Listed(account.remote_id, account.fingerprint, partial(_itself, account))


def _itself(account: RemoteAccount) -> RemoteAccount:
    return account


@dataclass(frozen=True, slots=True)
class RemoteEntitlement:
    """Something that accounts can hold. `members` are remote ids of accounts; None: not told."""

    kind: str
    remote_id: str
    name: str
    members: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a connection check: what was tried, whether it works, what to do if not."""

    what: str
    ok: bool
    detail: str = ""


class TokenSource(Protocol):
    """An access token that is kept fresh while a connector uses it."""

    async def token(self) -> str:
        """A token that is good now. Raises `StopApplication` or `RetryLater`."""

    async def renew(self, refused: str) -> str:
        """Another than this one, which the application has just refused."""


@dataclass(frozen=True, slots=True)
class RemoteAttribute:
    """An attribute that accounts have there, by the name that a mapping uses. `type` and
    `mutability` are in the words of RFC 7643, 2.2 and 2.3, "" where it does not say; `values` are
    those that it suggests or allows."""

    name: str
    type: str = ""
    required: bool = False
    mutability: str = ""
    many: bool = False
    values: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class ConnectorConfig:
    """Everything that a connector is opened with.

    `settings` is validated by the connector's own schema, `secrets` are resolved values,
    `attributes` the account attributes that the mapping uses: nothing else has to be read.
    `tokens`, where the application is authorised by OAuth, take the place of the secret `token`.
    """

    application: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict)
    attributes: frozenset[str] = frozenset()
    limits: Limits = field(default_factory=Limits)
    tokens: TokenSource | None = None


class Connector(Protocol):
    """The verbs. Each is safe to repeat: deleting what is gone raises `NotFound`, disabling what is
    disabled succeeds, adding a member twice changes nothing. All raise `ConnectorError` only."""

    #: Settings and secrets as a form: JSON Schema with titles, hints and defaults.
    Settings: ClassVar[type[BaseModel]]
    Secrets: ClassVar[type[BaseModel]]

    capabilities: Capabilities

    def __init__(self, config: ConnectorConfig) -> None: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    async def check(self) -> list[Check]:
        """Read-only: is the address right, are the credentials, what does it say it can do."""

    def accounts(self) -> AsyncIterator[list[Listed]]:
        """Every account, page by page. An account that moves between pages may come twice."""

    async def own_account(self) -> str | None:
        """Remote id of the account whose credentials these are; None where it is not told."""

    async def read(self, remote_id: str) -> RemoteAccount:
        """One account now. Raises `NotFound`."""

    async def find(self, attribute: str, value: str) -> list[RemoteAccount]:
        """Accounts whose attribute equals the value, ignoring case; verified here, whatever the
        application's own filter says."""

    async def create(
        self, attributes: Attributes, *, external_id: str, active: bool
    ) -> RemoteAccount:
        """A new account. Raises `AlreadyExists`, `Rejected`, `OutcomeUnknown`."""

    async def update(self, remote_id: str, changes: Mapping[str, Value | None]) -> None:
        """Set what is named, clear what is None, leave the rest alone."""

    async def disable(self, remote_id: str) -> None: ...

    async def enable(self, remote_id: str) -> None: ...

    async def delete(self, remote_id: str) -> None: ...

    def entitlements(self) -> AsyncIterator[RemoteEntitlement]:
        """Everything that accounts can hold, with members where they can be told."""

    async def create_entitlement(self, kind: str, name: str) -> RemoteEntitlement: ...

    async def change_members(
        self, kind: str, remote_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        """Add and remove accounts as a difference, in as many requests as its limits ask for."""


# What some connectors can do beside; ask by `isinstance`.


@runtime_checkable
class DescribesAttributes(Protocol):
    """It can say which attributes accounts have there."""

    async def attributes(self) -> list[RemoteAttribute]: ...


@runtime_checkable
class DeletesEntitlements(Protocol):
    """It can delete what it made by `create_entitlement`. Raises `NotFound`."""

    async def delete_entitlement(self, kind: str, remote_id: str) -> None: ...


@runtime_checkable
class Fits(Protocol):
    """It learns, while it works, which settings fit the application better than those it has."""

    def fitted(self, seen: Mapping[str, str]) -> tuple[Mapping[str, Any], Sequence[str]]:
        """The settings as they should be, those that are to be replaced only; and why, as
        sentences. `seen` is what a trial saw beside: `disable` or `delete` -> "gone", "nothing" or
        "off", `members` -> "nothing", `taken` (a name) -> "twin"."""


@runtime_checkable
class Transferring(Protocol):
    """What a connector may be besides, where its application knows of things that accounts own."""

    async def transfer(self, remote_id: str, to_remote_id: str) -> None:
        """Make everything that the account owns the other one's, closed as it may be. Safe to
        repeat: what was handed over already stays so. Raises `NotFound` for either, `Rejected`."""


@runtime_checkable
class EndsSessions(Protocol):
    """What a connector may be besides, where its application can sign somebody out everywhere."""

    async def end_sessions(self, remote_id: str) -> None:
        """Every session and token of the account is over; the account stays as it is. Safe to
        repeat. Raises `NotFound`, and `Unsupported` where these settings do not allow it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One write to one account, as data: the port's verb, and what it is called with."""

    verb: Literal["create", "update", "disable", "enable", "delete"]
    remote_id: str = ""
    attributes: Mapping[str, Value | None] = field(default_factory=dict)
    external_id: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True)
class Together:
    """How many changes may travel in one request at most; fewer than two: each goes alone.
    `always`: somebody said that it is better so; else whoever sends finds out which is faster."""

    most: int = 0
    always: bool = False


#: What became of one of several: the account that was made, None for another change that was done,
#: or what its verb would have raised.
Answered: TypeAlias = RemoteAccount | ConnectorError | None


@runtime_checkable
class Bulking(Protocol):
    """It can send changes of several accounts in one request."""

    async def together(self) -> Together:
        """How they may travel now: it changes with what is learnt."""

    async def bulk(
        self, changes: Sequence[Change], *, halted: Callable[[], bool] = bool
    ) -> list[Answered]:
        """What became of each, in their order; they concern different accounts. One of which the
        answer says nothing is `OutcomeUnknown`. Where it takes several requests `halted` is asked
        before each: what is not sent for that is `NotBegun`. Raises what holds for all of them."""


@runtime_checkable
class KnowsOwners(Protocol):
    """It can tell who owns or administers the application, as the application has it."""

    async def owners(self) -> frozenset[str] | None:
        """Remote ids of their accounts, asked after `accounts` was read to its end; None where
        the application does not tell us."""
