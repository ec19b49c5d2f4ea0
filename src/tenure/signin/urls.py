"""Where signing in happens. Included at `/sign-in/`."""

from __future__ import annotations

from django.urls import path

from tenure.signin import views

app_name = "signin"
urlpatterns = [
    path("", views.index, name="index"),
    path("link/<str:token>", views.link, name="link"),
    path("out", views.out, name="out"),
]
