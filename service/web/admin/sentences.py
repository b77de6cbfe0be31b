"""Closed sentences in the editor of benefits: choose them, and fill in the texts. Works without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benefits.publishing.sentences.vocabulary import MEMBERS
from consent.domain.document_kinds import DocumentKind
from service.web.admin.common import errors_as_findings
from service.web.forms import field_labels
from service.web.page import Page

COMPOSE = "/v1/admin/benefits/compose"
CHOSEN = "sentence:"
"""First part of the name of a box to tick; the member follows."""
TITLE = "title"
"""The member that is one sentence instead of several."""
DOCUMENT = "/document"
"""The member of the request that holds the benefit; errors name places below it."""


@dataclass(frozen=True, slots=True)
class SentenceChoice:
    """The sentences of one text: its label, the name of its boxes, and the API's rows."""

    label: str
    name: str
    rows: Sequence[Mapping[str, Any]]
    single: bool
    """True if the text is one sentence: a title."""


async def offered(page: Page, kind: str, document: Mapping[str, Any]) -> dict[str, SentenceChoice]:
    """Return the sentences that suit a benefit, by the pointer of the text's first field.

    Empty for other kinds, and for a benefit whose effect and service do not fit yet.
    """
    if kind != DocumentKind.BENEFITS or not {"effect", "service_id"} <= set(document):
        return {}
    reply = await page.call_api("POST", COMPOSE, {"document": dict(document)})
    if not reply.succeeded:
        return {}
    return {
        f"/{member}/zh-CN": SentenceChoice(
            field_labels.label(page.localizer, kind, f"/{member}", document),
            f"{CHOSEN}{member}",
            sentences,
            member == TITLE,
        )
        for member, sentences in reply.body["sentences"].items()
        if sentences
    }


async def fill(page: Page, document: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the posted benefit with its texts filled in, and the reasons why that was not possible, as findings.

    A member gets its ticked sentences. One without a tick is left alone if it has a text, and otherwise gets the
    recommended sentences.
    """
    choose: dict[str, list[str]] = {}
    for member in MEMBERS:
        ticked = [key for name, key in page.fields if name == f"{CHOSEN}{member}" and key]
        if ticked or document.get(member):
            choose[member] = ticked
    reply = await page.call_api("POST", COMPOSE, {"document": dict(document), "choose": choose})
    if not reply.succeeded:
        faults = errors_as_findings(reply)
        return dict(document), [{**row, "pointer": row["pointer"].removeprefix(DOCUMENT)} for row in faults]
    return {**document, **reply.body["texts"]}, []
