"""Where each app's pages begin."""

from __future__ import annotations

from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(url="/console/")),
    path("console/", include("tenure.console.urls")),
    path("scim/v2/", include("tenure.scim_server.urls")),
    path("sign-in/", include("tenure.signin.urls")),
]
