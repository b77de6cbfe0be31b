"""The first draft of the next scheme: a copy of the one in force that begins in a year in which it may."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from consent.domain.document_kinds import DocumentKind
from service.web.page import Page


async def next_of(page: Page, scheme: Mapping[str, Any]) -> dict[str, Any]:
    """Return a scheme as the next version, from the first year to come that no approved scheme begins with.

    Its version is that year and the first number that is free; the title names it instead of the old one. The year is
    not found by asking the publication rules: each refused try would be counted as a refused draft of this person.
    """
    app_context = page.site.app_context
    this_year = app_context.day_of(await app_context.clock()).year
    approved = {row["from_year"] for row in (await page.read("/v1/public/schemes"))["data"]}
    from_year = next(year for year in count(this_year + 1) if year not in approved)
    versions = {row["id"] for row in await page.read_all(f"/v1/admin/{DocumentKind.SCHEMES}")}
    version = next(name for number in count(1) if (name := f"{from_year}.{number}") not in versions)
    title = {language: text.replace(scheme["version"], version) for language, text in scheme["title"].items()}
    return {**scheme, "version": version, "from_year": from_year, "title": title}
