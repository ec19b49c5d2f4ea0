"""The employee's pages. Included at `/`."""

from __future__ import annotations

from django.urls import path

from tenure.portal.views import home, installing, security, welcome

app_name = "portal"
urlpatterns = [
    path("welcome/<str:token>", welcome.welcome, name="welcome"),
    path("welcome/<str:token>/code", welcome.code, name="code"),
    path("welcome/<str:token>/wallet", welcome.wallet, name="wallet"),
    path("welcome/<str:token>/wait", welcome.wait, name="wait"),
    path("phone/", welcome.phone, name="phone"),
    path("phone/send/", welcome.send, name="send"),
    path("phone/options/", welcome.options, name="phone_options"),
    path("phone/passkey/", welcome.passkey, name="phone_passkey"),
    path("portal/", home.home, name="home"),
    path("portal/tiles/", home.tiles, name="tiles"),
    path("portal/here/", home.here, name="here"),
    path("portal/app.webmanifest", installing.manifest, name="manifest"),
    path("portal/worker.js", installing.worker, name="worker"),
    path("portal/offline/", installing.offline, name="offline"),
    path("portal/icon-<str:colour>-<str:kind>.png", installing.icon, name="icon"),
    path("portal/profile/", home.profile, name="profile"),
    path("portal/security/", security.security, name="security"),
    path("portal/security/options/", security.options, name="passkey_options"),
    path("portal/security/passkey/", security.add, name="passkey_add"),
    path("portal/security/change/", security.change, name="security_change"),
    path("portal/security/applications/", security.applications, name="security_applications"),
    path("portal/security/codes/", security.codes, name="codes"),
]
