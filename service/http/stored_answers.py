"""The stored answer of a write whose request came again."""

from __future__ import annotations

from http import HTTPStatus

import orjson
from starlette.responses import Response
from starlette.types import Scope

from service.http.problems import Problem, note_reason
from service.storage.idempotency import OpenedAnswer


def replayed(scope: Scope, stored: OpenedAnswer, fingerprint: str) -> Response:
    """Return the stored answer again; a stored problem is logged with its code.

    Raises:
        Problem: idempotency_key_reused, where the key came with another body before.
    """
    if stored.fingerprint != fingerprint:
        raise Problem("idempotency_key_reused")
    media = "application/json"
    if stored.status >= HTTPStatus.BAD_REQUEST:
        media = "application/problem+json"
        note_reason(scope, orjson.loads(stored.body)["code"])
    return Response(stored.body, stored.status, media_type=media, headers={"Idempotency-Replayed": "true"})
