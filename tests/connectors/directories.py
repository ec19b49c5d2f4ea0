"""Real directories for the connectors' tests: OpenLDAP's slapd, and Samba as an Active Directory
domain controller. Each is a process of its own on loopback, in a folder of its own."""

from __future__ import annotations

import ipaddress
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.connectors.servers import free_port

PASSWORD = "a-Passw0rd-that-nobody-may-see"
SUFFIX = "dc=example,dc=test"
ADMIN = f"cn=tenure,{SUFFIX}"
SLAPD = shutil.which("slapd") or "/usr/sbin/slapd"
#: Ports are fixed there, so each domain controller has an address of its own.
AD_ADDRESS = f"127.53.{secrets.randbelow(254) + 1}.{secrets.randbelow(254) + 1}"
AD_SUFFIX = "DC=ad,DC=example,DC=test"
AD_ADMIN = "Administrator@ad.example.test"


@dataclass(frozen=True, slots=True)
class Certificate:
    """Self-signed, for 127.0.0.1 and the domain controller's address."""

    certificate: Path
    key: Path


def certificate(folder: Path) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "directory.example.test")])
    addresses = [ipaddress.ip_address(text) for text in ("127.0.0.1", AD_ADDRESS)]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(one) for one in addresses]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    found = Certificate(folder / "cert.pem", folder / "key.pem")
    found.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    found.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    found.key.chmod(0o600)
    return found


@dataclass(frozen=True, slots=True)
class Slapd:
    """Where it listens: without encryption (StartTLS is offered) and with."""

    ldap: str
    ldaps: str
    certificate: Path


_CONF = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
moduleload syncprov
pidfile {folder}/pid
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
sizelimit size.soft=500 size.hard=500 size.pr=100 size.prtotal=unlimited
database mdb
suffix "{suffix}"
rootdn "cn=root,{suffix}"
rootpw {password}
directory {folder}/db
maxsize 104857600
dbnosync
index objectClass,entryUUID,uid,mail,member,memberUid eq
index entryCSN eq
overlay ppolicy
{overlays}
access to dn.subtree="ou=closed,{suffix}" by dn.exact="{admin}" read
access to dn.subtree="ou=none,{suffix}" by * none
access to * by dn.exact="{admin}" manage by anonymous auth by * none
"""

_TREE = """
dn: {suffix}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: {admin}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: tenure
userPassword: {password}

dn: ou=none,{suffix}
objectClass: organizationalUnit
ou: none
"""


@contextmanager
def slapd(folder: Path, *, overlays: str = "") -> Iterator[Slapd]:
    """An OpenLDAP server; `unit` below makes a tree of one's own in it. `overlays` are lines of its
    configuration."""
    (folder / "db").mkdir()
    pair = certificate(folder)
    conf, tree = folder / "slapd.conf", folder / "tree.ldif"
    facts = {"folder": folder, "suffix": SUFFIX, "admin": ADMIN, "password": PASSWORD}
    conf.write_text(
        _CONF.format(certificate=pair.certificate, key=pair.key, overlays=overlays, **facts)
    )
    tree.write_text(_TREE.format(**facts))
    subprocess.run([SLAPD, "-Tadd", "-f", str(conf), "-l", str(tree)], check=True)
    plain, secure = free_port(), free_port()
    addresses = f"ldap://127.0.0.1:{plain} ldaps://127.0.0.1:{secure}"
    command = [SLAPD, "-f", str(conf), "-h", addresses, "-d", "0"]
    with _running(command, folder / "log", ("127.0.0.1", secure)):
        yield Slapd(f"ldap://127.0.0.1:{plain}", f"ldaps://127.0.0.1:{secure}", pair.certificate)


@contextmanager
def domain_controller(folder: Path) -> Iterator[Slapd]:
    """Samba as the domain controller of a new domain. It needs root: its ports are fixed."""
    pair = certificate(folder)
    home = folder / "dc"
    (folder / "run").mkdir()
    options = {
        "interfaces": f"{AD_ADDRESS}/8",
        "bind interfaces only": "yes",
        "server services": "ldap",
        # What is shared by all of a machine otherwise: several may run at once.
        "pid directory": str(folder / "run"),
        "ncalrpc dir": str(folder / "ncalrpc"),
        "log file": str(folder / "samba.log"),
        "tls certfile": str(pair.certificate),
        "tls keyfile": str(pair.key),
        "tls cafile": str(pair.certificate),
    }
    provision = [
        *("samba-tool", "domain", "provision", "--realm=AD.EXAMPLE.TEST", "--domain=ADTEST"),
        *("--server-role=dc", "--dns-backend=NONE", f"--adminpass={PASSWORD}"),
        *(f"--targetdir={home}", f"--host-ip={AD_ADDRESS}"),
        *(f"--option={name}={value}" for name, value in options.items()),
    ]
    with (folder / "provision.log").open("wb") as log:
        subprocess.run(provision, check=True, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    command = [
        "samba",
        "-F",
        "--no-process-group",
        "-M",
        "single",
        "-s",
        str(home / "etc/smb.conf"),
    ]
    with _running(command, folder / "log", (AD_ADDRESS, 636)):
        yield Slapd(f"ldap://{AD_ADDRESS}", f"ldaps://{AD_ADDRESS}", pair.certificate)


@contextmanager
def _running(command: list[str], log: Path, address: tuple[str, int]) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            deadline = time.monotonic() + 90
            while not _listens(address):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command[0]} did not start: {log.read_text()}")
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _listens(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, timeout=1):
            return True
    except OSError:
        return False


def can_be_domain_controller() -> bool:
    """Whether Samba is here, and we may listen where it has to."""
    return os.geteuid() == 0 and bool(shutil.which("samba")) and bool(shutil.which("samba-tool"))
