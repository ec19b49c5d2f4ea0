"""Every address of the console and the portal that somebody waits for, read from the URL patterns:
a new page is measured without anybody thinking of it, or it is named as one that nobody knows how
to ask for.

Here stand only what a pattern's arguments are in the large company, what pages are asked besides
(filters, later pages), and why some addresses are no pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from django.urls import URLPattern, reverse

#: How a path begins -> what gives its arguments; what a longer beginning says goes first.
Arguments: TypeAlias = Mapping[str, Mapping[str, Callable[[], object]]]

#: What is measured with no limit, their further pages too, and why.
PARTS: Final[dict[str, str]] = {
    "who_gets, the list": "goes through everybody, once the page stands and shows that it does",
    "who_meets, the list": "goes through everybody, once the page stands and shows that it does",
    "plan_lines": "plans everybody of whom something waits, once the page stands and shows it",
    "Users, by a name": "no index has it, so it goes through everybody who was pushed",
    "rule_figures": "counts everybody for each rule, once the list of rules stands",
}
#: Name of a pattern of the console -> why it is no page.
NO_PAGES: Final[dict[str, str]] = {
    "authorised": "an authorisation server sends people here, with a code that it made",
    "authorise": "sends on to the application, which asks whether it may",
    "authorise_source": "sends on to the source, which asks whether it may",
    "source_write_back_preview": "reads the source, and is as slow as that is",
    "sample_remove": "there is no sample company here",
    "source_dry": "imports everything without keeping it; source_check asks for it and shows so",
    "connection_live": "a part that a check of the connection under way asks for",
    "export_people": "a file of everybody, streamed from the first row on",
    "export_audit": "a file of the whole trail, streamed from the first event on",
    "export_accounts": "a file of every account, streamed from the first row on",
    "export_plan": "a file of the whole plan; the plan itself is asked for",
    "export_runs": "a file of every run, streamed from the first row on",
    "export_licences": "a file of what the page of licences shows",
    "authorise_draft": "sends on to the source, which asks whether it may",
    "remove_view": "takes forms only",
    "removed": "takes forms only",
}
#: Of the portal.
NO_PORTAL_PAGES: Final[dict[str, str]] = {
    "here": "says nothing but that one is still let in",
    "code": "belongs to a pairing of two browsers under way; reads that one row",
    "wallet": "belongs to a pairing of two browsers under way; reads that one row",
    "wait": "belongs to a pairing of two browsers under way; reads that one row",
    "phone": "belongs to a pairing of two browsers under way; reads that one row",
    "icon": "a picture that is drawn once and kept by the browser",
    "data_file": "a file of one's own data, made when it is asked for",
}
#: Name of a pattern of the console -> what is asked besides the page as it opens: (what, query).
QUERIES: Final[dict[str, Sequence[tuple[str, str]]]] = {
    "people": (
        ("of a state", "?state=active"),
        ("who have left", "?state=left"),
        ("of a department", "?department=Sales"),
        ("of a source", "?source=directory"),
        ("of an application", "?application=app9"),
        ("with what is held", "?problem=held"),
        ("with what failed", "?problem=failed"),
        ("without an address", "?problem=email"),
        ("with something by hand", "?problem=manual"),
        ("without a last day", "?problem=end"),
        ("searched", "?q=kovacs"),
        ("searched, two words", "?q=anna+kovacs"),
        ("searched by number", "?q=E050000"),
        ("searched in vain", "?q=zzzz"),
        ("other columns", "?column=manager&column=country&column=location"),
    ),
    "find": (("searched", "?q=kovacs"), ("in vain", "?q=zzzz")),
    "palette": (("while one types", "?q=kova"),),
    "what_if": (("worked out", "?attribute=department&value=Sales"),),
    "person": (("asked to suspend", "?ask=suspend"),),
    "application_accounts": (
        ("nobody's", "?situation=unmatched"),
        ("disputed", "?situation=disputed"),
        ("linked", "?situation=linked"),
        ("searched", "?q=anna"),
        ("searched in vain", "?q=zzzz"),
    ),
    "plan": (("held", "?only=held"), ("of an application", "?application=app3")),
    "plan_lines": (("held", "?only=held"), ("of an application", "?application=app3")),
    "runs": (("imports", "?kind=import"), ("executions", "?kind=execute")),
    "run": (("failed", "?state=failed"),),
    "requests": (("all", "?state=all"),),
    "tasks": (("of an application", "?application=app5"),),
    "matches": tuple((part, f"?part={part}") for part in ("people", "unsure", "answered")),
    "audit": (
        ("of an action", "?action=account.updated"),
        ("of a seldom action", "?action=person.terminated"),
        ("of an application", "?application=app3"),
        ("of a person", "?person=E050000"),
        ("of some days", "?from=2026-01-01&to=2027-01-01"),
        ("a frequent word", "?q=import"),
        ("two frequent words", "?q=anna+import"),
        ("two seldom words", "?q=meister+kovacs"),
        ("words and an application", "?q=anna&application=app3"),
        ("words and an action", "?q=anna+rule&action=account.created"),
        ("in vain", "?q=zzzz"),
    ),
    "source_changes": (("new", "?kind=added"), ("left", "?kind=left")),
    "source_write_back": (("failed", "?state=failed"), ("held", "?state=held")),
    "catalogue": (("searched", "?q=git"), ("of a kind", "?can=saml")),
    "start": tuple((step, f"?step={step}") for step in ("people", "application", "rule", "look")),
    "who_gets": (("the list", "?now=1"),),
    "who_meets": (
        ("of a condition", "?when=user.department%20%3D%3D%20%22Sales%22"),
        ("the list", "?when=user.department%20%3D%3D%20%22Sales%22&now=1"),
    ),
    "rule_words": (("of a value", '?before=user.department%20%3D%3D%20"'),),
}
#: Of the portal.
PORTAL_QUERIES: Final[dict[str, Sequence[tuple[str, str]]]] = {}


@dataclass(frozen=True, slots=True)
class Address:
    """One request. `name` is the pattern's, `what` what it is asked for."""

    name: str
    what: str
    path: str

    @property
    def title(self) -> str:
        return f"{self.name}, {self.what}" if self.what else self.name


