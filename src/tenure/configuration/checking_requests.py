"""Whether what a document says of asking for applications makes sense."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from tenure.configuration.checking_common import compiles
from tenure.configuration.document import Application
from tenure.configuration.problems import Path, Problems
from tenure.core.expressions import AttributeType, compile_condition
from tenure.core.nearest import near


def check_requests(
    applications: Mapping[str, Application],
    schema: Mapping[str, AttributeType],
    problems: Problems,
) -> None:
    """Conditions compile, entitlements are the application's own, and an owner who is to decide is
    there."""
    for slug, application in applications.items():
        asked = application.requestable
        if asked is None:
            continue
        path: Path = ("applications", slug, "requestable")
        if asked.when is not None:
            compiles(partial(compile_condition, asked.when, schema), (*path, "when"), problems)
        offered = {item.key for item in application.entitlements}
        for index, key in enumerate(asked.entitlements):
            if key not in offered:
                problems.add(
                    (*path, "entitlements", index),
                    f"{slug} has no entitlement {key!r}.{near(key, offered)} Add it to "
                    f"applications.{slug}.entitlements, or correct the name.",
                )
        if asked.approver == "owner" and not application.owner:
            problems.add(
                (*path, "approver"),
                f"{slug} has no owner who could decide. Name one in applications.{slug}.owner, "
                "by employee number, or choose manager or named.",
            )
