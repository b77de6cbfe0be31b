"""WSGI application: `gunicorn loadtests.benchmarks.peers.django_drf.wsgi:application`."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "loadtests.benchmarks.peers.django_drf.settings"
application = get_wsgi_application()
