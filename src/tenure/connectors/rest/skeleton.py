"""The beginning of a specification: what is the same for nearly all, with notes where to look.

What it makes is a right specification already, so that an editor and `connector check` help from
the first line on.
"""

from __future__ import annotations

from typing import Literal

AuthKind = Literal["bearer", "header", "basic", "session", "client_credentials", "none"]
PagingKind = Literal["number", "offset", "cursor", "link", "url", "none"]

_HEAD = """\
# yaml-language-server: $schema=./connector.schema.json   (tenure connector schema > that file)
#
# How Tenure speaks to {name}. A text that begins with = is an expression; in one-line texts
# (addresses, headers, query) {{...}} is one. All of it: docs/reference/rest-connector.md
name: {name}
about: {name}, by its own interface.
sources:                        # The pages of its documentation that this is from.
  - https://docs.example.com/api

settings:                       # What an administrator fills in.
  url:
    title: Address
    kind: url
    hint: As in the browser, without a path.
    example: {url}
"""
_AUTH = {
    "none": """\
base_url: "{settings.url}/api/v1"
auth: {kind: none}
""",
    "bearer": """\
secrets:
  token: {title: API token, hint: "Made in the application, by an administrator of it."}

base_url: "{settings.url}/api/v1"
auth: {kind: bearer}            # Authorization: Bearer ...; `scheme: token` for another word
""",
    "header": """\
secrets:
  key: {title: API key}

base_url: "{settings.url}/api/v1"
auth:
  kind: header                  # One key or several, each in a header of its own.
  headers: {X-API-Key: "{secrets.key}"}
""",
    "basic": """\
  user: {title: User name, example: tenure}
secrets:
  password: {title: Password}

base_url: "{settings.url}/api/v1"
auth: {kind: basic, user: "{settings.user}", password: "{secrets.password}"}
""",
    "session": """\
  user: {title: User name, example: tenure}
secrets:
  password: {title: Password}

base_url: "{settings.url}/api/v1"
auth:
  kind: session                 # A request that signs in; renewed once when it has ended.
  login:
    request: POST /login
    body: {user: =settings.user, password: =secrets.password}
  keep: {token: token}          # Where the token is in the answer. For a cookie: `cookies: true`.
  headers: {Authorization: "Bearer {session.token}"}
""",
    "client_credentials": """\
secrets:
  client_id: {title: Client id}
  client_secret: {title: Client secret}

base_url: "{settings.url}/api/v1"
auth:
  kind: client_credentials      # OAuth 2.0; the token is kept until shortly before its end.
  token_url: "{settings.url}/oauth/token"
  scopes: []
""",
}
_ACCOUNT = """
account:
  id: id                        # What never changes, and is unique.
  attributes:                   # Name for the mapping: place in the application's JSON.
    userName: username
    emails.work: email
    displayName: name
  active: {path: active}        # True is open. Else `open: [...]`, `closed: [...]` or `when: =...`
  read_only: [id]               # Left out where a whole account is sent back.

requests:
  list:
    request: GET /users
"""
_PAGING = {
    "none": """\
    items: users                # Where the list is; . where the answer is the list.
""",
    "number": """\
    query: {page: =page.number, per_page: =page.size}
    paging: {by: number, size: 100}
    items: users                # Where the list is; . where the answer is the list.
""",
    "offset": """\
    query: {offset: =page.offset, limit: =page.size}
    paging: {by: offset, size: 100, total: total}
    items: users                # Where the list is; . where the answer is the list.
""",
    "cursor": """\
    query: {cursor: =page.cursor, limit: =page.size}
    paging: {by: cursor, size: 100, next: next_cursor}
    items: users                # Where the list is; . where the answer is the list.
""",
    "link": """\
    query: {per_page: =page.size}
    paging: {by: link, size: 100}
    items: .                    # The answer is the list itself.
""",
    "url": """\
    query: {limit: =page.size}
    paging: {by: url, size: 100, next: links.next}
    items: users                # Where the list is; . where the answer is the list.
""",
}
_REST = """\
    # details: true             # Where the list shows less than `get`: each is read by itself.
  get:
    request: GET /users/{id}
    # item: user                # Where the account is in the answer, if not the answer itself.
  find:                         # What can be searched; the answers are looked at.
    emails.work: {request: GET /users, query: {email: =value}, items: users}
  create:
    request: POST /users
    body:
      "...": =attributes        # What is mapped, at its places.
      password: =fresh.password # New, long, and told to nobody.
    id: id                      # Where the new id is; then it is read by `get`.
  update:
    request: PATCH /users/{id}
    body: =attributes           # What changes. For PUT of the whole: =whole
  disable:
    request: PATCH /users/{id}
    body: {active: false}
  enable:
    request: PATCH /users/{id}
    body: {active: true}
  delete: {request: "DELETE /users/{id}"}

entitlements:
  group:
    list: {request: GET /groups, items: groups}
    members: {request: "GET /groups/{entitlement.id}/members", items: members}
    add: {request: "PUT /groups/{entitlement.id}/members/{member}"}
    remove:
      request: DELETE /groups/{entitlement.id}/members/{member}
      errors: [{status: 404, matches: not a member, means: done}]

errors:
  message: [message]            # Where an error's text is.
  rules:                        # What an answer means where its status does not say it.
    - {status: [400, 422], matches: already, means: already_exists}

limits: {reads: 10, writes: 5, concurrency: 4}
# cannot: {delete: "Open the user under Administration, Users, and press Delete."}
"""


def skeleton(
    name: str,
    *,
    url: str = "https://app.example.com",
    auth: AuthKind = "bearer",
    paging: PagingKind = "number",
) -> str:
    """A specification to be filled in, as YAML with notes."""
    return "".join(
        (
            _HEAD.format(name=name, url=url),
            "" if auth in {"basic", "session"} else "\n",
            _AUTH[auth],
            _ACCOUNT,
            _PAGING[paging],
            _REST,
        )
    )
