"""Refusal of query parameters that a call does not have: a misspelled filter would filter nothing and say nothing."""

from __future__ import annotations

import re

from starlette.requests import Request

from service.http.accept import preferred_media
from service.http.json_io import ERRORS_MAX
from service.http.openapi.operation import Operation
from service.http.problems import Problem

REPEATED = re.compile(r"[A-Za-z0-9_.\-]{1,64}", re.ASCII)
"""Names that the answer repeats; any other text that was sent is not."""
HTML = "text/html"


def require_known(request: Request, operation: Operation) -> None:
    """Raise Problem unknown_parameter for a name that is not of the operation's query, with the names that are.

    A page for people takes any: links to it carry parameters of others.
    """
    if not request.scope["query_string"]:
        return
    known = [parameter.name for parameter in operation.query]
    unknown = [name for name in request.query_params if name not in known]
    if not unknown or (HTML in operation.also_answers and _wants_page(request, operation)):
        return
    detail = f"This call takes: {', '.join(known)}." if known else "This call takes no query parameters."
    raise Problem(
        "unknown_parameter",
        errors=[
            {
                "pointer": "",
                "code": "unknown_parameter",
                "detail": detail,
                **({"parameter": name} if REPEATED.fullmatch(name) else {}),
            }
            for name in unknown[:ERRORS_MAX]
        ],
        members={"more_errors": True} if len(unknown) > ERRORS_MAX else {},
    )


def _wants_page(request: Request, operation: Operation) -> bool:
    return preferred_media(request.headers.get("accept", ""), (operation.media, HTML)) == HTML