def unlimited(title: str) -> str:
    """Why no limit holds for it, or ""."""
    return next((PARTS[part] for part in PARTS if f"{title},".startswith(f"{part},")), "")


@dataclass(frozen=True, slots=True)
class Left:
    """An address that is not measured, and why."""

    name: str
    reason: str


def arguments_for(route: str, given: Arguments) -> dict[str, Callable[[], object]]:
    """What gives those of one pattern."""
    found: dict[str, Callable[[], object]] = {}
    for start in sorted((s for s in given if route.startswith(s)), key=len):
        found.update(given[start])
    return found


def unknown(pattern: URLPattern, given: Arguments) -> list[str]:
    """The arguments of a pattern that nobody knows."""
    known = arguments_for(str(pattern.pattern), given)
    return sorted(set(pattern.pattern.converters) - known.keys())


def addresses(
    patterns: Sequence[Any],
    *,
    namespace: str,
    given: Arguments,
    no_pages: Mapping[str, str],
    queries: Mapping[str, Sequence[tuple[str, str]]],
) -> Iterator[Address | Left]:
    """Of every pattern, in its order; what nobody can ask for is `Left`."""
    for pattern in patterns:
        name = str(pattern.name)
        if name in no_pages:
            yield Left(name, no_pages[name])
        elif lacking := unknown(pattern, given):
            yield Left(name, f"NOBODY KNOWS what {', '.join(lacking)} is: say so in bench/pages.py")
        else:
            known = arguments_for(str(pattern.pattern), given)
            own = {key: known[key]() for key in pattern.pattern.converters}
            path = reverse(f"{namespace}:{name}", kwargs=own)
            yield Address(name, "", path)
            for what, query in queries.get(name, ()):
                yield Address(name, what, path + query)
