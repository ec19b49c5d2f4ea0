"""Request Tracker, as Debian packages it (request-tracker5, rt5-db-sqlite), with a configuration
and a database of its own: what is set up on the machine is not touched.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.connectors.servers import free_port, wait_until_up

SERVER = Path("/usr/share/request-tracker5/libexec/rt-server")
_SETUP = Path("/usr/sbin/rt-setup-database-5")
#: What a new database has.
USER, PASSWORD = "root", "password"
_CONFIGURATION = """\
Set($rtname, "test");
Set($WebPath, "");
Set($WebDomain, "localhost");
Set($WebPort, {port});
Set($WebBaseURL, "http://localhost:{port}");
Set($DatabaseType, "SQLite");
Set($DatabaseName, "{place}/database");
Set($LogToSTDERR, "warning");
Set($LogToSyslog, "");
Set($MailCommand, "testfile");
1;
"""


@contextmanager
def request_tracker(place: Path) -> Iterator[str]:
    """A new one; yields its address."""
    port = free_port()
    (place / "RT_SiteConfig.d").mkdir()
    configuration = place / "RT_SiteConfig.pm"
    configuration.write_text(_CONFIGURATION.format(port=port, place=place))
    environment = {
        **os.environ,
        "RT_SITE_CONFIG": str(configuration),
        "RT_SITE_CONFIG_DIR": str(place / "RT_SiteConfig.d"),
    }
    subprocess.run(
        [str(_SETUP), "--action", "init", "--skip-create"],
        cwd=place,
        env=environment,
        check=True,
        capture_output=True,
    )
    log = place / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(SERVER), "--host", "127.0.0.1", "--port", str(port)],
            cwd=place,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_up(f"http://127.0.0.1:{port}/REST/2.0/rt", process, log, seconds=90)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)
