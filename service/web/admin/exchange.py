"""Import and export of the catalogue: files of everything in force, and drafts from a file or pasted text."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from consent.domain.document_kinds import DocumentKind
from service.auth.access_tokens import Audience
from service.http.problems import Problem
from service.web.api_client import body_or_raise
from service.web.dispatch import FORM_BYTES_MAX
from service.web.page import Page, PageRoute

EXPORT, IMPORT = "/v1/admin/catalogue/export", "/v1/admin/catalogue/import"
FORMATS = {"json": "application/json", "yaml": "application/yaml"}


@dataclass(frozen=True, slots=True)
class CatalogueFault:
    """A fault of a pasted catalogue: the kind ("" where it concerns none), the place in its list from 1, the member."""

    kind: str
    number: int
    member: str
    detail: str


def catalogue_fault(error: dict[str, Any]) -> CatalogueFault:
    """Return the fault of an API error, whose pointer reads `/catalogue/benefits/5/effect/up_to_fen`."""
    pointer: str = error["pointer"]
    match pointer.split("/", 4):
        case ["", "catalogue", kind, number, *member] if kind in list(DocumentKind) and number.isdecimal():
            return CatalogueFault(kind, int(number) + 1, "/".join(member), error["detail"])
    return CatalogueFault("", 0, pointer.strip("/"), error["detail"])


async def exchange(page: Page) -> Response:
    """Show the export's files and the form of an import."""
    return await _render(page)


async def _render(page: Page, problem: Any = None, drafted: Any = None, status: int = 200) -> Response:
    catalogue = (await page.read(EXPORT))["catalogue"]
    return page.render(
        "admin/exchange.html",
        status,
        counts={kind: len(bodies) for kind, bodies in catalogue.items()},
        problem=problem,
        form_kibibytes=FORM_BYTES_MAX // 1024,
        faults=[catalogue_fault(error) for error in (problem or {}).get("errors", [])],
        drafted=drafted,
    )


async def export(page: Page) -> Response:
    """Send every document in force as a file, as JSON or YAML."""
    format_ = page.request.path_params["format"]
    if format_ not in FORMATS:
        raise Problem("not_found")
    reply = await page.call_api("GET", EXPORT, query={"format": format_})
    if not reply.succeeded:
        body_or_raise(reply)
    headers = {"content-disposition": f'attachment; filename="catalogue.{format_}"'}
    return Response(reply.raw, media_type=FORMATS[format_], headers=headers)


async def import_(page: Page) -> Response:
    """Store the pasted catalogue as drafts, all or none; a refusal keeps the text and names each place."""
    text = page.form.get("catalogue", "").strip()
    media = FORMATS["json" if text.startswith("{") else "yaml"]
    reply = await page.call_api(
        "POST", IMPORT, text.encode(), key=page.idempotency_key, headers={"content-type": media}
    )
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        body_or_raise(reply)
    if not reply.succeeded:
        return await _render(page, problem=reply.body, status=reply.status)
    return await _render(page, drafted=reply.body)


ADMINISTRATOR = Audience.ADMINISTRATOR
ROUTES = (
    PageRoute("/admin/exchange", exchange, ADMINISTRATOR),
    PageRoute("/admin/exchange", import_, ADMINISTRATOR, "POST"),
    PageRoute("/admin/exchange/catalogue.{format}", export, ADMINISTRATOR),
)
