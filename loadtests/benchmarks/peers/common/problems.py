"""Refusals as RFC 9457 problem documents."""

from __future__ import annotations

import orjson

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A refusal: status, code, and the seconds to wait where there are any."""

    def __init__(self, status: int, code: str, retry_after: int | None = None) -> None:
        super().__init__(code)
        self.status, self.code, self.retry_after = status, code, retry_after

    def body(self) -> bytes:
        """Return the problem document."""
        return orjson.dumps({"type": f"about:{self.code}", "status": self.status, "code": self.code})

    def headers(self) -> dict[str, str]:
        """Return the headers that belong to the status."""
        wait = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return wait | ({"WWW-Authenticate": "Bearer"} if self.status == 401 else {})
