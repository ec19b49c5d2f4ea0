"""An update whose account makes way first, because others are to have the name that it has: see
`records.exchanging`, which says so. It must not know tables."""

from __future__ import annotations

from tenure.connectors.base import AlreadyExists, Connector, Rejected, RetryLater, Unsupported
from tenure.provisioning.records.work import BY_WAY_OF, MADE_WAY, Work

#: Seconds until it is looked whether its own name is free; who gives it up says so before that.
_SOON = 1.0


async def update(connector: Connector, work: Work) -> str:
    """What is to be said of it beside the change itself. Raises `RetryLater` when it has just made
    way, and `Unsupported` where the application does not let it."""
    aside = work.progress.get(BY_WAY_OF)
    if not aside:
        await connector.update(work.remote_id, work.attributes)
        return ""
    names, values = " and ".join(aside), " and ".join(map(str, aside.values()))
    if not work.progress.get(MADE_WAY):
        try:
            await connector.update(work.remote_id, aside)
        except (Rejected, AlreadyExists) as error:
            raise Unsupported(
                f"Several accounts are to exchange their {names}, and this one was to make way as "
                f"{values}. {error}",
                f"Give it any other {names} there by hand; retry the others, which failed or wait; "
                "then give it its own.",
            ) from None
        work.progress[MADE_WAY] = True
        raise RetryLater(f"It has made way as {values} until its own name is free.", _SOON)
    await connector.update(work.remote_id, work.attributes)
    return f"It went by way of {values}, for another account was to have the name that it had."
