"""Apache with mod_auth_mellon, as Debian packages them (apache2, libapache2-mod-auth-mellon), with
a configuration of their own: what is set up on the machine is not touched.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.connectors.servers import free_port, wait_until_up

SERVER = Path("/usr/sbin/apache2")
MODULE = Path("/usr/lib/apache2/modules/mod_auth_mellon.so")
_WHO = "www-data"
_CONFIGURATION = """\
ServerRoot {place}
PidFile {place}/pid
ErrorLog {place}/log
LogLevel warn auth_mellon:debug
ServerName localhost:{port}
UseCanonicalName On
Listen 127.0.0.1:{port}
{user}
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authn_core_module /usr/lib/apache2/modules/mod_authn_core.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule authz_user_module /usr/lib/apache2/modules/mod_authz_user.so
LoadModule setenvif_module /usr/lib/apache2/modules/mod_setenvif.so
LoadModule include_module /usr/lib/apache2/modules/mod_include.so
LoadModule mime_module /usr/lib/apache2/modules/mod_mime.so
LoadModule auth_mellon_module {module}
StartServers 1
ThreadsPerChild 8
ThreadLimit 8
MaxRequestWorkers 8
ServerLimit 1
# Without TLS a browser takes no cookie with SameSite=None.
SetEnvIf Request_URI . MELLON_DISABLE_SAMESITE=1
MellonLockFile {place}/lock
DocumentRoot {place}/pages
TypesConfig /dev/null
AddType text/html .html
<Directory />
  AllowOverride None
</Directory>
<Directory {place}/pages>
  Options +Includes
  SetOutputFilter INCLUDES
</Directory>
<Location />
  Require all granted
  MellonEnable info
  MellonEndpointPath /mellon
  MellonSPentityId {base}/sp
  MellonSPPrivateKeyFile {place}/sp.key
  MellonSPCertFile {place}/sp.cert
  MellonIdPMetadataFile {place}/idp.xml
  MellonSecureCookie Off
  MellonSignatureMethod rsa-sha256
  MellonRedirectDomains [self]
</Location>
<Location /staff>
  MellonEnable auth
  AuthType Mellon
  Require valid-user
  MellonUser mail
</Location>
"""
_PAGE = """\
<!doctype html><title>Staff</title><h1>Welcome, <!--#echo var="MELLON_mail" --></h1>
<p id="groups"><!--#echo var="MELLON_department" --></p>
<a href="/mellon/logout?ReturnTo=/bye.html">Sign out</a>
"""


@dataclass(frozen=True)
class Mellon:
    """`base` is where it answers."""

    base: str
    place: Path

    @property
    def log(self) -> str:
        return (self.place / "log").read_text(errors="replace")


@contextmanager
def mellon(place: Path, metadata: bytes) -> Iterator[Mellon]:
    """A new one, which trusts whoever this metadata describes."""
    port = free_port()
    base = f"http://localhost:{port}"
    (place / "pages" / "staff").mkdir(parents=True)
    (place / "pages" / "staff" / "index.html").write_text(_PAGE)
    (place / "pages" / "bye.html").write_text("<!doctype html><h1>Bye</h1>")
    (place / "idp.xml").write_bytes(metadata)
    subprocess.run(
        shlex.split(
            "openssl req -new -x509 -days 2 -nodes -newkey rsa:2048 -subj /CN=sp "
            "-keyout sp.key -out sp.cert"
        ),
        cwd=place,
        check=True,
        capture_output=True,
    )
    root = os.getuid() == 0
    user = f"User {_WHO}\nGroup {_WHO}" if root else ""
    configuration = place / "apache.conf"
    configuration.write_text(
        _CONFIGURATION.format(place=place, port=port, base=base, module=MODULE, user=user)
    )
    if root:
        for path in (place, *place.rglob("*")):
            shutil.chown(path, _WHO, _WHO)
    process = subprocess.Popen([str(SERVER), "-f", str(configuration), "-D", "FOREGROUND"])
    try:
        wait_until_up(f"{base}/bye.html", process, place / "log", seconds=30)
        yield Mellon(base, place)
    finally:
        process.terminate()
        process.wait(30)
