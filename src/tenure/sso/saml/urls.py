"""SAML's addresses. Included at `/sso/saml/`."""

from __future__ import annotations

from django.urls import path

from tenure.sso.saml.views import signing_in, signing_out

app_name = "saml"
urlpatterns = [
    path("metadata", signing_in.metadata, name="metadata"),
    path("certificate", signing_in.certificate, name="certificate"),
    path("certificate/<str:kid>", signing_in.certificate, name="certificate_of"),
    path("sign-on", signing_in.sign_on, name="sign_on"),
    path("log-out", signing_out.log_out, name="log_out"),
    path("log-out/soap", signing_out.log_out_soap, name="log_out_soap"),
    path("leave", signing_out.leave, name="leave"),
    path("leaving/<str:token>", signing_out.leaving_page, name="leaving"),
    path("on/<str:token>", signing_out.on, name="on"),
]
