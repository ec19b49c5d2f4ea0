"""Messages are taken once: who sends one again, in good faith or not, is told so."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from tenure.applications.models import Application
from tenure.infra.clock import now
from tenure.saml.checks import REMEMBERED
from tenure.saml.errors import NotTrusted
from tenure.sso.saml.models import SeenMessage


def take(application: Application, message: str) -> None:
    """From now on it has been seen. Raises `NotTrusted` where it was."""
    try:
        with transaction.atomic():
            SeenMessage.objects.create(
                application=application, message=message, expires_at=now() + REMEMBERED
            )
    except IntegrityError as error:
        raise NotTrusted(
            "This request was sent here before, and each is taken once. Open the application again."
        ) from error


def tidy() -> None:
    """Forget those that would be refused as too old by now."""
    SeenMessage.objects.filter(expires_at__lte=now()).delete()
