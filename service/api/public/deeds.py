"""Deeds that earn points under this year's scheme, with the sources that record each; without a token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benefits.scoring import scheme_changes
from benefits.scoring.scheme import Scheme
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind
from service.api.public import deed_schemas
from service.http import json_io
from service.http.endpoints import RequestContext


async def list_deeds(context: RequestContext, _: None) -> Any:
    """List what earns points this year, and the sources in force that record it; nothing before a scheme."""
    timeline = (await context.app_context.catalogue.read(context.at)).timeline
    version = timeline.version_for(context.today.year).version
    schemes = await lifecycle.all_in_force(DocumentKind.SCHEMES, context.at)
    body = next((scheme.body for scheme in schemes if scheme.body["version"] == version), None)
    if body is None:
        return json_io.respond_with_etag(context.request, deed_schemas.Deeds(dimensions=[], data=[]))
    sources = [source.body for source in await lifecycle.all_in_force(DocumentKind.SOURCES, context.at)]
    scheme = Scheme.from_document(body)
    gentle = {kind for dimension in scheme.caps for kind in scheme_changes.gentle_kinds(scheme, dimension)}
    return json_io.respond_with_etag(
        context.request,
        deed_schemas.Deeds(
            scheme_version=version,
            dimensions=[deed_schemas.DimensionCap(**row) for row in body["dimensions"]],
            data=[
                deed_schemas.DeedRow(
                    kind=indicator["kind"],
                    dimension=indicator["dimension"],
                    unit=indicator["unit"],
                    tiers=[deed_schemas.DeedTier(**tier) for tier in indicator["tiers"]],
                    yearly_cap=indicator["yearly_cap"],
                    validity_months=indicator["validity_months"],
                    gentle=indicator["kind"] in gentle,
                    sources=[_source(source) for source in sources if indicator["kind"] in source["kinds"]],
                )
                for indicator in body["indicators"]
            ],
        ),
    )


def _source(body: Mapping[str, Any]) -> deed_schemas.DeedSource:
    return deed_schemas.DeedSource(**{name: body[name] for name in ("source_id", "name", "category", "division")})
