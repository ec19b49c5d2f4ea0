"""Where each app's pages begin."""

from __future__ import annotations

from django.urls import include, path

from tenure.portal.views.home import root
from tenure.signin.urls import scan_patterns, wallet_patterns

urlpatterns = [
    path("", root),
    path("console/", include("tenure.console.urls")),
    path("scim/v2/", include("tenure.scim_server.urls")),
    path("", include("tenure.receiving.urls")),
    path("sign-in/", include("tenure.signin.urls")),
    path("qr/", include(scan_patterns)),
    path("wallet/", include(wallet_patterns)),
    path("sso/saml/", include("tenure.sso.saml.urls")),
    path("", include("tenure.sso.urls")),
    path("", include("tenure.signals.urls")),
    path("", include("tenure.portal.urls")),
]

handler500 = "tenure.config.unwell.unwell"
