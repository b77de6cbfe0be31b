"""Check documents against the publication rules, and suspend live benefits on a service that got worse.

The rules themselves are in `benefits.publishing.rules`; `context_reader` reads what they compare a document with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime

from benefits.catalogue import schema
from benefits.publishing import context_reader
from benefits.publishing.rules import closed_texts, marked_words, names
from benefits.publishing.rules.evaluation import evaluate
from benefits.scoring.scheme import Scheme, SchemeInvalid
from consent.documents import bodies, lifecycle
from consent.documents.lifecycle import Version
from consent.documents.schema import is_document_id
from consent.domain.document_kinds import Body, DocumentKind, Finding, Severity
from consent.kernel.errors import Conflict, Prohibited
from consent.kernel.faults import FORM, DocumentInvalid, Fault, Values

REFERENCES = {
    DocumentKind.VENUES: {"provider_id": DocumentKind.PROVIDERS},
    DocumentKind.SERVICES: {"provider_id": DocumentKind.PROVIDERS},
    DocumentKind.BENEFITS: {"service_id": DocumentKind.SERVICES},
}
"""Members that name another document, which must be in force first."""
DELIBERATE_FAULTS = frozenset({
    "enum", "unknown_field", "out_of_range", "greater_than_equal", "less_than_equal", "condition_unknown",
    "measure_unknown", "effect_unknown",
})  # fmt: skip
"""Codes of faults that are written on purpose and not by mistake: values outside the closed lists and limits."""
LANGUAGE_FAULTS = DELIBERATE_FAULTS | {
    "too_deep",
    "too_many_parts",
    "integer_expected",
    "empty",
    "list_expected",
    "object_expected",
}
"""Further codes for conditions and effects: values that are not of their language at all."""
ABSENT_FAULTS = frozenset({"missing", "blank", "null_forbidden", "baseline_empty", "model_type"})
"""Codes of faults of a member that is left out or empty."""
RULE_OF_FAULT: Sequence[tuple[DocumentKind, str, str, frozenset[str]]] = (
    (DocumentKind.BENEFITS, "/condition", "R2", LANGUAGE_FAULTS),
    (DocumentKind.BENEFITS, "/effect", "R3", LANGUAGE_FAULTS),
    (DocumentKind.BENEFITS, "/service_id", "R4", ABSENT_FAULTS),
    (DocumentKind.BENEFITS, "/offline", "R14", ABSENT_FAULTS),
    (DocumentKind.BENEFITS, "/need_based", "R14", ABSENT_FAULTS),
    (DocumentKind.PROVIDERS, "/kind", "R5", DELIBERATE_FAULTS),
    (DocumentKind.SERVICES, "/kind", "R5", DELIBERATE_FAULTS),
    (DocumentKind.SERVICES, "/baseline", "R4", DELIBERATE_FAULTS | ABSENT_FAULTS),
    (DocumentKind.SERVICES, "/evidence", "R4", ABSENT_FAULTS),
    (DocumentKind.SOURCES, "/kind", "R11", DELIBERATE_FAULTS | {"kind_outside_category"}),
    (DocumentKind.SOURCES, "/category", "R11", DELIBERATE_FAULTS),
    (DocumentKind.SOURCES, "/onboarding", "R11", ABSENT_FAULTS),
    (DocumentKind.NOTICES, "/languages", "R9", ABSENT_FAULTS | {"refusal_must_cost_nothing", "unknown_field"}),
    (DocumentKind.NOTICES, "/purpose", "R9", DELIBERATE_FAULTS),
    (DocumentKind.NOTICES, "", "R9", frozenset({"unknown_field"})),
    (DocumentKind.ISSUERS, "", "R19", frozenset({"unknown_field"})),
    (DocumentKind.SCHEMES, "/indicators", "R1", DELIBERATE_FAULTS),
    (DocumentKind.SCHEMES, "/dimensions", "R1", DELIBERATE_FAULTS),
)
"""(kind, prefix of the pointer, rule, codes that break it); every other fault is a fault of form."""


async def check(kind: DocumentKind, body: Body, at: datetime, today: date, city_url: str = "") -> Sequence[Finding]:
    """Return every finding of a document at once: of its schema, of the documents it names, of the publication rules.

    Of a document that does not fit its schema, or names a document that is neither in force nor pending, only the texts
    are checked: the other rules cannot read it. `today` is the city's civil day at `at`, which decides the year of a
    scheme; `city_url` is the address by which passes name this city. Reads the catalogue and writes nothing.
    """
    faults = [
        Finding(fault.code, _rule_of(kind, fault), fault.pointer, Severity.REFUSED, fault.detail, fault.values)
        for fault in shape_faults(kind, body)
    ]
    absent, readable = await _not_in_force(kind, body, at)
    if faults or not readable:
        return [*faults, *absent, *marked_words.check(kind, body)]
    context = await context_reader.read(kind, body, at, today)
    findings = [*absent, *evaluate(kind, body, replace(context, city_url=city_url))]
    return [*findings, *await _would_stop(body, at, today)] if kind is DocumentKind.SERVICES else findings


async def _not_in_force(kind: DocumentKind, body: Body, at: datetime) -> tuple[list[Finding], bool]:
    """Return a finding for each document that is named and not in force, and whether the rules can read them all.

    The finding is a mistake of order and names no rule. A document that is not in force can be read while it is
    pending.
    """
    findings, readable = [], True
    for pointer, named_kind, named in named_documents(kind, body):
        if not isinstance(named, str) or not is_document_id(named_kind, named):
            continue
        if await lifecycle.in_force(named_kind, named, at) is None:
            detail = f"there is no {pointer.rpartition('/')[2]} of this name in force"
            findings.append(Finding("not_in_force", FORM, pointer, Severity.REFUSED, detail))
            readable = readable and named in await bodies.live_or_pending(named_kind, "")
    return findings, readable


def named_documents(kind: DocumentKind, body: Body) -> Iterator[tuple[str, DocumentKind, object]]:
    """Yield pointer, kind and id of each document that a document names; it need not fit its schema."""
    for member, named_kind in REFERENCES.get(kind, {}).items():
        yield f"/{member}", named_kind, body.get(member)
    rows = body.get("recognises") if kind is DocumentKind.ISSUERS else None
    for index, row in enumerate(rows if isinstance(rows, list | tuple) else ()):
        if isinstance(row, Mapping):
            yield f"/recognises/{index}/benefit_id", DocumentKind.BENEFITS, row.get("benefit_id")


async def require_passed(version: Version, at: datetime, today: date, city_url: str = "") -> Sequence[Finding]:
    """Check a version against the catalogue at `at`; return its findings, none of which refuses it.

    Raises:
        Prohibited: the rules refuse it; holds every refusal.
        Conflict: a version that came between has another name, owner or client, and no officer has decided about the
            recipient.
    """
    findings = await check(version.kind, version.body, at, today, city_url)
    refused = [asdict(finding) for finding in findings if finding.severity is Severity.REFUSED]
    if refused:
        raise Prohibited(refused)
    if version.state == "submitted" and version.recipient is None and names.asks_for_recipient(findings):
        raise Conflict("people agree to another name, owner or client by now; submit it again as a new version")
    return findings


async def hold_unread(version: Version, findings: Sequence[Finding], staff_id: str, at: datetime) -> bool:
    """Send a submitted version to an officer if the rules now flag it and none has read it; return True if sent.

    The catalogue or the rules may have changed since its submission: what nobody had to read then may need it now.

    Raises:
        FourEyes: `staff_id`, who is about to approve it, is one of its authors.
    """
    if not await is_unread(version, findings):
        return False
    await lifecycle.hold_for_review(version, staff_id, at)
    return True


async def is_unread(version: Version, findings: Sequence[Finding]) -> bool:
    """Report whether the rules now flag a submitted version that no privacy officer has read."""
    flagged = any(finding.severity is Severity.FLAGGED for finding in findings)
    return version.state == "submitted" and flagged and await lifecycle.last_step(version, ("review",)) is None


async def resume(
    version: Version, staff_id: str, at: datetime, today: date, city_url: str = ""
) -> tuple[Version, bool]:
    """Ask to resume a suspended version, or resume it as the second person; return it and True if it was resumed.

    Needs the caller's transaction.

    Raises:
        Prohibited: the publication rules refuse the version against the catalogue at `at`.
    """
    await require_passed(version, at, today, city_url)
    return await lifecycle.resume(version.kind, version.document_id, version.version, staff_id, at)


def shape_faults(kind: DocumentKind, body: Body) -> Sequence[Fault]:
    """Return the faults of a document against the schema of its kind; empty when it fits."""
    try:
        if kind is DocumentKind.SCHEMES:
            Scheme.from_document(body)
        else:
            schema.read(kind, body)
    except DocumentInvalid as error:
        return error.faults
    except SchemeInvalid as error:
        return [Fault("", "scheme_invalid", str(error))]
    return []


async def suspend_refused_benefits(version: Version, at: datetime, today: date) -> list[str]:
    """Suspend every benefit, live or scheduled, that the rules refuse on its service's new version; return their ids.

    Call it after the approval of `version`, in the same transaction. Each suspended benefit is listed as a review for a
    privacy officer. Does nothing for kinds other than services.
    """
    if version.kind is not DocumentKind.SERVICES:
        return []
    suspended = []
    for benefit in await _benefits_on(version.document_id, at):
        if await _is_refused(benefit, version.body, at, today):
            await lifecycle.suspend_version(benefit, lifecycle.SYSTEM_ACTOR, at)
            suspended.append(benefit.document_id)
    return sorted(set(suspended))


async def _benefits_on(service_id: str, at: datetime) -> list[Version]:
    """Versions of benefits on a service, live or scheduled."""
    known = (
        *await lifecycle.all_in_force(DocumentKind.BENEFITS, at),
        *await lifecycle.scheduled(DocumentKind.BENEFITS, at),
    )
    return [version for version in known if version.body["service_id"] == service_id]


async def _is_refused(benefit: Version, service: Body, at: datetime, today: date) -> bool:
    """Report whether the rules refuse a benefit on a version of its service.

    The limits of amounts are not among these rules: a benefit that was published above one stays in force. So does one
    for its wording, which was read when it was published.
    """
    context = await context_reader.of_benefit(benefit.body, service, at, today)
    findings = evaluate(DocumentKind.BENEFITS, benefit.body, context)
    return any(finding.severity is Severity.REFUSED and not closed_texts.is_about_text(finding) for finding in findings)


async def _would_stop(service: Body, at: datetime, today: date) -> list[Finding]:
    """Name the benefits that `suspend_refused_benefits` would suspend if this version of a service were approved."""
    advice = []
    for benefit in await _benefits_on(service["service_id"], at):
        if await _is_refused(benefit, service, at, today):
            detail = "a live benefit would be suspended on approval"
            values: Values = {"benefit": benefit.document_id}
            advice.append(Finding("benefit_would_stop", "R4", "/baseline", Severity.ADVICE, detail, values))
    return advice


def _rule_of(kind: DocumentKind, fault: Fault) -> str:
    """The rule that a fault of the schema breaks; FORM for a fault that only has to be corrected."""
    if fault.code == "invisible_character":
        return "R13"
    for of_kind, prefix, rule, codes in RULE_OF_FAULT:
        if of_kind is kind and fault.pointer.startswith(prefix):
            return rule if fault.code in codes else FORM
    return FORM
