"""The first draft of the next scheme: a copy of the one in force that begins in a year in which it may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consent.domain.document_kinds import DocumentKind
from service.web.admin.common import check_document
from service.web.page import Page

YEARS_TRIED = 10
"""Years after the scheme's first one; a city decides about its scheme again in less than that."""


async def next_of(page: Page, scheme: Mapping[str, Any]) -> dict[str, Any]:
    """Return a scheme as the next version, from the first later year that the publication rules allow.

    Its version is that year and the first number that is free; the title names it instead of the old one.
    """
    versions = {row["id"] for row in await page.read_all(f"/v1/admin/{DocumentKind.SCHEMES}")}
    year = int(scheme["from_year"]) + 1
    draft: dict[str, Any] = {}
    for from_year in range(year, year + YEARS_TRIED):
        number = next(number for number in range(1, len(versions) + 2) if f"{from_year}.{number}" not in versions)
        version = f"{from_year}.{number}"
        title = {language: text.replace(scheme["version"], version) for language, text in scheme["title"].items()}
        draft = {**scheme, "version": version, "from_year": from_year, "title": title}
        findings = await check_document(page, DocumentKind.SCHEMES, draft)
        if not any(finding["pointer"] == "/from_year" for finding in findings):
            break
    return draft
