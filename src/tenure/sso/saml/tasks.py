"""Jobs of SAML. What is due is read from tables."""

from __future__ import annotations

from procrastinate.contrib.django import app

from tenure.sso.saml import leaving, refreshing, seen


@app.periodic(cron="* * * * * */20")
@app.task(
    queue="notices", queueing_lock="saml-logouts", name="tenure.saml_logouts", pass_context=False
)
def logouts(timestamp: int) -> None:
    """Those that a browser did not carry to their end."""
    leaving.take_over_lost()


@app.periodic(cron="* * * * * */20")
@app.task(
    queue="sweep", queueing_lock="saml-metadata", name="tenure.saml_metadata", pass_context=False
)
def metadata(timestamp: int) -> None:
    """Metadata that is due."""
    refreshing.refresh_due()


@app.periodic(cron="17 * * * *")
@app.task(queue="sweep", queueing_lock="tidy-saml", name="tenure.tidy_saml", pass_context=False)
def tidy(timestamp: int) -> None:
    """Messages that would be refused as too old by now."""
    seen.tidy()
