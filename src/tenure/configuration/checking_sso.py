"""Whether what a document says of signing in makes sense: addresses that nothing leaks to,
networks, expressions that compile, names that are not taken twice."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

import pycountry

from tenure.configuration.checking_addresses import check_address, compiles
from tenure.configuration.checking_saml import check_saml
from tenure.configuration.document import Application
from tenure.configuration.document_oidc import OpenIDConnect
from tenure.configuration.document_sso import SingleSignOn
from tenure.configuration.problems import Path, Problems
from tenure.configuration.references import EXPECTED, is_reference
from tenure.core.expressions import AttributeType

#: Claims that say who speaks, to whom and when: no expression may say otherwise.
RESERVED = frozenset(
    {"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "nonce", "auth_time", "acr", "amr", "azp"}
    | {"at_hash", "c_hash", "sid", "events"}
)
_NEED_REDIRECT = {"authorization_code"}


def check_single_sign_on(
    applications: Mapping[str, Application],
    schema: Mapping[str, AttributeType],
    problems: Problems,
) -> None:
    """Everything that is wrong with how people sign in."""
    clients: dict[str, str] = {}
    services: dict[str, str] = {}
    for slug, application in applications.items():
        sso = application.single_sign_on
        if sso is None:
            continue
        path: Path = ("applications", slug, "single_sign_on")
        _shared(sso, path, problems)
        if sso.saml is not None:
            check_saml(sso.saml, schema, (*path, "saml"), problems)
            if entity := sso.saml.entity_id:
                if entity in services:
                    problems.add(
                        (*path, "saml", "entity_id"),
                        f"{entity} is the entity id of {services[entity]} already.",
                    )
                services[entity] = slug
        if sso.oidc is None:
            continue
        _oidc(sso.oidc, schema, (*path, "oidc"), problems)
        name = sso.oidc.client_id or slug
        if name in clients:
            problems.add(
                (*path, "oidc", "client_id"),
                f"{name} is the client id of {clients[name]} already. Choose another one.",
            )
        clients[name] = slug


def _shared(sso: SingleSignOn, path: Path, problems: Problems) -> None:
    for index, text in enumerate(sso.networks):
        try:
            ipaddress.ip_network(text)
        except ValueError:
            problems.add(
                (*path, "networks", index),
                f"{text!r} is no network. Expected one such as 203.0.113.0/24 or 2001:db8::/32, "
                "without bits beyond the prefix.",
            )
    for index, text in enumerate(sso.countries):
        if pycountry.countries.get(alpha_2=text) is None:
            problems.add(
                (*path, "countries", index),
                f"{text} is no country. Expected two letters of ISO 3166, such as DE or GB.",
            )
    if sso.start:
        check_address(sso.start, (*path, "start"), problems)
    if (order := sso.global_token_revocation) is not None:
        check_address(order.address, (*path, "global_token_revocation", "address"), problems)
        if order.token and not is_reference(order.token):
            problems.add(
                (*path, "global_token_revocation", "token"),
                f"Only a reference is kept here: {EXPECTED}.",
            )
    if sso.hours is not None:
        if not sso.hours.days:
            problems.add((*path, "hours", "days"), "Nobody could ever sign in. Name a day.")
        if sso.hours.end == sso.hours.begin:
            problems.add(
                (*path, "hours", "end"), "It begins and ends at the same time. Leave one out."
            )


def _oidc(
    client: OpenIDConnect,
    schema: Mapping[str, AttributeType],
    path: Path,
    problems: Problems,
) -> None:
    native = client.token_endpoint_auth_method == "none"
    for name in ("redirect_uris", "post_logout_redirect_uris"):
        for index, text in enumerate(getattr(client, name)):
            check_address(text, (*path, name, index), problems, native=native)
    for name in ("initiate_login_uri", "backchannel_logout_uri"):
        if getattr(client, name):
            check_address(getattr(client, name), (*path, name), problems)
    if _NEED_REDIRECT.intersection(client.grants) and not client.redirect_uris:
        problems.add(
            (*path, "redirect_uris"),
            "There is none: no answer could be sent anywhere. Give the callback address that the "
            "application shows.",
        )
    if not client.grants:
        problems.add((*path, "grants"), "It may do nothing. Name a grant, or leave this out.")
    if native and "client_credentials" in client.grants:
        problems.add(
            (*path, "grants"),
            "client_credentials needs a secret, and token_endpoint_auth_method: none has none.",
        )
    if "refresh_token" in client.grants and not {"authorization_code", "device_code"}.intersection(
        client.grants
    ):
        problems.add((*path, "grants"), "refresh_token needs a grant that a person begins.")
    for name, expression in client.claims.items():
        if name in RESERVED:
            problems.add(
                (*path, "claims", name),
                f"{name} is said by Tenure itself. Choose another name"
                + (", or give `subject`." if name == "sub" else "."),
            )
        compiles(expression, schema, (*path, "claims", name), problems)
    if client.subject is not None:
        compiles(client.subject, schema, (*path, "subject"), problems)
    if client.access_token_lifetime.total_seconds() > 24 * 3600:
        problems.add(
            (*path, "access_token_lifetime"),
            "An application may keep an access token without asking for so long. At most PT24H.",
        )
