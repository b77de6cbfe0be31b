"""Functions that the administrator's pages share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from consent.domain.document_kinds import DocumentKind
from service.http.problems import Problem
from service.web.api_client import ApiReply
from service.web.forms import fields, parse
from service.web.page import Page


def path_kind(page: Page) -> str:
    """Return the kind of document in the path; Problem `not_found` for any other word."""
    name: str = page.request.path_params["kind"]
    if name not in list(DocumentKind):
        raise Problem("not_found")
    return name


async def names_of_references(page: Page, kind: str, document: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return the names of the documents that a document refers to, by id; an id without a document is left out."""
    names = {}
    for field in fields.references(kind, document):
        document_id = parse.value_at(document, field.pointer)
        if isinstance(document_id, str) and document_id:
            reply = await page.call_api("GET", f"/v1/admin/{field.group}/{quote(document_id, safe='')}")
            if reply.succeeded:
                names[document_id] = reply.body.get("name") or {}
    return names


async def check_document(page: Page, kind: str, document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the findings of the publication rules about a document, or the errors of its form."""
    reply = await page.call_api("POST", f"/v1/admin/{kind}/findings", document)
    return list(reply.body["findings"]) if reply.succeeded else errors_as_findings(reply)


def errors_as_findings(reply: ApiReply) -> list[dict[str, Any]]:
    """Return a problem's errors about places of the document in the shape of findings; empty if it has none."""
    errors = (reply.body or {}).get("errors") or []
    return [{"severity": "refused", "rule": "", "pointer": "", **error} for error in errors]
