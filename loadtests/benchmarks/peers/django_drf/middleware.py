"""Middleware: host, address rate, remaining security headers, request id, metrics."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from loadtests.benchmarks.peers.common.asgi import SECURITY_HEADERS, observe
from loadtests.benchmarks.peers.common.problems import Problem
from loadtests.benchmarks.peers.django_drf.access import count, problem_response


class CityMiddleware:
    """Django middleware, outermost."""

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        """Check the host, count by address, and complete the answer's headers."""
        began = time.perf_counter()
        request.get_host()  # raises DisallowedHost, which Django answers with 400
        wait = count("address", request.META["REMOTE_ADDR"])
        refused = None if wait is None else problem_response(Problem(429, "rate_limited", wait))
        response = refused or self.get_response(request)
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers["x-request-id"] = os.urandom(8).hex()
        observe(request.method, request.path, response.status_code, time.perf_counter() - began)
        return response
