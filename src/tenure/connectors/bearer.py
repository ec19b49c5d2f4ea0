"""Signing in to an application by a bearer token: one that somebody entered, or one that is renewed
while it is used (`TokenSource`), for connectors and readers alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, SecretStr

from tenure.connectors.answers import Explain, explain
from tenure.connectors.base import Limits, TokenSource
from tenure.connectors.http import HttpFunnel, Timeouts


class HttpAddress(Protocol):
    """Settings of an application that is at an address."""

    @property
    def base_url(self) -> str: ...

    @property
    def allow_http(self) -> bool: ...

    @property
    def timeouts(self) -> Timeouts: ...


class Config(Protocol):
    """What connectors and readers are opened with."""

    @property
    def secrets(self) -> Mapping[str, str]: ...

    @property
    def tokens(self) -> TokenSource | None: ...


@dataclass(frozen=True, slots=True)
class Bearer:
    """`token` was entered; "" where `tokens` are renewed."""

    token: str = ""
    tokens: TokenSource | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Of every request; those that are renewed are added by the funnel."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def funnel(
        self,
        settings: HttpAddress,
        *,
        address: str = "",
        headers: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        how: Explain = explain,
    ) -> HttpFunnel:
        """The way to the application, or to another `address` of it."""
        return HttpFunnel(
            address or settings.base_url,
            headers={**(headers or {}), **self.headers},
            secrets=(self.token,),
            tokens=self.tokens,
            limits=limits,
            timeouts=settings.timeouts,
            allow_http=settings.allow_http,
            how=how,
        )


def bearer(config: Config, schema: type[BaseModel]) -> Bearer:
    """By the secret `token` of this schema, or by tokens that are renewed instead."""
    if config.tokens is not None:
        return Bearer(tokens=config.tokens)
    token = getattr(schema.model_validate(dict(config.secrets)), "token", None)
    assert isinstance(token, SecretStr)
    return Bearer(token.get_secret_value())
