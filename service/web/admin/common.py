"""What the administrator's pages share: which kind is looked at, findings with places that can be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from consent.domain.document_kinds import DocumentKind
from service.http.problems import Problem
from service.web.api_client import Reply
from service.web.forms import labels_of_fields
from service.web.page import Page


def kind_of(page: Page) -> str:
    """The kind that the path names; not found for any other."""
    name: str = page.request.path_params["kind"]
    if name not in list(DocumentKind):
        raise Problem("not_found")
    return name


async def findings_of(page: Page, kind: str, document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the gate says of a document as it stands."""
    reply = await page.ask("POST", f"/v1/admin/{kind}/findings", document)
    return list(reply.body["findings"]) if reply.went_well else faults_of(reply)


def faults_of(reply: Reply) -> list[dict[str, Any]]:
    """What a door said against places of a document, as findings; nothing where it spoke of something else."""
    found = (reply.body or {}).get("errors") or []
    return [{"severity": "refused", "rule": "", "pointer": "", **one} for one in found]


def placed(
    page: Page, kind: str, document: Mapping[str, Any], found: Sequence[Mapping[str, Any]], editor: str = ""
) -> list[dict[str, Any]]:
    """Findings with what their places are called, and where the nearest field is; `editor` is the page it is on."""
    words = page.words
    return [
        {
            **one,
            "place": labels_of_fields.label(words, kind, one["pointer"], document) if one["pointer"] else "",
            "href": f"{editor}#{labels_of_fields.anchor(kind, one['pointer'], document)}",
        }
        for one in found
    ]
