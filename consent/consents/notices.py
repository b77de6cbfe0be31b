"""Notices as people read them: the document in force, written for one counterpart in one language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from consent.documents import schema
from consent.documents.lifecycle import Version
from consent.documents.schema import Language, NoticeDocument


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice as a person reads it.

    `body` is the whole text, `fields` its clauses by name, `sha256` the hash of the document it was written from.
    """

    notice_id: str
    version: int
    language: str
    body: str
    sha256: str
    fields: dict[str, str]


def render_notice(version: Version, counterpart: Mapping[str, Any], language: Language) -> Notice:
    """Write a notice for a counterpart, which is the document of a source or provider."""
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
