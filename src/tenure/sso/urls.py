"""Where people go on to applications, and where applications speak with us. Included at `/`."""

from __future__ import annotations

from django.urls import path

from tenure.sso.views import oidc, waiting

app_name = "sso"
urlpatterns = [
    path("portal/launch/<slug:slug>/", waiting.launch, name="launch"),
    path("sso/continue/<str:token>", waiting.go_on, name="continue"),
    path("sso/ready/<slug:slug>", waiting.ready, name="ready"),
    path("sso/sign-out", oidc.sign_out, name="sign_out"),
    path(".well-known/openid-configuration", oidc.discovery, name="discovery"),
    path(".well-known/oauth-authorization-server", oidc.discovery, name="oauth_discovery"),
    path("oauth/jwks", oidc.jwks, name="jwks"),
    path("oauth/authorize", oidc.authorize, name="authorize"),
    path("oauth/token", oidc.token, name="token"),
    path("oauth/userinfo", oidc.userinfo, name="userinfo"),
    path("oauth/introspect", oidc.introspect, name="introspect"),
    path("oauth/revoke", oidc.revoke, name="revoke"),
    path("oauth/device_authorization", oidc.device_authorization, name="device_authorization"),
    path("oauth/logout", oidc.end_session, name="end_session"),
    path("device", oidc.device, name="device"),
]
