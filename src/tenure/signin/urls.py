"""Where signing in happens. Included at `/sign-in/`; what a QR code names is short, at `/qr/`."""

from __future__ import annotations

from django.urls import path

from tenure.signin.views import brand, confirm, door, phone, wallet

app_name = "signin"
urlpatterns = [
    path("", door.index, name="index"),
    path("passkey/options", door.options, name="options"),
    path("passkey", door.passkey, name="passkey"),
    path("qr", phone.code, name="qr"),
    path("qr/wait", phone.wait, name="wait"),
    path("qr/done", phone.scanned, name="scanned"),
    path("recover", door.recover, name="recover"),
    path("link/<str:token>", door.link, name="link"),
    path("out", door.out, name="out"),
    path("forget", door.forget, name="forget"),
    path("confirm", confirm.page, name="confirm"),
    path("confirm/options", confirm.options, name="confirm_options"),
    path("confirm/passkey", confirm.passkey, name="confirm_passkey"),
    path("brand-<str:colour>.css", brand.stylesheet, name="brand"),
]
wallet_patterns = [
    path("<str:token>/request", wallet.request_object, name="wallet_request"),
    path("<str:token>/response", wallet.response, name="wallet_response"),
]
scan_patterns = [
    path("<str:token>", phone.scan, name="scan"),
    path("<str:token>/options", phone.scan_options, name="scan_options"),
    path("<str:token>/passkey", phone.scan_passkey, name="scan_passkey"),
    path("<str:token>/confirm", phone.confirm, name="scan_confirm"),
]
