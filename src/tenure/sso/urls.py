"""Where people go on to applications, and where applications speak with us. Included at `/`."""

from __future__ import annotations

from django.urls import path

from tenure.sso.views import waiting

app_name = "sso"
urlpatterns = [
    path("portal/launch/<slug:slug>/", waiting.launch, name="launch"),
    path("sso/continue/<str:token>", waiting.go_on, name="continue"),
    path("sso/ready/<slug:slug>", waiting.ready, name="ready"),
]
