"""The few calls that everybody makes find their endpoint by method and path alone, before any router is asked.

Nothing else differs: the same guard, the same endpoint, the same errors. Routing a request through a Mount costs as
much as reading somebody's points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.auth.access_tokens import Audience
from service.http import endpoints as doors
from service.http import problems
from service.http.context import AppContext
from service.http.endpoints import Endpoint, Run


@dataclass(frozen=True, slots=True)
class Named:
    """What stands in the scope for the route, so that metrics name the operation."""

    name: str


class Shortcut:
    """Pure ASGI, between `Surroundings` and the routes."""

    def __init__(self, app: ASGIApp, endpoints: dict[Audience, list[Endpoint]], app_context: AppContext) -> None:
        self.app, self.app_context = app, app_context
        self.handlers: dict[Any, Any] = dict(problems.handlers())
        self.table: dict[tuple[str, str], tuple[Audience, Named, Run]] = {}
        for audience, found in endpoints.items():
            for one in found:
                operation = one.operation
                run = doors.runner(one, app_context, audience)
                self.table[operation.method, operation.path] = audience, Named(operation.operation_id), run

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is in the table, pass on everything else."""
        found = self.table.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if found is None:
            await self.app(scope, receive, send)
            return
        audience, scope["route"], run = found
        request = Request(scope, receive, send)
        try:
            await doors.admit(self.app_context, audience, scope)
            response = await run(request)
        except Exception as error:
            response = await self._refusal(request, error)
        await response(scope, receive, send)

    async def _refusal(self, request: Request, error: Exception) -> Response:
        for kind in type(error).__mro__:
            if kind in self.handlers:
                answer: Response = await self.handlers[kind](request, error)
                return answer
        raise error
