"""The catalogue of problem codes: for programs as JSON, and for the people who open a problem's `type` as a page."""

from __future__ import annotations

import html
from typing import Any

from starlette.responses import Response

from consent.kernel.errors import NotFound
from service.api.public import schemas
from service.http import json_io
from service.http.accept import preferred_media
from service.http.endpoints import RequestContext
from service.http.problems import STATUS, TABLE, type_of

RETRIED = frozenset({408, 429, 503})
"""Statuses after which the same request may succeed later."""
HTML = "text/html"
PAGE = """<!doctype html>
<html lang="{language}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{code}</title><link rel="stylesheet" href="/docs.css"></head>
<body>
<h1><code>{code}</code></h1>
<p>HTTP {status}</p>
<h2 lang="zh-CN">{title_zh}</h2><p lang="zh-CN">{detail_zh}</p>
<h2 lang="en">{title_en}</h2><p lang="en">{detail_en}</p>
<p><a href="/docs">/docs</a></p>
</body></html>
"""


async def list_errors(context: RequestContext, _: None) -> Any:
    """List every code of a problem with its status and its texts in both languages."""
    return json_io.respond_with_etag(context.request, schemas.ErrorList(data=[_row(code) for code in sorted(STATUS)]))


async def read_error(context: RequestContext, _: None) -> Any:
    """Return one code as JSON, or as a page for `Accept: text/html`; NotFound for a code that does not exist."""
    code = context.request.path_params["code"]
    if code not in TABLE:
        raise NotFound("there is no such code")
    accept = context.request.headers.get("accept", "")
    if preferred_media(accept, ("application/json", HTML)) != HTML:
        return json_io.respond_with_etag(context.request, _row(code))
    row = TABLE[code]
    texts = {"title_zh": row.zh[0], "detail_zh": row.zh[1], "title_en": row.en[0], "detail_en": row.en[1]}
    escaped = {name: html.escape(text) for name, text in texts.items()}
    page = PAGE.format(language=context.language, code=code, status=row.status, **escaped)
    return Response(page, media_type=HTML, headers={"Vary": "Accept, Accept-Language"})


def _row(code: str) -> schemas.ErrorRow:
    row = TABLE[code]
    return schemas.ErrorRow(
        code=code,
        type=type_of(code),
        status=row.status,
        title={"zh-CN": row.zh[0], "en": row.en[0]},
        detail={"zh-CN": row.zh[1], "en": row.en[1]},
        retry=row.status in RETRIED,
    )
