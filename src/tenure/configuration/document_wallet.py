"""How the company asks wallets who somebody is, as the section `onboarding` says it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from tenure.configuration.values import AttributeName, Part, Text


class WalletIssuer(Part):
    """Somebody whose credentials are believed."""

    name: Text = Field(description="What administrators read: Federal registry.")
    iss: Text = Field(description="What its credentials name as their issuer (`iss`).")
    keys: list[dict[str, Any]] = Field(
        default_factory=list, description="Its public keys, as JWK: EC on P-256 or P-384."
    )
    roots: str = Field(
        default="", description="In place of keys: who certifies it, PEM or ${file:/path}."
    )
    status_lists: list[str] = Field(
        default_factory=list,
        description="Where it tells what it has revoked: https addresses that lists begin with.",
    )


class Wallet(Part):
    """OpenID for Verifiable Presentations, with credentials that are SD-JWT VC."""

    types: list[Text] = Field(
        min_length=1, description="Kinds of credentials that are accepted (`vct`)."
    )
    issuers: list[WalletIssuer] = Field(min_length=1, description="Whose are believed.")
    certificate: str = Field(
        min_length=1, description="Who asks: certificates, ours first, PEM or ${file:/path}."
    )
    key: str = Field(min_length=1, description="The certificate's key: ${file:/path}, ${box:NAME}.")
    claims: dict[AttributeName, Text] = Field(
        default_factory=dict,
        description="Where a credential has an attribute: {birth_date: birthdate}.",
    )
    required: bool = Field(default=False, description="Nobody may type what is asked instead.")
    client_id: Literal["x509_hash", "x509_san_dns"] = Field(
        default="x509_hash", description="How wallets know who asks."
    )
    scheme: str = Field(
        default="openid4vp://", description="What wallets listen for in the QR code."
    )
