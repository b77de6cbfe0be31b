"""Refusal of query parameters that a call does not have, and of one that comes twice.

A misspelled filter would filter nothing and say nothing; of two values only one would count.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from starlette.requests import Request

from service.http.accept import preferred_media
from service.http.json_io import ERRORS_MAX
from service.http.openapi.operation import Operation
from service.http.problems import Problem

REPEATED = re.compile(r"[A-Za-z0-9_.\-]{1,64}", re.ASCII)
"""Names that the answer repeats; any other text that was sent is not."""
HTML = "text/html"


def require_known_once(request: Request, operation: Operation) -> None:
    """Check the names of the query's parameters.

    A page for people takes any: links to it carry parameters of others.

    Raises:
        Problem: unknown_parameter for names that are not of the operation's query, with those that are;
            repeated_parameter for names that come more than once.
    """
    if not request.scope["query_string"]:
        return
    known = [parameter.name for parameter in operation.query]
    counted = Counter(name for name, _ in request.query_params.multi_items())
    unknown = [name for name in counted if name not in known]
    repeated = [name for name, times in counted.items() if times > 1]
    if not (unknown or repeated) or (HTML in operation.also_answers and _wants_page(request, operation)):
        return
    if unknown:
        detail = f"This call takes: {', '.join(known)}." if known else "This call takes no query parameters."
        raise _problem("unknown_parameter", unknown, detail)
    raise _problem("repeated_parameter", repeated, "Send this parameter once, with one value.")


def _problem(code: str, names: Sequence[str], detail: str) -> Problem:
    """Return the refusal of parameters, with an error for each of the first ERRORS_MAX."""
    return Problem(
        code,
        errors=[
            {
                "pointer": "",
                "code": code,
                "detail": detail,
                **({"parameter": name} if REPEATED.fullmatch(name) else {}),
            }
            for name in names[:ERRORS_MAX]
        ],
        members={"more_errors": True} if len(names) > ERRORS_MAX else {},
    )


def _wants_page(request: Request, operation: Operation) -> bool:
    return preferred_media(request.headers.get("accept", ""), (operation.media, HTML)) == HTML
