"""What an authorisation server means when it refuses, in words: what is wrong, where, and what to
do about it. By the codes of RFC 6749 (4.1.2.1 and 5.2), and a few that vendors have made.

It knows words only: no request, no settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_BUSY: Final = frozenset({"server_error", "temporarily_unavailable"})


def at_the_page(
    error: str, said: str, *, name: str, scopes: Sequence[str] = (), redirect_uri: str = ""
) -> str:
    """The browser came back from the page where one agrees with `error` and no code. `said`: what
    they say of it, "" for nothing."""
    words = f" ({said.rstrip('.')})" if said and said != error else ""
    match error:
        case "access_denied" | "consent_required":
            return (
                f"Nobody agreed at {name}{words}. Press Authorise again, and agree there as an "
                "administrator who may allow it."
            )
        case "invalid_scope":
            return (
                f"{name} does not give what was asked for: {', '.join(scopes) or 'no scope'}"
                f"{words}. Allow these scopes for the client there, or correct them in its "
                "settings, then press Authorise again."
            )
        case "unauthorized_client" | "unsupported_response_type":
            return (
                f"{name} does not let this client send people to agree{words}. Register it there "
                f"as a web (server) application with the authorisation code and the redirect "
                f"address {redirect_uri}, then press Authorise again."
            )
        case "redirect_uri_mismatch" | "invalid_redirect_uri":
            return _redirect(name, words, redirect_uri)
        case "login_required" | "interaction_required" | "account_selection_required":
            return f"{name} wants you to sign in there first{words}. Then press Authorise again."
        case "invalid_client":
            return (
                f"{name} knows no such client{words}. Compare the client ID with the one that is "
                "shown there, and press Authorise again."
            )
    if error in _BUSY:
        return f"{name} could not answer just now{words}. Press Authorise again in a minute."
    return (
        f"{name} did not authorise us: {said or error}. Compare the client ID, the scopes and the "
        f"redirect address {redirect_uri} with what is registered there, then press Authorise "
        "again."
    )


def at_the_endpoint(
    error: str, grant_type: str, *, scopes: Sequence[str] = (), redirect_uri: str = ""
) -> str:
    """What to do when the token endpoint gives no token. `grant_type` as it was sent."""
    match error:
        case "invalid_client":
            return "Check the client ID and secret: enter the secret again if it was renewed there."
        case "redirect_uri_mismatch" | "invalid_redirect_uri":
            return f"Register the redirect address {redirect_uri} there, letter by letter."
        case "invalid_grant":
            return _grant(grant_type, redirect_uri)
        case "unauthorized_client" if grant_type.endswith("jwt-bearer"):
            return (
                "Let the service account act for the whole domain there (domain-wide delegation), "
                f"with the scopes {', '.join(scopes) or 'that it needs'}; that may take some "
                "minutes to count."
            )
        case "unauthorized_client":
            return "Allow this way of authorising for the client there."
        case "invalid_scope":
            return f"Correct the scopes, or allow them there: {', '.join(scopes) or 'none asked'}."
        case "unsupported_grant_type":
            return "Choose another grant."
    return "Check the token address, the client and its rights."


def _grant(grant_type: str, redirect_uri: str) -> str:
    if grant_type == "authorization_code":
        return (
            "A code is good once, for a few minutes, and with one redirect address only: press "
            f"Authorise again. If that fails too, see that {redirect_uri} is registered there, "
            "letter by letter."
        )
    if grant_type.endswith("jwt-bearer"):
        return (
            "Check the service account, whether its key was deleted or replaced there, on whose "
            "behalf it acts, and the clock of this machine."
        )
    return "It was revoked, has expired, or was used elsewhere: authorise again."


def _redirect(name: str, words: str, redirect_uri: str) -> str:
    return (
        f"{name} does not know our redirect address{words}. Register {redirect_uri} for the client "
        "there, letter by letter, then press Authorise again."
    )
