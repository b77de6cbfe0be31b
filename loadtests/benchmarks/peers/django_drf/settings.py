"""Django settings: production, JSON only, one persistent connection for each thread."""

from __future__ import annotations

import secrets

from loadtests.benchmarks.peers.common import settings

CITY = settings.read()
_USER, _FOLDER, _NAME = CITY.database

DEBUG = False
SECRET_KEY = secrets.token_hex(32)
ALLOWED_HOSTS = list(CITY.allowed_hosts)
ROOT_URLCONF = "loadtests.benchmarks.peers.django_drf.urls"
WSGI_APPLICATION = "loadtests.benchmarks.peers.django_drf.wsgi.application"
INSTALLED_APPS = ["rest_framework", "loadtests.benchmarks.peers.django_drf"]
MIDDLEWARE = [
    "loadtests.benchmarks.peers.django_drf.middleware.CityMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": _FOLDER,
        "NAME": _NAME,
        "USER": _USER,
        "CONN_MAX_AGE": None,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
USE_I18N = False
DATA_UPLOAD_MAX_MEMORY_SIZE = settings.BODY_BYTES_MAX
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "no-referrer"
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "EXCEPTION_HANDLER": "loadtests.benchmarks.peers.django_drf.access.handle_exception",
    "UNAUTHENTICATED_USER": None,
}
LOGGING = {"version": 1, "disable_existing_loggers": False, "root": {"level": "ERROR"}}
