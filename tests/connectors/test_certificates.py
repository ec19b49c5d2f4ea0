"""A server that wants to see a certificate of ours sees it, at the token endpoint too."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tenure.connectors.base import RetryLater, StopApplication
from tenure.connectors.certificates import client_context
from tenure.connectors.http import HttpFunnel
from tenure.connectors.oauth import OAuthSettings, TokenEndpoint


def made(name: str) -> tuple[str, str]:
    """A certificate that signs itself, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(Encoding.PEM).decode(),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    )


async def test_it_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, ours, other = made("server"), made("tenure"), made("somebody else")
    (tmp_path / "server.pem").write_text("".join(server))
    (tmp_path / "ours.pem").write_text(ours[0])
    (tmp_path / "authorities.pem").write_text(server[0])
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authorities.pem"))
    wants = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tmp_path / "ours.pem")
    wants.verify_mode = ssl.CERT_REQUIRED
    wants.load_cert_chain(tmp_path / "server.pem")

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"access_token": "t", "expires_in": 60})

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=wants)
    await site.start()
    try:
        assert site._server is not None
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        address = f"https://127.0.0.1:{port}"
        settings = OAuthSettings(
            grant="client_credentials",  # type: ignore[arg-type]
            token_url=f"{address}/token",
            client_id="id",
            client_secret="secret",
        )
        context = client_context(*ours)
        async with HttpFunnel(address, headers={}, certificate=context) as funnel:
            assert (await funnel.read("/x"))["access_token"] == "t"
        assert (await TokenEndpoint(settings, context).own()).access == "t"
        for shown in (None, client_context(*other)):
            async with HttpFunnel(address, headers={}, certificate=shown) as funnel:
                with pytest.raises((RetryLater, StopApplication)):
                    await funnel.read("/x")
    finally:
        await runner.cleanup()


def test_what_cannot_be_used() -> None:
    ours, other = made("tenure"), made("somebody else")
    for certificate, key in ((ours[0], other[1]), ("no PEM", ours[1]), (ours[0], "")):
        with pytest.raises(StopApplication, match="belonging to the other"):
            client_context(certificate, key)
