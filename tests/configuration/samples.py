"""A small configuration that is right, for tests to spoil."""

from __future__ import annotations

from textwrap import dedent

GOOD = dedent(
    """\
    company:
      name: Acme
      domain: acme.example
      time_zone: Europe/Budapest
      email_formats: ["{first}.{last}"]
    attributes:
      badge: {label: Badge number}
    sources:
      hr:
        name: HR
        reader: csv
        settings: {path: people.csv}
        mapping:
          employee_number: row["Employee ID"]
          given_name: row["First name"]
          badge: row["Badge"]
          status: row["Status"]
        dates: ["%Y-%m-%d", "%d.%m.%Y"]
        statuses: {Active: active, On leave: on_leave}
        guard: {leavers: {percent: 2.5}}
    applications:
      chat:
        name: Chat
        connector: scim
        settings: {base_url: "${env:CHAT_URL}", page_size: 50}
        secrets: {token: "${env:CHAT_TOKEN}"}
        mapping:
          userName: user.email
          title: {value: 'has(user.title) ? user.title : ""', when: create}
        matching: [{account: userName, person: email}]
        orphans: disable
        ignore: ['account.userName.startsWith("svc-")']
        protect: ['account["id"] == "7"']
        drift: {default: keep, title: report}
        recreate: never
        removal: {then: disable, delete_after: P30D}
        lead: P1W
        seat: {price: 7.250, currency: EUR}
        limits: {writes: 12.5, concurrency: 4}
        entitlements: ["group:all", {key: "group:sales", price: "12", currency: EUR, seats: 50}]
      tracker:
        name: Tracker
        connector: memory
        settings: {name: tracker}
        requires: [chat]
    groups:
      office:
        name: Office
        when: 'user.location == "Berlin"'
        people: ["10482"]
    rules:
      everyone:
        name: Everyone
        when: user.employment_type in ["employee", "contractor"]
        give: {chat: ["group:all"], tracker: []}
      office:
        name: Office people
        when: '"office" in user.groups'
        give: {tracker: []}
        grace: P1W
      sales:
        name: Sales
        when: user.department == "Sales" && has(user.badge)
        give: {chat: ["group:sales"]}
    """
)


def spoilt(old: str, new: str) -> str:
    """The good configuration with one piece replaced."""
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def place(text: str, piece: str) -> tuple[int, int]:
    """Line and column, from 1, of the one place at which the piece stands."""
    assert text.count(piece) == 1, piece
    head = text[: text.index(piece)]
    return head.count("\n") + 1, len(head) - head.rfind("\n")
