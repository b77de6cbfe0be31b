"""The divisions in which a member of staff may act: a write concerns a document, and its division is theirs (R15)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consent.documents import versions
from consent.domain import divisions
from consent.domain.document_kinds import DocumentKind
from consent.kernel.errors import NotFound, OtherDivision
from service.auth.access_tokens import Administrator, PrivacyOfficer
from service.http.endpoints import RequestContext

CITY_KINDS = frozenset({DocumentKind.SCHEMES, DocumentKind.NOTICES})
"""Kinds that bind everybody in a city."""


async def require_own(context: RequestContext, kind: DocumentKind, body: Mapping[str, Any]) -> None:
    """Raise OtherDivision unless the caller's token names a division of the document.

    A service has the division of its provider. Schemes and notices need a division of a whole city or province. A
    draft without a readable division needs any division: it cannot be submitted before it has one.
    """
    assert isinstance(context.principal, Administrator | PrivacyOfficer)
    own = context.principal.divisions
    if kind in CITY_KINDS:
        allowed = divisions.includes_city(own)
    else:
        division = await _division_of(kind, body)
        allowed = divisions.any_contains(own, division) if division else bool(own)
    if not allowed:
        raise OtherDivision("the document belongs to another division")


async def require_own_source(context: RequestContext, source_id: str) -> None:
    """Raise OtherDivision unless the caller's token names a division of a source; for acts on what it delivered."""
    await require_own_document(context, DocumentKind.SOURCES, source_id)


async def require_own_document(context: RequestContext, kind: DocumentKind, document_id: str) -> None:
    """Raise OtherDivision unless the caller's token names a division of the newest version of a document.

    A document that does not exist needs any division, as `require_own` needs for one without a division.
    """
    try:
        newest = await versions.latest_version(kind, document_id)
    except NotFound:
        await require_own(context, kind, {})
    else:
        await require_own(context, kind, newest.body)


async def _division_of(kind: DocumentKind, body: Mapping[str, Any]) -> str:
    """Return the division that a document names, that of a service's provider, or "" where neither can be read."""
    if kind is not DocumentKind.SERVICES:
        return _text(body.get("division"))
    provider_id = _text(body.get("provider_id"))
    try:
        provider = await versions.latest_version(DocumentKind.PROVIDERS, provider_id)
    except NotFound:
        return ""
    return _text(provider.body.get("division"))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
