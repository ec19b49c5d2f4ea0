"""The job that gives tokens back."""

from __future__ import annotations

from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app

from tenure.connectors.base import ConnectorError
from tenure.vault import giving_back

_TRIES = RetryStrategy(
    max_attempts=giving_back.MOST_TRIES, exponential_wait=6, retry_exceptions={ConnectorError}
)


@app.task(queue="sweep", name="tenure.give_back", retry=_TRIES, pass_context=True)
def give_back(context: JobContext, key: str, word: str, slug: str, name: str) -> None:
    """Of an application or source that is gone."""
    last = context.job.attempts + 1 >= giving_back.MOST_TRIES
    giving_back.send(key, word=word, slug=slug, name=name, last=last)
