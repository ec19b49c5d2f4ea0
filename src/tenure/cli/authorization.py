"""What the commands say of an authorisation by OAuth, of an application and of a source alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tenure.cli.output import Failure, print_json, say

if TYPE_CHECKING:
    from tenure.vault.authorizing import Standing


def standing_now(
    name: str, standing: Callable[[], Standing | None], ask: Callable[[], object]
) -> Standing:
    """How it is authorised; a grant that needs nobody is asked for a token first, to show that it
    works. Raises `Failure` where it is not authorised by OAuth."""
    how = standing()
    if how is not None and not how.by_hand:
        ask()
        how = standing()
    if how is None:
        raise Failure(f"{name} is not authorised by OAuth: it has no `oauth` in tenure.yaml.")
    return how


def tell_standing(
    what: str, slug: str, name: str, how: Standing, *, page: str, next_step: str, as_json: bool
) -> None:
    """`what` it is: `application` or `source`; `next_step`: what to do on the page to agree."""
    if as_json:
        print_json(
            {
                what: slug,
                "grant": how.grant,
                "authorised": how.authorised,
                "scopes": how.scopes,
                "granted_at": how.granted_at,
                "granted_by": how.granted_by,
                "refused": how.refused,
                "page": page,
            }
        )
    elif how.authorised:
        say(f"{name} is authorised ({how.grant}), by {how.granted_by}.")
    else:
        say(f"{name} is not authorised{': ' + how.refused if how.refused else '.'}")
        say(f"Sign in (`tenure link`), {next_step}: {page}")


def tell_forgotten(what: str, slug: str, name: str, trouble: str, *, as_json: bool) -> None:
    """`trouble`: why the tokens may still be good there; "" where they are not."""
    if as_json:
        print_json({what: slug, "trouble": trouble})
    else:
        say(f"The tokens of {name} are forgotten{': ' + trouble if trouble else ''}.")
