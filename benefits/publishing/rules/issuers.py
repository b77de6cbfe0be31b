"""Rules for issuers: another city, whose passes prove one benefit type and nothing else (R19)."""

from __future__ import annotations

from collections.abc import Iterator

from benefits.catalogue.model import has_commitment
from benefits.publishing.rules.context import ADVICE, FLAGGED, REFUSED, PublicationContext
from benefits.rules import effects
from consent.domain import divisions
from consent.domain.document_kinds import Body, Finding


def check(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Yield the findings about an issuer: its address, its keys, and each benefit that its passes count as."""
    if context.city_url and body["url"] == context.city_url:
        detail = "this is this city's own address; its own passes count anyway"
        yield Finding("own_issuer", "R19", "/url", REFUSED, detail)
    if body["url"] in context.issuer_urls:
        yield Finding("url_taken", "R19", "/url", REFUSED, "another issuer has this address")
    # Against the version that began last, suspended or not: a suspension does not make other keys a new city.
    for member, code in (("url", "url_changed"), ("keys_sha256", "keys_changed")):
        if any(before[member] != body[member] for before in context.predecessors):
            detail = "somebody else could sign passes: an officer asks the other city"
            yield Finding(code, "R19", f"/{member}", FLAGGED, detail)
    for index, row in enumerate(body["recognises"]):
        benefit = context.recognised.get(row["benefit_id"])
        if benefit is not None:
            yield from _recognised(body, benefit, f"/recognises/{index}/benefit_id")


def _recognised(body: Body, benefit: Body, pointer: str) -> Iterator[Finding]:
    """Yield the findings about a benefit that passes of another city count as."""
    if not divisions.overlap(benefit["division"], body["division"]):
        detail = "the benefit's division lies outside of the one in which these passes count"
        yield Finding("recognition_outside", "R15", pointer, REFUSED, detail, {"division": body["division"]})
    if effects.adds_places(benefit["effect"]):
        detail = "this benefit gives places, which a pass cannot count"
        yield Finding("places_not_recognised", "R19", pointer, REFUSED, detail)
    if has_commitment(benefit):
        detail = "people of another city have not accepted this benefit's commitment"
        yield Finding("commitment_not_recognised", "R18", pointer, REFUSED, detail)
    quota = benefit.get("quota", {})
    if "per_resident" in quota and "total" not in quota and "budget" not in benefit:
        detail = "a limit for each resident cannot be counted for people of another city; set one for all together"
        yield Finding("resident_limit_uncounted", "R19", pointer, ADVICE, detail)
