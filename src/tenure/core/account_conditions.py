"""Expressions over an account: which are service accounts, which are never touched.

    account.userName.startsWith("svc-")
    account["emails.work"].endsWith("@partner.example")
    has(account.title) && account.title == "Robot"

An account is a map of texts: its attributes by their names in the application, `id`, and `active`
as "true" or "false". What it does not have makes a condition false.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tenure.core import expression_scopes as scopes
from tenure.core.expressions import Condition, ValueExpression, condition_over, value_over
from tenure.core.model import Attributes

#: What conditions can name beside the attributes of the application.
NOT_ATTRIBUTES = frozenset({"id", "active"})


def compile_account_condition(source: str) -> Condition:
    """A condition over an account. Raises `ExpressionError` when it cannot be."""
    return condition_over(source, scopes.rows(None, "account"))


def compile_account_value(source: str) -> ValueExpression:
    """A value from an account. Raises `ExpressionError` when it cannot be."""
    return value_over(source, scopes.rows(None, "account"))


def seen(
    attributes: Attributes, *, remote_id: str = "", active: bool | None = None
) -> Mapping[str, Mapping[str, str]]:
    """What an expression is given. A list is its texts, with commas between."""
    cells = {name: _text(value) for name, value in attributes.items()}
    if remote_id:
        cells["id"] = remote_id
    if active is not None:
        cells["active"] = _text(active)
    return {"account": cells}


def first_that_holds(
    conditions: Iterable[Condition], given: Mapping[str, Mapping[str, str]]
) -> str | None:
    """The text of the first condition that is true of the account."""
    return next((one.source for one in conditions if one.holds(given)), None)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(part) for part in value)
    return str(value)
