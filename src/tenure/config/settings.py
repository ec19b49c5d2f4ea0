"""Django's settings. Everything that an installation may set comes from the environment and is
read here and nowhere else; `bootstrap` has already set DATABASE_URL for the embedded database."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote, urlsplit

from tenure.config.address import address
from tenure.config.database_url import parse_database_url
from tenure.config.mail import mail_settings
from tenure.config.numbers import count_of
from tenure.config.paths import home, kept_secret

HOME = home()
DEBUG = os.environ.get("TENURE_DEBUG") == "1"
SECRET_KEY = kept_secret(HOME, "django.key")

TENURE_URL = address(HOME)
"""Where people's browsers reach Tenure; links in invitations begin with it."""
_ADDRESS = urlsplit(TENURE_URL)
_HTTPS = _ADDRESS.scheme == "https"
_HOSTS = [name.strip() for name in os.environ.get("TENURE_HOSTS", "").split(",")]

PASSKEY_DOMAIN = _ADDRESS.hostname or "localhost"
PASSKEY_ORIGIN = f"{_ADDRESS.scheme}://{_ADDRESS.netloc}"
"""What passkeys are bound to (the RP id and the origin of WebAuthn): they work at no other."""
TENURE_PROXIES = count_of("TENURE_PROXIES")
"""How many reverse proxies of our own stand before us; each adds to X-Forwarded-For."""
TENURE_METRICS_TOKEN = os.environ.get("TENURE_METRICS_TOKEN", "")
"""Who shows it sees the numbers at /metrics; empty: nobody."""
TENURE_PLACES = os.environ.get("TENURE_PLACES", "")
"""An MMDB file that says where addresses are; empty: none."""

EMAIL_OUTBOX = HOME / "outbox"
_MAIL = mail_settings(
    os.environ.get("TENURE_SMTP", ""),
    sender=os.environ.get("TENURE_MAIL_FROM", ""),
    host=PASSKEY_DOMAIN,
)
DEFAULT_FROM_EMAIL: str = _MAIL["DEFAULT_FROM_EMAIL"]
EMAIL_BACKEND: str = _MAIL["EMAIL_BACKEND"]
EMAIL_HOST: str = _MAIL["EMAIL_HOST"]
"""Empty: letters are files in the outbox."""
EMAIL_PORT: int = _MAIL["EMAIL_PORT"]
EMAIL_HOST_USER: str = _MAIL["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD: str = _MAIL["EMAIL_HOST_PASSWORD"]
EMAIL_USE_SSL: bool = _MAIL["EMAIL_USE_SSL"]
EMAIL_USE_TLS: bool = _MAIL["EMAIL_USE_TLS"]
EMAIL_TIMEOUT: int = _MAIL["EMAIL_TIMEOUT"]

ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *filter(None, [*_HOSTS, _ADDRESS.hostname])]
CSRF_TRUSTED_ORIGINS = [f"{_ADDRESS.scheme}://{_ADDRESS.netloc}"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "lucide",
    "procrastinate.contrib.django",
    "tenure.audit",
    "tenure.runs",
    "tenure.vault",
    "tenure.figures",
    "tenure.people",
    "tenure.sources",
    "tenure.rules",
    "tenure.applications",
    "tenure.provisioning",
    "tenure.writeback",
    "tenure.signin",
    "tenure.sso",
    "tenure.sso.saml",
    "tenure.requests",
    "tenure.setup",
    "tenure.notices",
    "tenure.signals",
    "tenure.console",
    "tenure.scim_server",
    "tenure.receiving",
    "tenure.portal",
]

MIDDLEWARE = [
    "tenure.config.probes.Probes",
    "django.middleware.security.SecurityMiddleware",
    "tenure.infra.csp.ContentSecurityPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tenure.infra.browser_sessions.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "tenure.infra.plain_text.NoNul",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "tenure.signin.devices.DeviceCookie",
]

ROOT_URLCONF = "tenure.config.urls"
WSGI_APPLICATION = "tenure.config.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Without DATABASE_URL there is only the embedded database, which a command has to have started.
_EMBEDDED = f"postgresql://tenure@/tenure?host={quote(str(HOME / 'postgres' / 'socket'))}"
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **parse_database_url(os.environ.get("DATABASE_URL") or _EMBEDDED),
        # One connection a thread, kept: requests and jobs run in a fixed number of threads.
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }
}
DATABASES["default"]["OPTIONS"].setdefault("application_name", "tenure")
# Of several servers the one that takes something; a standby by itself is none for us.
DATABASES["default"]["OPTIONS"].setdefault("target_session_attrs", "read-write")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "signin.User"
LOGIN_URL = "/sign-in/"

SESSION_ENGINE = "tenure.infra.browser_sessions"
SESSION_COOKIE_NAME = "__Host-tenure" if _HTTPS else "tenure"
SESSION_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
DEVICE_COOKIE_NAME = "__Host-tenure-device" if _HTTPS else "tenure-device"
PAIRING_COOKIE_NAME = "__Host-tenure-pairing" if _HTTPS else "tenure-pairing"
CSRF_COOKIE_NAME = "__Host-tenure-csrf" if _HTTPS else "tenure-csrf"
CSRF_COOKIE_SECURE = _HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "en-gb"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

PROCRASTINATE_IMPORT_PATHS = ["tenure.infra.jobs"]

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "tenure.infra.log_lines.LineFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
            "datefmt": "%Y-%m-%dT%H:%M:%S%z",
        },
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # Every periodic task and every job, each in several lines.
        "procrastinate": {"level": "WARNING"},
        # Each step of each connection to an SFTP server.
        "asyncssh": {"level": "WARNING"},
        # Every token that is issued, in clear (RFC 6819, section 5.1.6 has them kept out of logs).
        "authlib": {"level": "INFO"},
        "django.security.DisallowedHost": {"level": "ERROR"},
        "django": {"handlers": [], "propagate": True},
    },
}
LOGGING["root"]["level"] = os.environ.get("TENURE_LOG_LEVEL", "INFO").upper()
if LOGGING["root"]["level"] not in _LEVELS:
    raise ValueError(f"TENURE_LOG_LEVEL is none of {', '.join(_LEVELS)}.")
