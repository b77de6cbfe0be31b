"""Refused tokens, for operators: a count and a bounded log line by audience and reason; never a token or a person."""

from __future__ import annotations

from starlette.types import Scope

from service.auth.access_tokens import IdentityError, TokenMissing
from service.observability import metrics
from service.observability.log_events import LogEvent
from service.observability.logging import log_event, request_fields

SIGN_IN = "sign_in"
"""The audience's place for tokens that the identity provider gave to our own sign-in."""


def note(audience: str, error: IdentityError, scope: Scope) -> None:
    """Count the refusal of a request and log it. A request without a token is counted only: everybody may send one."""
    metrics.count_refused_token(audience, error.reason)
    if isinstance(error, TokenMissing):
        return
    log_event(LogEvent.TOKEN_REFUSED, audience=audience, reason=error.reason, **request_fields(scope))
