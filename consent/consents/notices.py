"""Notices as they are shown: the document in force, written out for one counterpart in one language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from consent.documents import schema
from consent.documents.lifecycle import Version
from consent.documents.schema import Language, NoticeDocument


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice as a person sees it; `sha256` is the document's, `body` the text, `fields` its clauses."""

    notice_id: str
    version: int
    language: str
    body: str
    sha256: str
    fields: dict[str, str]


def render_notice(version: Version, counterpart: Mapping[str, Any], language: Language) -> Notice:
    """The notice for this counterpart (the document of a source or provider), in `zh-CN` or `en`."""
    document = schema.parse_document(NoticeDocument, version.body)
    name = counterpart["name"][language]
    clauses = version.body["languages"][language]
    return Notice(
        version.document_id,
        version.version,
        language,
        schema.render_notice_text(document, language, name),
        version.sha256,
        {clause: text.replace(schema.PLACEHOLDER, name) for clause, text in clauses.items()},
    )
