"""What an application says that becomes of accounts, against what can be done there. What cannot is
no mistake, for a person does it; but whoever writes it should know that they get in until then.
"""

from __future__ import annotations

from collections.abc import Iterator

from tenure.catalogue.filling import complete
from tenure.configuration.document import Application
from tenure.connectors.base import Capabilities
from tenure.connectors.registry import kinds, removing

_BY_HAND = "manual"
_CLOSING_DELETES = "Closing an account is deleting it there:"


def removal_notes(application: Application) -> Iterator[tuple[str, str]]:
    """(line of the application, what to know about it)."""
    kind = application.connector
    if kind not in kinds() or kind == _BY_HAND:
        return
    can = removing(kind, complete(application.catalogue, kind, application.settings))
    yield from _no_more_due(application, can)
    if application.leave != "keep" and not can.disable:
        yield (
            "leave",
            "We cannot close accounts there: whoever goes on leave is a task for a person.",
        )
    elif application.leave != "keep" and can.disable_deletes:
        yield (
            "leave",
            f"{_CLOSING_DELETES} whoever comes back from leave gets another one, without what was "
            "in it.",
        )
    orphans = application.orphans
    if (orphans == "disable" and not can.disable) or (orphans == "delete" and not can.delete):
        yield (
            "orphans",
            f"We cannot {'close' if orphans == 'disable' else 'delete'} accounts there: each one "
            "that is approved is a task for a person.",
        )


def _no_more_due(application: Application, can: Capabilities) -> Iterator[tuple[str, str]]:
    removal = application.removal
    task = "accounts there: each leaver is a task for a person"
    gets_in = f"{task}, and gets in until it is done."
    if removal.then == "disable" and not can.disable:
        yield "removal", f"We cannot close {gets_in}{' Deleting them we can.' * can.delete}"
    elif removal.then == "delete" and not can.delete:
        closed = f"{task}. Until it is done the account is closed."
        yield "removal", f"We cannot delete {closed if can.disable else gets_in}"
    if removal.delete_after is None:
        return
    if not can.delete:
        yield (
            "removal.delete_after",
            "We cannot delete accounts there: each is a task for a person.",
        )
    elif can.disable_deletes:
        yield (
            "removal.delete_after",
            f"{_CLOSING_DELETES} it is gone at once, and nothing is left to be deleted later.",
        )
