"""What is wrong with a message, named by what is done next.

SamlError
+-- NotTrusted    a page for the person: nothing is sent anywhere, for it is not known where to
+-- Answered      the application is known and its request is good: it gets this status
"""

from __future__ import annotations

from tenure.saml.names import Status


class SamlError(ValueError):
    """str() says what is wrong and what to do, for the administrator's record."""


class NotTrusted(SamlError):
    """Neither the sender nor the address to answer at is sure. Nothing is sent."""


class Answered(SamlError):
    """The application is told, in its own protocol: `status`, and `detail` below it."""

    def __init__(self, message: str, *, detail: str, status: str = Status.REQUESTER) -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail
