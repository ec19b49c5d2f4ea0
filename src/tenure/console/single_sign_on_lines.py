"""The lines of the forms of an application's single sign-on: where each stands in the document, and
how it is written as text and read back. Data; knows no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tenure.configuration.document_sso import DAYS


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of a form. `kind`: a text; `lines`, one value a line; `words`, with commas between;
    `pairs`, one `name: value` a line. `folded` ones are shown when asked for, or where they say
    something other than what is `usual`."""

    name: str
    path: tuple[str, ...]
    label: str
    hint: str
    kind: Literal["text", "lines", "words", "pairs"] = "text"
    choices: tuple[str, ...] = ()
    folded: bool = False
    usual: str = ""
    value: str = ""
    error: str = ""

    @property
    def speaks(self) -> bool:
        """Whether it says something else than usual, or is wrong."""
        return bool(self.error) or self.value not in ("", self.usual, *self.choices[:1])

    @property
    def lines(self) -> bool:
        return self.kind in ("lines", "pairs")

    def read(self, text: str) -> Any:
        """What a person typed, as the document has it."""
        text = text.strip()
        if self.kind == "lines":
            return [line.strip() for line in text.splitlines() if line.strip()]
        if self.kind == "words":
            return [word for word in text.replace(",", " ").split() if word]
        if self.kind == "pairs":
            # A name may be an address: the first blank after a colon ends it.
            pairs = (
                line.partition(": " if ": " in line else ":")
                for line in text.splitlines()
                if line.strip()
            )
            return {name.strip(): value.strip() for name, _, value in pairs}
        return text

    def write(self, value: Any) -> str:
        """What is stored, as a person would type it."""
        if self.kind == "pairs":
            pairs = value.items() if isinstance(value, Mapping) else ()
            return "\n".join(f"{name}: {text}" for name, text in pairs)
        if self.kind in ("lines", "words"):
            return ("\n" if self.kind == "lines" else ", ").join(value or ())
        return str(value or (self.choices[0] if self.choices else ""))


#: The application as a client, by OpenID Connect.
CLIENT: Final = (
    Setting(
        "redirect_uris",
        ("oidc", "redirect_uris"),
        "Redirect URIs",
        "Where answers may be sent, one a line, exactly as the application shows them. Also called "
        "callback or reply URL.",
        kind="lines",
    ),
    Setting(
        "token_endpoint_auth_method",
        ("oidc", "token_endpoint_auth_method"),
        "How it proves who it is",
        "none: a program in a browser or on a phone, which can keep no secret.",
        choices=("client_secret_basic", "client_secret_post", "none"),
    ),
    Setting(
        "initiate_login_uri",
        ("oidc", "initiate_login_uri"),
        "Address that begins a sign-in",
        "The portal's tile leads there. Empty: to the beginning of its redirect URI.",
    ),
    Setting(
        "backchannel_logout_uri",
        ("oidc", "backchannel_logout_uri"),
        "Back-channel logout",
        "Where it is told at once that somebody's session has ended. Empty: it learns of it when "
        "its tokens are refused.",
    ),
    Setting(
        "post_logout_redirect_uris",
        ("oidc", "post_logout_redirect_uris"),
        "After signing out",
        "Where it may send people after it has signed them out here, one a line.",
        kind="lines",
    ),
    Setting(
        "claims",
        ("oidc", "claims"),
        "Claims",
        "Beside the standard ones, one a line: department: user.department. The same expressions "
        "as in the mapping of accounts.",
        kind="pairs",
    ),
    Setting(
        "scopes",
        ("oidc", "scopes"),
        "Scopes",
        "Beyond openid, profile, email and groups, with commas between. offline_access: it may go "
        "on when the person is signed out, until their access ends.",
        kind="words",
    ),
    Setting(
        "subject",
        ("oidc", "subject"),
        "Subject (sub)",
        "An expression. Empty: the person's own id, which never changes and says nothing of them.",
        folded=True,
    ),
    Setting(
        "grants",
        ("oidc", "grants"),
        "Grants",
        "What it may do, with commas between: authorization_code, refresh_token, "
        "client_credentials, device_code. Empty: the first two.",
        kind="words",
        folded=True,
        usual="authorization_code, refresh_token",
    ),
    Setting(
        "id_token_signed_response_alg",
        ("oidc", "id_token_signed_response_alg"),
        "ID tokens are signed by",
        "RS256 is understood by everybody.",
        choices=("RS256", "ES256"),
        folded=True,
    ),
    Setting(
        "access_token_lifetime",
        ("oidc", "access_token_lifetime"),
        "An access token lives",
        "PT10M if empty; at most PT24H.",
        folded=True,
        usual="PT10M",
    ),
    Setting(
        "refresh_token_lifetime",
        ("oidc", "refresh_token_lifetime"),
        "A refresh token lives",
        "From the last time that it was used. P30D if empty.",
        folded=True,
        usual="P30D",
    ),
)
#: Who is let in beyond what the access rules say, and what ends; by either protocol.
POLICY: Final = (
    Setting(
        "networks",
        ("networks",),
        "Only from these networks",
        "As CIDR, one a line: 203.0.113.0/24. Empty: from anywhere.",
        kind="lines",
    ),
    Setting(
        "countries",
        ("countries",),
        "Only from these countries",
        "Two letters each, with commas between: DE, AT. Empty: from anywhere.",
        kind="words",
    ),
    Setting(
        "hours_days",
        ("hours", "days"),
        "Only on these days",
        f"With commas between: {', '.join(DAYS)}. Empty: on all, if times are given.",
        kind="words",
    ),
    Setting(
        "hours_begin",
        ("hours", "begin"),
        "From",
        "In the person's own time zone: 07:00.",
    ),
    Setting(
        "hours_end",
        ("hours", "end"),
        "Until",
        "Not included: 19:00. Before the beginning, it is on the day after.",
    ),
    Setting(
        "passkey_within",
        ("passkey_within",),
        "Fresh passkey",
        "The passkey must have been used within so long: PT15M. Empty: within the session.",
    ),
    Setting(
        "account",
        ("account",),
        "Account",
        "required: nobody is sent there before their account is open.",
        choices=("required", "not_needed"),
    ),
    Setting(
        "ask",
        ("ask",),
        "Whom to ask",
        "Told to somebody who is refused. Empty: the application's owner.",
    ),
    Setting(
        "revocation_address",
        ("global_token_revocation", "address"),
        "Global token revocation",
        "Its endpoint, where it has one: everything that somebody has there is made void when "
        "their access ends. Okta calls it Universal Logout.",
        folded=True,
    ),
    Setting(
        "revocation_subject",
        ("global_token_revocation", "subject"),
        "There people are named by",
        "opaque: by the id of their account there.",
        choices=("email", "iss_sub", "opaque"),
        folded=True,
    ),
)
