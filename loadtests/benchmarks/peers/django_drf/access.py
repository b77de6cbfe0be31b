"""Authentication by bearer token, throttling in this process, and refusals as problem documents."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpResponse
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.throttling import BaseThrottle
from rest_framework.views import exception_handler

from loadtests.benchmarks.peers.common.limits import RateCounter
from loadtests.benchmarks.peers.common.problems import MEDIA_TYPE, Problem
from loadtests.benchmarks.peers.common.tokens import TokenVerifier

VERIFIER = TokenVerifier(settings.CITY.issuers)
_RATES = RateCounter()
_LOCK = threading.Lock()


class Caller(NamedTuple):
    """The sender of a request; `audience` names the rate that counts it."""

    audience: str
    subject: str
    is_authenticated: bool = True


class TokenAuthentication(BaseAuthentication):
    """Verifies the token of the audience that a subclass names."""

    audience = ""

    def authenticate(self, request: Any) -> tuple[Caller, None]:
        """Return the caller. Raises Problem 401 or 403."""
        subject = VERIFIER.subject(self.audience, request.META.get("HTTP_AUTHORIZATION", ""))
        return Caller(self.audience, subject), None


class ResidentAuthentication(TokenAuthentication):
    """Tokens of residents."""

    audience = "resident"


class VenueAuthentication(TokenAuthentication):
    """Tokens of venues."""

    audience = "venue"


class CallerThrottle(BaseThrottle):
    """Counts requests by caller. DRF's own throttle stores every moment of a minute in the cache, which costs more."""

    seconds: int | None = None

    def allow_request(self, request: Any, _: Any) -> bool:
        """Count the request; return whether it is admitted."""
        self.seconds = count(request.user.audience, request.user.subject)
        return self.seconds is None

    def wait(self) -> int | None:
        """Return the seconds to wait."""
        return self.seconds


def count(rate: str, caller: str) -> int | None:
    """Count a request; return None when admitted, else the seconds to wait. Safe between threads."""
    with _LOCK:
        return _RATES.count(rate, caller)


def problem_response(problem: Problem) -> HttpResponse:
    """Return the answer of a refusal."""
    return HttpResponse(problem.body(), MEDIA_TYPE, problem.status, headers=problem.headers())


def handle_exception(error: Exception, context: dict[str, Any]) -> Any:
    """Answer Problem and DRF's own exceptions; return None for any other."""
    if isinstance(error, Problem):
        return problem_response(error)
    if isinstance(error, exceptions.Throttled):
        return problem_response(Problem(429, "rate_limited", int(error.wait or 1)))
    if isinstance(error, exceptions.ValidationError | exceptions.ParseError):
        return problem_response(Problem(422, "body_invalid"))
    if isinstance(error, exceptions.UnsupportedMediaType):
        return problem_response(Problem(415, "not_json"))
    return exception_handler(error, context)
