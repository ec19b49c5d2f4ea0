"""Included at `/`."""

from __future__ import annotations

from django.urls import path

from tenure.receiving.views import hook, upload

app_name = "receiving"
urlpatterns = [
    path("hooks/<slug:slug>", hook, name="hook"),
    path("hooks/<slug:slug>/<str:secret>", hook, name="unsigned_hook"),
    path("sources/<slug:slug>/people", upload, name="upload"),
]
