"""Operations of a resident on what works without showing a code: path, summary, handler, schemas, errors."""

from __future__ import annotations

from http import HTTPMethod

from service.api.resident import bindings, lasting_schemas
from service.auth.access_tokens import Audience
from service.http.operations import Calls

ME = Calls(Audience.RESIDENT)
LASTING = (
    ME.post(
        "/v1/me/bindings",
        "requestBinding",
        "Ask for a binding: a venue's machine redeems a benefit for me without a scan",
        bindings.request_binding,
        lasting_schemas.LastingRequest,
        {201: lasting_schemas.RequestedBindingAnswer},
        key="required",
        errors=("benefit_not_available", "conflict", "consent_needed", "not_found", "records_withheld"),
        location="/v1/me/bindings/{binding_id}",
    ),
    ME.get(
        "/v1/me/bindings",
        "listBindings",
        "List my bindings and each use of them",
        bindings.list_bindings,
        lasting_schemas.BindingList,
    ),
    ME.get(
        "/v1/me/bindings/{binding_id}",
        "readBinding",
        "Read one of my bindings and each use of it",
        bindings.read_binding,
        lasting_schemas.BindingAnswer,
        errors=("not_found",),
    ),
    ME.post(
        "/v1/me/bindings/{binding_id}",
        "stopBinding",
        "Stop one of my bindings at once",
        bindings.stop_binding,
        None,
        {200: lasting_schemas.StoppedBinding},
        method=HTTPMethod.DELETE,
        errors=("not_found",),
    ),
)
