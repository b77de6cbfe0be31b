"""Rules about texts, names and ids: refused, flagged or advice by the place, and the marked words."""

from __future__ import annotations

from typing import Any

import pytest

from benefits.catalogue.schema import ID_MEMBER
from benefits.publishing.rules import marked_words
from consent.domain.document_kinds import DocumentKind, Mark, Severity

REFUSED, FLAGGED, ADVICE = Severity.REFUSED, Severity.FLAGGED, Severity.ADVICE


def findings(kind: DocumentKind, **members: Any) -> list[tuple[str, str, Severity]]:
    """Return pointer, code and severity of every finding about a document with these members."""
    body = {ID_MEMBER.get(kind, "id"): "any", **members}
    return [(row.pointer, row.code, row.severity) for row in marked_words.check(kind, body)]


@pytest.mark.parametrize(
    ("member", "text", "severity"),
    [
        ("title", "急诊优先", REFUSED),
        ("title", "Not for hiring", REFUSED),
        ("title", "Faster vaccination", REFUSED),
        ("title", "jizhen youxian", FLAGGED),
        ("title", "不看黑名单", REFUSED),
        ("title", "Bring your passport", ADVICE),
        ("description", "急诊优先", REFUSED),
        ("description", "不收钱的招聘会", FLAGGED),
        ("description", "列入黑名单者除外", FLAGGED),
        ("terms", "急诊优先", FLAGGED),
        ("terms", "不收钱的招聘会", ADVICE),
        ("offline_path", "红榜旁的窗口", FLAGGED),
        ("need_based_alternative", "急诊优先", FLAGGED),
    ],
)
def test_severity_follows_the_place(member: str, text: str, severity: Severity) -> None:
    rows = findings(DocumentKind.BENEFITS, **{member: {"en": text}})
    assert next((pointer, weight) for pointer, _, weight in rows) == (f"/{member}/en", severity)


@pytest.mark.parametrize("member", ["title", "description", "terms", "need_based_alternative", "offline_path"])
def test_a_denied_use_has_no_finding_outside_of_titles(member: str) -> None:
    rows = findings(DocumentKind.BENEFITS, **{member: {"zh-CN": "不用于招聘"}})
    assert bool(rows) is (member == "title")


def test_an_alternative_may_name_the_needy_and_the_old() -> None:
    text = {
        "zh-CN": "失业金领取人员、低保、特困、孕产妇建档，仅限60岁以上",
        "en": "For social assistance, pension payment, women only",
    }
    assert findings(DocumentKind.BENEFITS, need_based_alternative=text) == []
    assert findings(DocumentKind.BENEFITS, terms=text) != []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("其他人另付二十元", "surcharge_or_wait"),
        ("The others wait outside", "surcharge_or_wait"),
        ("须先开通并授权", "forced_joining"),
        ("Consent is compulsory", "forced_joining"),
        ("领取者姓名张贴", "public_posting"),
        ("Photos of those who came", "public_posting"),
        ("出示积分页", "score_shown"),
        ("Show the guard your points", "score_shown"),
        ("仅限男性", "personal_limits"),
        ("Locals only", "personal_limits"),
        ("者除外的名单", "people_shut_out"),
        ("Others are turned away", "people_shut_out"),
        ("上红榜", "public_labelling"),
    ],
)
def test_each_kind_of_advice_has_its_code(text: str, code: str) -> None:
    assert ("/terms/en", code, FLAGGED) in findings(DocumentKind.BENEFITS, terms={"en": text})


@pytest.mark.parametrize(
    "name",
    [
        "建设银行网点",
        "和平派出所治安停车",
        "第三小学",
        "交通违法学习登记",
        "Construction Bank",
        "County Court",
        "Staffing agency",
    ],
)
def test_kinds_of_body_that_take_no_part_are_flagged_in_names(name: str) -> None:
    for kind in (DocumentKind.PROVIDERS, DocumentKind.SOURCES, DocumentKind.VENUES, DocumentKind.SERVICES):
        assert ("/name/en", "kind_in_name") in [row[:2] for row in findings(kind, name={"en": name})]
    assert "kind_in_name" not in [code for _, code, _ in findings(DocumentKind.BENEFITS, terms={"en": name})]


@pytest.mark.parametrize(
    "document_id",
    [
        "not-for-laolai-blacklist",
        "laolaiblacklist",
        "b1ackl1st",
        "shixin-renyuan",
        "shixinrenyuan",
        "job-interview",
        "hong-bang",
        "paiming",
    ],
)
def test_an_id_that_says_it_is_flagged(document_id: str) -> None:
    rows = findings(DocumentKind.BENEFITS, benefit_id=document_id)
    assert rows
    assert {(pointer, severity) for pointer, _, severity in rows} == {("/benefit_id", FLAGGED)}


@pytest.mark.parametrize(
    "document_id", ["library-deposit", "parking-free-minutes", "checkup-window", "a1", "book-loan-2", "bike-9001"]
)
def test_an_ordinary_id_is_not(document_id: str) -> None:
    assert findings(DocumentKind.BENEFITS, benefit_id=document_id) == []


@pytest.mark.parametrize("kind", DocumentKind)
@pytest.mark.parametrize("body", [{}, {"benefit_id": 7, "name": None, "title": ["黑名单"]}, {"": {"": "黑名单"}}])
def test_a_document_that_fits_no_schema_has_findings_about_its_texts_alone(
    kind: DocumentKind, body: dict[str, Any]
) -> None:
    rows = list(marked_words.check(kind, body))
    assert bool(rows) is any("黑名单" in str(value) for value in body.values())


def test_a_notice_that_says_the_opposite() -> None:
    body = {
        "notice_id": "any",
        "languages": {
            "zh-CN": {"consequences_of_refusal": "您不会失去任何东西。但是您将无法办理借书证，急诊与入学也会靠后。"},
            "en": {"consequences_of_refusal": "You lose nothing. But you will not get a library card."},
        },
    }
    rows = [(row.pointer, row.code, row.severity) for row in marked_words.check(DocumentKind.NOTICES, body)]
    for language in ("zh-CN", "en"):
        assert (f"/languages/{language}/consequences_of_refusal", "notice_contradicts", FLAGGED) in rows


def test_the_finding_marks_the_words_in_the_original_text() -> None:
    text = "这里：失\u200b信者、黑 名 单，Вlacklist"
    (finding,) = marked_words.check(DocumentKind.BENEFITS, {"benefit_id": "any", "terms": {"zh-CN": text}})
    assert [mark.text for mark in finding.marks] == ["失\u200b信", "黑 名 单", "Вlacklist"]
    assert all(text[mark.start : mark.end] == mark.text for mark in finding.marks)
    assert finding.marks[0] == Mark(3, 6, "失\u200b信")
