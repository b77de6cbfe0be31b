"""The rules about free texts and new names, without a database."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from benefits.publishing.rules import closed_texts
from benefits.publishing.rules.context import PublicationContext
from benefits.publishing.rules.evaluation import evaluate
from benefits.publishing.sentences.vocabulary import MEMBERS, MEMBERS_WITH_VENUE
from benefits.scoring import scheme
from consent.domain.document_kinds import DocumentKind, Finding, Severity
from service.demo import seed
from service.i18n import findings


def city(kind: str) -> dict[str, dict[str, Any]]:
    """The demonstration's documents of a kind, by id."""
    documents = seed.documents(kind)
    return {document[f"{kind[:-1]}_id"]: document for document in documents}


PROVIDERS, VENUES, SERVICES, BENEFITS = (city(kind) for kind in ("providers", "venues", "services", "benefits"))


def context_of(benefit: dict[str, Any]) -> PublicationContext:
    """The demonstration's catalogue around a benefit."""
    service = SERVICES[benefit["service_id"]]
    return PublicationContext(
        provider=PROVIDERS[service["provider_id"]],
        service=service,
        venues=[venue for venue in VENUES.values() if venue["provider_id"] == service["provider_id"]],
    )


def findings_about(benefit: dict[str, Any]) -> list[Finding]:
    return [*closed_texts.check(DocumentKind.BENEFITS, benefit, context_of(benefit))]


def changed(member: str, **texts: str) -> dict[str, Any]:
    benefit = copy.deepcopy(BENEFITS["library-deposit"])
    benefit[member] |= {{"zh_cn": "zh-CN"}.get(language, language): text for language, text in texts.items()}
    return benefit


@pytest.mark.parametrize("benefit_id", BENEFITS)
def test_every_benefit_of_the_demonstration_has_closed_texts_alone(benefit_id: str) -> None:
    benefit = BENEFITS[benefit_id]
    assert evaluate(DocumentKind.BENEFITS, benefit, context_of(benefit)) == []


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_free_sentence_is_flagged_in_every_member_and_language(member: str, language: str) -> None:
    benefit = copy.deepcopy(BENEFITS["library-deposit"])
    benefit[member][language] += " 请到柜台。" if language == "zh-CN" else " Ask at the counter."
    assert [(row.code, row.rule, row.pointer, row.severity) for row in findings_about(benefit)] == [
        ("free_text", "R13", f"/{member}/{language}", Severity.FLAGGED)
    ]


def test_texts_with_another_benefits_numbers_are_free() -> None:
    benefit = {**BENEFITS["library-deposit"], "effect": {"kind": "deposit_waiver", "up_to_fen": 5_000}}
    assert {row.pointer for row in findings_about(benefit)} == {
        f"/{member}/{language}" for member in ("title", "description") for language in ("zh-CN", "en")
    }


NOTHING = [
    ("见上", "See above"),
    ("同上。", "As described above."),
    ("无", "None"),
    ("暂无，敬请期待", "Not yet"),
    ("请使用 App", "Use the app"),
    ("扫码即可办理", "Just scan the code"),
    ("详见官网", "See our website for details"),
    ("请在小程序中申请", "Apply in the mini program"),
    ("不需要", "Not needed"),
    ("凭一次性纸质凭证", "With a one-time paper slip"),
]


@pytest.mark.parametrize("member", sorted(MEMBERS_WITH_VENUE))
@pytest.mark.parametrize(("chinese", "english"), NOTHING)
def test_a_path_that_leads_nowhere_is_refused(member: str, chinese: str, english: str) -> None:
    refused = {
        row.pointer: row.rule
        for row in findings_about(changed(member, zh_cn=chinese, en=english))
        if row.severity is Severity.REFUSED
    }
    assert refused == {f"/{member}/zh-CN": "R14", f"/{member}/en": "R14"}


@pytest.mark.parametrize(
    ("chinese", "english"),
    [
        ("到北门的服务台办理", "At the desk by the north gate"),
        ("拨打 024-12345678", "Phone 024-12345678"),
        ("到市图书馆总馆说明", "Tell us at City Library, main building"),
        ("到 市图书馆总馆 说明", "Tell us at CITY LIBRARY main building"),
    ],
)
def test_a_free_path_that_names_somebody_waits_for_an_officer(chinese: str, english: str) -> None:
    rows = findings_about(changed("offline_path", zh_cn=chinese, en=english))
    assert {(row.code, row.severity) for row in rows} == {("free_text", Severity.FLAGGED)}


