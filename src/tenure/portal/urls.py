"""The employee's pages. Included at `/`."""

from __future__ import annotations

from django.urls import path

from tenure.portal.views import data, home, installing, requests, security, team, welcome

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
    path("portal/data/", data.data, name="data"),
    path("portal/data/file/", data.file, name="data_file"),
    path("portal/requests/", requests.index, name="requests"),
    path("portal/requests/<uuid:uid>/", requests.show, name="request"),
    path("portal/requests/<uuid:uid>/decide/", requests.decide, name="request_decide"),
    path("portal/requests/<uuid:uid>/withdraw/", requests.withdraw, name="request_withdraw"),
    path("portal/requests/<uuid:uid>/give-back/", requests.give_back, name="request_give_back"),
    path("portal/ask/<slug:slug>/", requests.ask, name="ask"),
    path("portal/team/", team.team, name="team"),
    path("portal/team/<uuid:uid>/", team.below, name="team_below"),
    path("portal/security/", security.security, name="security"),
    path("portal/security/options/", security.options, name="passkey_options"),
    path("portal/security/passkey/", security.add, name="passkey_add"),
    path("portal/security/change/", security.change, name="security_change"),
    path("portal/security/applications/", security.applications, name="security_applications"),
    path("portal/security/codes/", security.codes, name="codes"),
]
