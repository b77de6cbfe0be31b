"""Import of a catalogue: one JSON or YAML document becomes drafts, all or none.

Everything that needs no database is done before the request's transaction begins.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Container, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, NamedTuple

from starlette.requests import Request

from benefits.publishing import document_checks
from benefits.publishing.rules import marked_words
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind, Finding, Severity
from consent.kernel.canonical_json import sha256_of
from consent.kernel.faults import Fault, pointer_to
from service.api.admin import schemas, yaml_import
from service.api.admin.handlers import (
    RESERVED,
    YAML,
    checked_preview,
    finding_answers,
    id_member,
    latest_or_none,
    size_faults,
    staff_id_of,
)
from service.api.staff_divisions import require_own
from service.http import bodies, json_io, problems
from service.http.accept import language_of
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem
from service.i18n import findings

FINDINGS_OF_DRAFTS_MAX = 100
"""Drafts of one import that are checked at once: each check reads the catalogue, and nobody reads more findings."""
VALUES_MAX = 100_000
"""Values of one import: texts, numbers, lists and objects. A document has twenty to sixty."""
PARSE_SECONDS = 10.0
"""Time to read and check one import. 1 MiB of documents takes less than two seconds on a small machine."""
PARSER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="catalogue-import")
"""Reads imports outside of the event loop, one at a time, so that several do not compete with the event loop."""


class ImportedDocument(NamedTuple):
    """A document of an import that has no fault of form."""

    kind: DocumentKind
    document_id: str
    body: Mapping[str, Any]


async def read_catalogue(request: Request, raw: bytes) -> Sequence[ImportedDocument]:
    """Parse and check a JSON or YAML catalogue, outside of the event loop and of any transaction.

    Problems: not_json for another media type; malformed_json, duplicate_key and too_deep; body_too_large for too many
    values; body_invalid with pointers.
    """
    media = bodies.media_type(request)
    if media != YAML and media not in json_io.JSON_TYPES:
        raise Problem("not_json")
    language = language_of(request)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(PARSER, _read, raw, media == YAML, language)


def _read(raw: bytes, is_yaml: bool, language: str) -> Sequence[ImportedDocument]:
    deadline = time.monotonic() + PARSE_SECONDS
    try:
        if is_yaml:
            raw = yaml_import.to_json(raw, VALUES_MAX, deadline)
        body = json_io.parse_line(raw, schemas.CatalogueBody, VALUES_MAX)
        return _checked(body.catalogue, language, deadline)
    except yaml_import.TooManyValues:
        raise Problem("body_too_large") from None
    except yaml_import.YamlUnfit as unfit:
        fault = _error(Fault(unfit.pointer, unfit.code, "", {"line": unfit.line}), language)
        code, text = ("too_deep", None) if unfit.code == "yaml_deep" else ("malformed_json", problems.MALFORMED_YAML)
        raise Problem(code, text=text, errors=[{**fault, "line": unfit.line}]) from None
    except TimeoutError:
        raise Problem("body_invalid", errors=[_error(Fault("", "takes_too_long", ""), language)]) from None


async def import_catalogue(context: RequestContext, documents: Sequence[ImportedDocument]) -> Answer:
    """Store a draft of every changed document of a catalogue.

    The importer counts as a contributor to each draft and so cannot approve them. A document equal to its newest
    version is counted as unchanged.
    """
    drafted: list[schemas.ImportedRow] = []
    unchanged = 0
    for kind, document_id, document in documents:
        known = await latest_or_none(kind, document_id)
        if known is not None and known.sha256 == sha256_of(document):
            unchanged += 1
            continue
        for concerned in (document, *(() if known is None else (known.body,))):
            await require_own(context, kind, concerned)
        version = await lifecycle.draft(kind, document_id, document, staff_id_of(context), context.at)
        reported = None
        if len(drafted) < FINDINGS_OF_DRAFTS_MAX:
            reported = finding_answers(context, await checked_preview(context, kind, document))
        drafted.append(
            schemas.ImportedRow(
                id=f"{kind}/{document_id}",
                version=version.version,
                state=version.state,
                sha256=version.sha256,
                findings=reported,
            )
        )
    return Answer(schemas.ImportAnswer(data=drafted, unchanged=unchanged), 201)


def _checked(
    catalogue: Mapping[str, Sequence[Mapping[str, Any]]], language: str, deadline: float
) -> Sequence[ImportedDocument]:
    """Return every document.

    Raises:
        Problem: body_invalid with pointers to faults of form, when any document has one, and to the texts of those
            documents that a rule refuses, so that nobody learns of them one import later; `more_errors` where
            the rest was not read because there were too many.
        TimeoutError: the deadline has passed.
    """
    count = sum(map(len, catalogue.values()))
    if count > schemas.DOCUMENTS_MAX:
        fault = Fault("/catalogue", "too_many_documents", "", {"most": schemas.DOCUMENTS_MAX})
        raise Problem("body_invalid", errors=[_error(fault, language)])
    faults: list[Fault] = []
    faults_of_rules: list[Finding] = []
    documents: dict[tuple[DocumentKind, str], ImportedDocument] = {}
    for name, listed in catalogue.items():
        if name not in list(DocumentKind):
            faults.append(Fault(f"/catalogue{pointer_to((name,))}", "unknown_field", ""))
            continue
        for index, document in enumerate(listed):
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(yaml_import.PAUSE_SECONDS)
            if len(faults) + len(faults_of_rules) >= json_io.ERRORS_MAX:
                break
            pointer, kind = f"/catalogue/{name}/{index}", DocumentKind(name)
            shape = _faults_of(kind, document, documents)
            faults += [replace(fault, pointer=pointer + fault.pointer) for fault in shape]
            refused = (
                finding for finding in marked_words.check(kind, document) if finding.severity is Severity.REFUSED
            )
            faults_of_rules += [replace(finding, pointer=pointer + finding.pointer) for finding in refused]
            if not shape:
                document_id = str(document[id_member(kind)])
                documents[kind, document_id] = ImportedDocument(kind, document_id, document)
    if faults or len(faults_of_rules) >= json_io.ERRORS_MAX:
        all_faults: list[Fault | Finding] = [*faults, *faults_of_rules]
        errors = [_error(fault, language) for fault in all_faults]
        more = {"more_errors": True} if len(errors) >= json_io.ERRORS_MAX else {}
        raise Problem("body_invalid", errors=errors[: json_io.ERRORS_MAX], members=more)
    return list(documents.values())


def _faults_of(
    kind: DocumentKind, document: Mapping[str, Any], others: Container[tuple[DocumentKind, str]]
) -> Sequence[Fault]:
    """Return the faults of form of one document; `others` are those before it."""
    if faults := size_faults(document) or document_checks.shape_faults(kind, document):
        return faults
    document_id = str(document[id_member(kind)])
    if document_id in RESERVED:
        return [Fault(f"/{id_member(kind)}", "id_unfit", "")]
    return [Fault("", "named_twice", "")] if (kind, document_id) in others else []


def _error(fault: Fault | Finding, language: str) -> dict[str, Any]:
    detail = findings.detail_text(fault.code, fault.pointer, fault.values, language)
    return {"pointer": fault.pointer, "code": fault.code, "detail": detail}
