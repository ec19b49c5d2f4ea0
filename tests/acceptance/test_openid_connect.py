"""Somebody signs in to a site behind Apache's mod_auth_openidc, and is out of it when they leave:
by discovery, with PKCE, by its own check of our tokens, and by its own back channel."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import connection
from django.test import override_settings

from tenure.infra.clock import now
from tenure.infra.postgres import EmbeddedPostgres
from tenure.people.services import terminate
from tenure.sso import keys
from tenure.sso.delivery import deliver_waiting
from tenure.sso.models import Algorithm, Notice, Protocol
from tenure.sso.oidc.clients import make_secret
from tests.acceptance.apache import AVAILABLE, Browser, apache, free_port
from tests.sso.conftest import Somebody, account, application, oidc

pytestmark = pytest.mark.skipif(
    "TENURE_ACCEPTANCE" not in os.environ or not AVAILABLE,
    reason="needs Apache with mod_auth_openidc: make acceptance",
)
CONFIGURATION = """
OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID wiki
OIDCClientSecret {secret}
OIDCRedirectURI {site}/callback
OIDCCryptoPassphrase only-for-a-test
OIDCScope "openid profile email groups"
OIDCPKCEMethod S256
OIDCResponseType code
OIDCIDTokenSignedResponseAlg {algorithm}
OIDCRemoteUserClaim email
OIDCCookieSameSite On
OIDCSessionType server-cache
OIDCUserInfoRefreshInterval 0
<Location />
  AuthType openid-connect
</Location>
<Location /private>
  Require valid-user
  Header always set X-Person "expr=%{{REMOTE_USER}}"
  Header always set X-Acr "%{{OIDC_CLAIM_acr}}e"
</Location>
<Location /callback>
  Require valid-user
</Location>
<Location /bye>
  Require all granted
</Location>
"""


@dataclass
class Scene:
    """Ana, her browser, the site and us."""

    ana: Somebody
    browser: Browser
    site: str
    issuer: str


@pytest.fixture(params=["RS256", "ES256"])
def scene(
    request: pytest.FixtureRequest,
    transactional_db: None,
    postgres: EmbeddedPostgres,
) -> Iterator[Scene]:
    ana = Somebody()
    port, site_port = free_port(), free_port()
    issuer, site = f"http://localhost:{port}", f"http://127.0.0.1:{site_port}"
    row = application(
        oidc=oidc(
            "wiki",
            redirect_uris=[f"{site}/callback"],
            post_logout_redirect_uris=[f"{site}/bye/"],
            backchannel_logout_uri=f"{site}/callback?logout=backchannel",
            id_token_signed_response_alg=request.param,
        )
    )
    account(ana.person, row)
    name = connection.settings_dict["NAME"]
    database = postgres.url().replace("/tenure?", f"/{name}?")
    web = subprocess.Popen(
        [sys.executable, "-m", "tenure", "web", "--port", str(port)],
        env={**os.environ, "DATABASE_URL": database, "TENURE_URL": issuer},
    )
    try:
        with override_settings(TENURE_URL=issuer):
            _await(web, port)
            words = CONFIGURATION.format(
                issuer=issuer, secret=make_secret("wiki"), site=site, algorithm=request.param
            )
            with apache(words, site_port) as address:
                cookie = {"tenure": ana.browser.cookies["tenure"].value}
                yield Scene(ana, Browser({f"localhost:{port}": cookie}), address, issuer)
    finally:
        web.terminate()
        web.wait(20)


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the web server ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/sign-in/", timeout=20).close()
                return
        time.sleep(0.1)
    raise AssertionError("the web server does not answer")


def test_in_and_out(scene: Scene) -> None:
    page = scene.browser.get(f"{scene.site}/private/")
    assert page.status == 200, page.body
    assert "<h1>private</h1>" in page.body
    assert page.headers["X-Person"] == "ana@acme.example"
    assert page.headers["X-Acr"] == "phr"
    asked = next(url for url in scene.browser.trail if "/oauth/authorize" in url)
    assert "code_challenge_method=S256" in asked
    # A key is rotated at once: the next sign-in is checked with one that it has never seen.
    for algorithm in Algorithm:
        keys.rotate(Protocol.OIDC, algorithm, ahead=timedelta(0))
    # It signs her out here too, and comes back to its own page.
    page = scene.browser.get(f"{scene.site}/callback?logout={scene.site}/bye/")
    assert (page.url, page.status) == (f"{scene.site}/bye/", 200)
    page = scene.browser.get(f"{scene.site}/private/")
    assert page.url.startswith(f"{scene.issuer}/sign-in/")

    scene.ana.sign_in()
    cookie = {"tenure": scene.ana.browser.cookies["tenure"].value}
    scene.browser.cookies[scene.issuer.removeprefix("http://")] = cookie
    assert scene.browser.get(f"{scene.site}/private/").status == 200
    # She leaves: her session at the site is ended behind her back.
    terminate(scene.ana.person, at=now(), reason="gone", now=now())
    deliver_waiting()
    told = [(row.state, row.status) for row in Notice.objects.all()]
    assert told == [("delivered", 200)] * len(told)
    assert told
    page = scene.browser.get(f"{scene.site}/private/")
    assert page.url.startswith(f"{scene.issuer}/sign-in/")
