"""Included at `/`."""

from __future__ import annotations

from django.urls import path

from tenure.signals.views import receive, streams

app_name = "signals"
urlpatterns = [
    path(".well-known/ssf-configuration", streams.metadata, name="metadata"),
    path("ssf/jwks.json", streams.jwks, name="jwks"),
    path("ssf/streams", streams.manage, name="streams"),
    path("ssf/status", streams.status, name="status"),
    path("ssf/subjects:add", streams.add_subject, name="add_subject"),
    path("ssf/subjects:remove", streams.remove_subject, name="remove_subject"),
    path("ssf/verify", streams.verify, name="verify"),
    path("ssf/streams/<str:uid>/events", streams.poll, name="poll"),
    path("ssf/receive/<slug:slug>", receive.receive, name="receive"),
]