@pytest.mark.parametrize(
    ("kind", "body", "rule"),
    [
        (DocumentKind.PROVIDERS, PROVIDERS["city-library"], "R9"),
        (DocumentKind.SOURCES, city("sources")["green-travel"], "R9"),
        (DocumentKind.VENUES, VENUES["city-library-main"], "R13"),
        (DocumentKind.SERVICES, SERVICES["book-loan"], "R13"),
    ],
)
def test_a_new_name_is_flagged(kind: DocumentKind, body: dict[str, Any], rule: str) -> None:
    (new,) = closed_texts.check(kind, body, PublicationContext())
    assert (new.code, new.rule, new.pointer, new.severity) == ("name_new", rule, "/name", Severity.FLAGGED)
    assert not [*closed_texts.check(kind, body, PublicationContext(before=body))]


@pytest.mark.parametrize(
    ("kind", "body"),
    [(DocumentKind.VENUES, VENUES["city-library-main"]), (DocumentKind.SERVICES, SERVICES["book-loan"])],
)
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_changed_name_is_flagged_by_language(kind: DocumentKind, body: dict[str, Any], language: str) -> None:
    renamed = {**body, "name": {**body["name"], language: "X"}}
    (row,) = closed_texts.check(kind, renamed, PublicationContext(before=body))
    assert (row.code, row.rule, row.pointer) == ("name_changed", "R13", f"/name/{language}")
    assert findings.localize(row, "en")["detail"].endswith("before it comes into force.")


def test_other_evidence_for_the_same_baseline_is_flagged() -> None:
    service = SERVICES["book-loan"]
    (row,) = closed_texts.check(
        DocumentKind.SERVICES, {**service, "evidence": "另一份公示"}, PublicationContext(before=service)
    )
    assert (row.code, row.rule, row.severity) == ("evidence_changed", "R4", Severity.FLAGGED)


def test_new_texts_of_a_scheme_are_flagged_and_known_ones_are_not() -> None:
    shipped = scheme.shipped()[-1]
    known = PublicationContext(known_texts=closed_texts.texts_of_scheme(shipped))
    assert not [*closed_texts.check(DocumentKind.SCHEMES, shipped, known)]
    assert [*closed_texts.check(DocumentKind.SCHEMES, shipped, PublicationContext())]
    renamed = copy.deepcopy(shipped)
    renamed["indicators"][0]["unit"]["en"] = "days without a court order"
    renamed["title"]["zh-CN"] = "失信者方案"
    assert {row.pointer for row in closed_texts.check(DocumentKind.SCHEMES, renamed, known)} == {
        "/title/zh-CN",
        "/indicators/0/unit/en",
    }


def test_only_findings_about_wording_leave_a_live_benefit_alone() -> None:
    rows = findings_about(changed("offline_path", zh_cn="见上", en="See above"))
    assert rows
    assert all(closed_texts.is_about_text(row) for row in rows)
    other = Finding("baseline_worsened", "R4", "/service_id", Severity.REFUSED, "")
    assert not closed_texts.is_about_text(other)
    assert not closed_texts.is_about_text(Finding("x", "R4", "", Severity.REFUSED, ""))


def test_an_officer_reads_an_address_that_changes() -> None:
    venue = VENUES["city-library-main"]
    moved = {**venue, "address": {**venue["address"], "en": "Ask for the list of the untrustworthy at the gate"}}

    def flagged(before: dict[str, Any], body: dict[str, Any]) -> list[tuple[str, str, Severity]]:
        rows = closed_texts.check(DocumentKind.VENUES, body, PublicationContext(before=before))
        return [(row.code, row.pointer, row.severity) for row in rows]

    without = {member: value for member, value in venue.items() if member != "address"}
    assert flagged(venue, venue) == flagged(venue, without) == []
    assert flagged(venue, moved) == [("address_changed", "/address/en", Severity.FLAGGED)]
    assert {pointer for _, pointer, _ in flagged(without, venue)} == {"/address/zh-CN", "/address/en"}
