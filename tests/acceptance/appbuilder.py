"""A server of Flask-AppBuilder, whose interface for users Superset and Airflow have, run as it
comes from its makers with nothing of an application of its own.

It lives in a virtual environment of its own (`make acceptance`), whose folder `TENURE_ACCEPTANCE`
names.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.connectors.servers import free_port, wait_until_up

USER, PASSWORD = "tenure", "appbuilder-password"
_PROGRAM = f"""\
from flask import Flask
from flask_appbuilder import AppBuilder
from flask_appbuilder.utils.legacy import get_sqla_class

app = Flask(__name__)
app.config.update(
    SECRET_KEY="only for this test, and long enough for it",
    SQLALCHEMY_DATABASE_URI="sqlite:///PLACE/appbuilder.db",
    FAB_ADD_SECURITY_API=True,
    FAB_PASSWORD_HASH_METHOD="pbkdf2:sha256:1",
    WTF_CSRF_ENABLED=True,
)
db = get_sqla_class()(app)
with app.app_context():
    appbuilder = AppBuilder(app, db.session)
    db.create_all()
    role = appbuilder.sm.find_role(appbuilder.sm.auth_role_admin)
    appbuilder.sm.add_user(
        "{USER}", "Tenure", "Robot", "tenure@acme.example", role, "{PASSWORD}"
    )
    appbuilder.sm.add_role("Gamma")
app.run(host="127.0.0.1", port=PORT, threaded=False)
"""


@contextmanager
def appbuilder(place: Path, binaries: Path) -> Iterator[str]:
    """The address of a new one, its data in `place`."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    program = place / "server.py"
    program.write_text(_PROGRAM.replace("PLACE", str(place)).replace("PORT", str(port)))
    log = place / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(binaries / "python"), str(program)],
            cwd=place,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_up(f"{address}/health", process, log, seconds=60)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
