"""Operations of the city app's back end: path, summary, handler, schemas, errors."""

from __future__ import annotations

from consent.events.hints import HintState
from service.api.city_app import handlers, schemas
from service.auth.access_tokens import Audience
from service.http.openapi.operation import Parameter
from service.http.operations import PAGING, Calls

CALLS = Calls(Audience.CITY_APP)
STATE = Parameter(
    "state",
    {"type": "string", "enum": list(HintState), "default": HintState.UNREAD},
    "Every hint that is unread (unless given), or `new` ones that you have not acknowledged.",
)
CITY_APP = (
    CALLS.get(
        "/v1/app/hints",
        "listHints",
        "List residents who opted in and have something to read",
        handlers.list_hints,
        schemas.HintList,
        query=(STATE, *PAGING),
        errors=("bad_query",),
    ),
    CALLS.post(
        "/v1/app/hints/acknowledgements",
        "acknowledgeHints",
        "Acknowledge hints that you have passed on",
        handlers.acknowledge_hints,
        schemas.HintAcknowledgement,
        {200: schemas.HintsAcknowledged},
    ),
)
