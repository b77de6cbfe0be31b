"""Refused tokens, for operators: a count and a bounded log line by audience and reason; never a token or a person."""

from __future__ import annotations

import logging

from starlette.types import Scope

from service.auth.access_tokens import IdentityError, TokenMissing
from service.observability import metrics
from service.observability.bounded_lines import BoundedLines

logger = logging.getLogger("credit_easy.tokens")

SIGN_IN = "sign_in"
"""The audience's place for tokens that the identity provider gave to our own sign-in."""

_lines = BoundedLines()


def note(audience: str, error: IdentityError, scope: Scope) -> None:
    """Count the refusal of a request and log it. A request without a token is counted only: everybody may send one."""
    metrics.count_refused_token(audience, error.reason)
    if isinstance(error, TokenMissing):
        return
    left_out = _lines.admit(f"{audience}/{error.reason}")
    if left_out is None:
        return
    request_id = str(scope.get("state", {}).get("request_id", ""))
    members: dict[str, str | int] = {"audience": audience, "reason": str(error.reason), "request_id": request_id}
    if left_out:
        members["left_out"] = left_out
    logger.warning("a token was refused", extra=members)
