"""Included at `/scim/v2/`."""

from __future__ import annotations

from django.urls import path

from tenure.scim_server.views import scim

app_name = "scim_server"
urlpatterns = [path("", scim, name="root"), path("<path:rest>", scim, name="scim")]
