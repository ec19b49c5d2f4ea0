"""Zabbix, by https://www.zabbix.com/documentation/6.4/en/manual/api/reference/user/create,
.../user/update (groups replace), .../user/get, .../usergroup/get; error texts as its CUser.php."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.connectors.rest.application import TOKEN, Answer, Application
from tests.connectors.rest.store import Refused


class Zabbix(Application):
    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, dict[str, Any]] = {}
        self.groups = {"9": "Disabled", "13": "Internal"}
        self.signed_in = False
        self.last = 100

    async def answer(self, request: web.Request) -> Answer:
        assert request.path == "/api_jsonrpc.php"
        document = await request.json()
        method, given = document["method"], document["params"]
        if method == "user.login":
            if given != {"username": "tenure", "password": TOKEN}:
                raise Refused(
                    "bad", "Incorrect user name or password or account is temporarily blocked."
                )
            self.sign_ins += 1
            self.signed_in = True
            return self.result(f"session-{self.sign_ins}")
        wanted = f"Bearer session-{self.sign_ins}"
        if not self.signed_in or request.headers.get("Authorization") != wanted:
            raise Refused("session", "Session terminated, re-login, please.")
        return self.result(getattr(self, method.replace(".", "_"))(given))

    def user_logout(self, given: Any) -> bool:
        assert given == []
        self.signed_in = False
        return True

    def user_get(self, given: Any) -> list[dict[str, Any]]:
        found = list(self.users.values())
        if "userids" in given:
            found = [user for user in found if user["userid"] in given["userids"]]
        if "filter" in given:
            found = [user for user in found if user["username"] in given["filter"]["username"]]
        return found

    def user_create(self, given: Any) -> dict[str, list[str]]:
        if not given.get("usrgrps") or not given.get("passwd"):
            raise Refused("bad", 'Invalid parameter "/1": the parameter "usrgrps" is missing.')
        self.free(given)
        self.last += 1
        user = {"userid": str(self.last), "name": "", "surname": "", **given}
        del user["passwd"]
        self.users[user["userid"]] = user
        return {"userids": [user["userid"]]}

    def user_update(self, given: Any) -> dict[str, list[str]]:
        user = self.user(given["userid"])
        self.free(given, user)
        for group in given.get("usrgrps", ()):
            if group["usrgrpid"] not in self.groups:
                raise Refused("gone", "No permissions to referred object or it does not exist!")
        user.update(given)
        return {"userids": [user["userid"]]}

    def user_delete(self, given: Any) -> dict[str, list[str]]:
        for one in given:
            del self.users[self.user(one)["userid"]]
        return {"userids": given}

    def usergroup_get(self, given: Any) -> list[dict[str, str]]:
        return [{"usrgrpid": key, "name": name} for key, name in self.groups.items()]

    def usergroup_create(self, given: Any) -> dict[str, list[str]]:
        self.last += 1
        self.groups[str(self.last)] = given["name"]
        return {"usrgrpids": [str(self.last)]}

    def usergroup_delete(self, given: Any) -> dict[str, list[str]]:
        for one in given:
            del self.groups[one]
        return {"usrgrpids": given}

    def role_get(self, given: Any) -> list[dict[str, str]]:
        return [{"roleid": "1", "name": "User role"}, {"roleid": "3", "name": "Super admin role"}]

    def user(self, one: str) -> dict[str, Any]:
        if one not in self.users:
            raise Refused("gone", "No permissions to referred object or it does not exist!")
        return self.users[one]

    def free(self, given: Any, own: Any = None) -> None:
        for user in self.users.values():
            if user is not own and user["username"] == given.get("username"):
                raise Refused("taken", f'User with username "{user["username"]}" already exists.')

    def result(self, value: Any) -> Answer:
        return web.json_response({"jsonrpc": "2.0", "result": value, "id": 1})

    def refuse(self, error: Refused) -> Answer:
        gone = error.why == "gone"
        body = {
            "code": -32500 if gone else -32602,
            "message": "Application error." if gone else "Invalid params.",
            "data": error.text,
        }
        return web.json_response({"jsonrpc": "2.0", "error": body, "id": 1})
