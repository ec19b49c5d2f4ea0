"""An application for practice: one that is only a file, and behaves as a real one does.

The sample company's applications are of this kind, so that everything can be tried without an
account anywhere. It is the application in memory (`memory`), kept in a file between two calls;
workers of several processes on one machine share it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field

from tenure.connectors.base import ConnectorConfig
from tenure.connectors.memory import MemoryConnector
from tenure.connectors.memory_application import (
    MemoryApplication,
    MemoryGroup,
    MemoryUser,
)
from tenure.core.diff import comparable

T = TypeVar("T")


class PracticeSettings(BaseModel):
    """Where the file is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,99}$",
        title="Name",
        description="Of the application, and of its file.",
    )
    folder: str = Field(
        min_length=1, title="Folder", description="Where its file is kept, on this machine."
    )


class PracticeConnector(MemoryConnector):
    """The port's verbs on an application that is a file."""

    Settings: ClassVar[type[BaseModel]] = PracticeSettings

    def __init__(self, config: ConnectorConfig) -> None:
        chosen = PracticeSettings.model_validate(dict(config.settings))
        # The application, which is asked for what it can do, is in it.
        self._path = Path(chosen.folder) / f"{chosen.name}.json"
        self._inside: MemoryApplication | None = None
        super().__init__(
            ConnectorConfig(
                application=config.application,
                settings={"name": chosen.name},
                secrets=config.secrets,
                limits=config.limits,
                attributes=config.attributes,
            )
        )

    @property
    def application(self) -> MemoryApplication:
        """As the file has it now; while something is done to it, the one that it is done to."""
        return self._inside or _load(self._path)

    async def _call(
        self, verb: str, target: str, act: Callable[[], T], *, seen_blindly: T | None = None
    ) -> T:
        return await super()._call(verb, target, lambda: self._kept(act), seen_blindly=seen_blindly)

    def _kept(self, act: Callable[[], T]) -> T:
        with _alone(self._path):
            self._inside = _load(self._path)
            before = len(self._inside.groups)
            try:
                result = act()
                if self._inside.history or len(self._inside.groups) != before:
                    _save(self._inside, self._path)
                return result
            finally:
                self._inside = None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody else reads or writes the file meanwhile, in this process or in another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _load(path: Path) -> MemoryApplication:
    application = MemoryApplication(path.stem)
    try:
        kept = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return application
    for one in kept["users"]:
        user = MemoryUser(one["id"], one["external_id"], one["attributes"], one["active"])
        application.users[user.remote_id] = user
        application._names[comparable(user.attributes["userName"])] = user.remote_id
    for one in kept["groups"]:
        group = MemoryGroup(one["id"], one["name"], set(one["members"]))
        application.groups[group.remote_id] = group
    return application


def _save(application: MemoryApplication, path: Path) -> None:
    kept: dict[str, list[dict[str, Any]]] = {
        "users": [
            {
                "id": user.remote_id,
                "external_id": user.external_id,
                "attributes": user.attributes,
                "active": user.active,
            }
            for user in application.users.values()
        ],
        "groups": [
            {"id": group.remote_id, "name": group.name, "members": sorted(group.members)}
            for group in application.groups.values()
        ],
    }
    unfinished = path.with_suffix(f".{os.getpid()}.new")
    unfinished.write_bytes(orjson.dumps(kept, option=orjson.OPT_INDENT_2))
    unfinished.replace(path)
