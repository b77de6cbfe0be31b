"""The address of what a call has created."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response

from service.http.openapi.operation import Operation


def located(operation: Operation, request: Request, response: Response) -> Response:
    """Return the answer with `Location` where it has created something that has an address."""
    if operation.location and response.status_code == 201:
        members = {**request.path_params, **orjson.loads(response.body)}
        response.headers["Location"] = operation.location.format_map(members)
    return response
