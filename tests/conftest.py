"""One embedded PostgreSQL for the whole test run, started when the first test asks for a database;
each worker of pytest-xdist has a database of its own on it. The server stops with the last user."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from socketserver import StreamRequestHandler

import psycopg
import pytest
import uvloop
from django.conf import settings as django_settings
from django.db import connection
from hypothesis import settings
from psycopg import sql

from tenure.config.database_url import parse_database_url
from tenure.config.mail import mail_settings
from tenure.infra.postgres import EmbeddedPostgres, destroy_database
from tests import emptying, unordered

# How long one example takes says how busy the machine is, and nothing of what is tested.
settings.register_profile("tenure", deadline=None)
settings.load_profile("tenure")

# Safety is tested where it is promised; everywhere else the disk need not be waited for.
FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
HOME = "TENURE_TESTS_HOME"
_WORKER = "PYTEST_XDIST_WORKER"
#: A seed, where delays at random are wanted: see `shaking`.
SHAKEN = "TENURE_SHAKE"
#: A mail server of whoever runs the tests: no test is about it.
_MAIL = ("TENURE_SMTP", "TENURE_MAIL_FROM")


def pytest_configure(config: pytest.Config) -> None:
    """Choose the home of the run; pytest-xdist's workers inherit it."""
    forget_the_mail_server()
    emptying.install()
    unordered.install()
    if seed := os.environ.get(SHAKEN):
        # What it shakes has tables: not before Django is set up.
        from tests import shaking

        shaking.install(config, seed)
    # Servers in this process write an answer in two pieces. Otherwise the second waits 40 ms until
    # the other end says that it has the first.
    StreamRequestHandler.disable_nagle_algorithm = True
    if _WORKER not in os.environ:
        os.environ[HOME] = str(make_home())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long first, where it has no tables in common with the others: those of tests that
    commit have to come after the rest."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_unconfigure() -> None:
    if _WORKER not in os.environ:
        remove_home(Path(os.environ.pop(HOME)))


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """The event loop on which workers run."""
    return {"uvloop": uvloop.new_event_loop}


def forget_the_mail_server() -> None:
    """Django has read its settings before anything of the tests is."""
    for name in _MAIL:
        os.environ.pop(name, None)
    none = mail_settings("", sender="", host=django_settings.PASSKEY_DOMAIN)
    for name, value in none.items():
        setattr(django_settings, name, value)


def make_home() -> Path:
    """A new folder that the user who runs PostgreSQL for root can pass through."""
    home = Path(tempfile.mkdtemp(prefix="tenure-tests-"))
    home.chmod(0o711)
    return home


def copy_home(begun: Path) -> Path:
    """A home of one's own like that one."""
    home = make_home()
    # With its owner: PostgreSQL may run as another user than we do.
    subprocess.run(["cp", "-a", f"{begun}/.", home], check=True)
    assert not (home / "postgres").is_symlink(), "two homes must not have one database"
    return home


def remove_home(home: Path) -> None:
    """Stop what a killed process may have left running there, and remove every file."""
    destroy_database(home)
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def begun() -> Iterator[Path]:
    """A home whose database has its tables, and stands still, to be copied (`copy_home`): to make
    them takes as long as much of what is tested in a home of its own."""
    home = make_home()
    with EmbeddedPostgres(home, FAST) as server:
        subprocess.run(
            [sys.executable, "-m", "django", "migrate", "--verbosity=0"],
            env={
                **os.environ,
                "TENURE_HOME": str(home),
                "DATABASE_URL": server.url(),
                "DJANGO_SETTINGS_MODULE": "tenure.config.settings",
            },
            check=True,
        )
    yield home
    remove_home(home)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The server of this test run. Its drains and workers connect some thousand times, and most of
    what the client does then is to make its password hard to guess for who reads the server's."""
    with EmbeddedPostgres(Path(os.environ[HOME]), FAST) as server:
        with psycopg.connect(server.url()) as other:
            password = sql.Literal(other.info.password)
            # Every process of the run does so, and two must not at the same moment.
            other.execute(
                "SELECT pg_advisory_xact_lock(1), set_config('scram_iterations', '1', true)"
            )
            other.execute(sql.SQL("ALTER ROLE CURRENT_USER PASSWORD {}").format(password))
        yield server


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    postgres: EmbeddedPostgres, request: pytest.FixtureRequest
) -> None:
    """pytest-django's place to say which database the tests use."""
    connection.settings_dict.update(parse_database_url(postgres.url()))
    connection.settings_dict["CONN_MAX_AGE"] = 0
    request.getfixturevalue("django_db_modify_db_settings_parallel_suffix")


@pytest.fixture(autouse=True)
def no_jobs_of_others(request: pytest.FixtureRequest) -> None:
    """Tests that commit leave jobs behind, in a table that Django does not know to be emptied."""
    mark = request.node.get_closest_marker("django_db")
    if "transactional_db" in request.fixturenames or (mark and mark.kwargs.get("transaction")):
        request.getfixturevalue("transactional_db")
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs")


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, transactional_db: None) -> str:
    """The URL of the test's own database, for other processes; what they must see is committed."""
    name = connection.settings_dict["NAME"]
    return postgres.url().replace("/tenure?", f"/{name}?")
