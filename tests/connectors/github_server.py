"""GitHub's interface for organisations as its OpenAPI description says: a server that refuses what
the real one refuses.

Paths, parameters and statuses are those of `api.github.com` in @octokit/openapi 23.0.2; it was
never compared with the real one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKEN = "a-token-that-nobody-may-see"
_HANDLE = re.compile(r"[A-Za-z0-9-]{1,39}")


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    def response(self) -> web.Response:
        return web.json_response({"message": str(self)}, status=self.status)


@dataclass
class Organisation:
    """People of GitHub, and what they are in the organisation."""

    people: dict[int, str] = field(default_factory=dict)
    #: id -> (role, state).
    members: dict[int, tuple[str, str]] = field(default_factory=dict)
    outside: set[int] = field(default_factory=set)
    by_mail: list[str] = field(default_factory=list)
    #: slug -> name, and slug -> id -> role.
    teams: dict[str, str] = field(default_factory=dict)
    inside: dict[str, dict[int, str]] = field(default_factory=dict)
    inherited: dict[str, set[int]] = field(default_factory=dict)
    #: slug -> the id that stays.
    numbers: dict[str, int] = field(default_factory=dict)
    trouble: list[Refused] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def person(self, login: str) -> int:
        """A person with an account on GitHub."""
        number = 1000 + len(self.people)
        self.people[number] = login
        return number

    def accept(self, number: int) -> None:
        self.members[number] = (self.members[number][0], "active")

    def rename(self, slug: str, name: str) -> None:
        """A team, as an owner does: its slug follows."""
        new = _slug(name)
        self.inside[new] = self.inside.pop(slug)
        self.numbers[new] = self.numbers.pop(slug)
        del self.teams[slug]
        self.teams[new] = name

    def _shown_team(self, slug: str) -> dict[str, Any]:
        number = self.numbers.setdefault(slug, 70_000 + len(self.numbers))
        return {"id": number, "slug": slug, "name": self.teams[slug]}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        try:
            if self.trouble:
                raise self.trouble.pop(0)
            assert request.headers["Accept"] == "application/vnd.github+json"
            assert request.headers["X-GitHub-Api-Version"] == "2022-11-28"
            if request.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise Refused(401, "Bad credentials")
            body = await request.json() if request.can_read_body else None
            return self._routed(request, body)
        except Refused as error:
            return error.response()

    def _routed(self, request: web.Request, body: Any) -> web.Response:
        query = dict(request.query)
        match (request.method, *request.path.strip("/").split("/")):
            case ("GET", "user"):
                return web.json_response(self._shown(1000))
            case ("GET", "user", number):
                return web.json_response(self._shown(self._known(int(number))))
            case ("GET", "users", login):
                return web.json_response(self._shown(self._by_login(login)))
            case (method, "orgs", "acme", "memberships", login):
                return self._membership(method, self._by_login(login), body)
            case ("GET", "orgs", "acme", "members"):
                role = query.pop("role", "all")
                assert role in {"all", "admin", "member"}
                found = [
                    self._shown(number)
                    for number, (their, state) in self.members.items()
                    if state == "active" and role in {"all", their}
                ]
                return _paged(found, query)
            case ("GET", "orgs", "acme", "invitations"):
                return _paged(self._invitations(set(self.members)), query)
            case ("GET", "orgs", "acme", "outside_collaborators"):
                return _paged([self._shown(number) for number in sorted(self.outside)], query)
            case ("DELETE", "orgs", "acme", "outside_collaborators", login):
                self.outside.remove(self._by_login(login))
                return web.Response(status=204)
            case ("GET", "orgs", "acme", "teams"):
                return _paged([self._shown_team(slug) for slug in self.teams], query)
            case ("POST", "orgs", "acme", "teams"):
                return self._new_team(body)
            case (method, "orgs", "acme", "teams", slug, *rest):
                return self._team(method, slug, rest, body, query)
        raise Refused(404, "Not Found")

    def _known(self, number: int) -> int:
        if number not in self.people:
            raise Refused(404, "Not Found")
        return number

    def _by_login(self, login: str) -> int:
        for number, theirs in self.people.items():
            if theirs.lower() == login.lower():
                return number
        raise Refused(404, "Not Found")

    def _shown(self, number: int) -> dict[str, Any]:
        return {"id": number, "login": self.people[number], "type": "User"}

    def _invitations(self, numbers: set[int]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = [
            {"id": 1, "login": self.people[number], "email": None, "role": "direct_member"}
            for number in sorted(numbers)
            if self.members.get(number, ("", ""))[1] == "pending"
        ]
        mails = [{"id": 2, "login": None, "email": one, "role": "admin"} for one in self.by_mail]
        return [*found, *mails]

    def _membership(self, method: str, number: int, body: Any) -> web.Response:
        if method == "PUT":
            assert set(body) == {"role"}
            if body["role"] not in {"admin", "member"}:
                raise Refused(422, "Validation Failed")
            state = self.members.get(number, ("", "pending"))[1]
            self.members[number] = (body["role"], state)
        elif number not in self.members:
            raise Refused(404, "Not Found")
        role, state = self.members[number]
        if method == "DELETE":
            owners = [n for n, (r, s) in self.members.items() if (r, s) == ("admin", "active")]
            if owners == [number]:
                raise Refused(403, "Cannot remove the last owner")
            del self.members[number]
            for inside in self.inside.values():
                inside.pop(number, None)
            return web.Response(status=204)
        return web.json_response({"role": role, "state": state, "user": self._shown(number)})

    def _new_team(self, body: dict[str, Any]) -> web.Response:
        assert set(body) <= {"name", "description", "privacy", "parent_team_id"}
        slug = _slug(body["name"])
        self.teams[slug] = body["name"]
        self.inside[slug] = {}
        return web.json_response(self._shown_team(slug), status=201)

    def _team(
        self, method: str, slug: str, rest: list[str], body: Any, query: dict[str, str]
    ) -> web.Response:
        if slug not in self.teams:
            raise Refused(404, "Not Found")
        inside, below = self.inside[slug], self.inherited.get(slug, set())
        match (method, *rest):
            case ("GET",):
                return web.json_response(self._shown_team(slug))
            case ("DELETE",):
                del self.teams[slug]
                self.numbers.pop(slug, None)
                return web.Response(status=204)
            case ("GET", "members"):
                active = {n for n, (_, state) in self.members.items() if state == "active"}
                found = [
                    {**self._shown(number), "inherited": number not in inside}
                    for number in [*inside, *below]
                    if number in active
                ]
                return _paged(found, query)
            case ("GET", "invitations"):
                return _paged(self._invitations(set(inside))[: len(inside)], query)
            case (_, "memberships", login):
                number = self._by_login(login)
                if method == "PUT":
                    inside[number] = body["role"]
                    self.members.setdefault(number, ("member", "pending"))
                elif number not in inside:
                    raise Refused(404, "Not Found")
                elif method == "DELETE":
                    del inside[number]
                    return web.Response(status=204)
                return web.json_response({"role": inside[number], "state": "active"})
        raise Refused(404, "Not Found")


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _paged(found: list[dict[str, Any]], query: dict[str, str]) -> web.Response:
    assert set(query) <= {"per_page", "page"}, query
    size, page = int(query.get("per_page", "30")), int(query.get("page", "1"))
    assert 1 <= size <= 100
    return web.json_response(found[(page - 1) * size : page * size])
