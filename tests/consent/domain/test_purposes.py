"""Two purposes, every barred use with its sentence, and notices that leave nothing out."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import pytest

from consent.documents import schema
from consent.documents.schema import HEADINGS, NOTHING_IS_LOST, NoticeDocument, NoticeText
from consent.domain.purposes import BARRED_USES, Purpose
from consent.kernel.faults import DocumentInvalid

NOTICE: dict[str, Any] = {
    "notice_id": "points-compute",
    "purpose": "points.compute",
    "counterpart": "*",
    "material": True,
    "languages": {
        language: {
            **{member: f"{member} ({language})" for member in NoticeText.model_fields},
            "purposes": "{counterpart} {0} {x!r}",
            "consequences_of_refusal": NOTHING_IS_LOST[language],
        }
        for language in ("zh-CN", "en")
    },
}

BARRED = [
    "joint_punishment",
    "blacklists",
    "enforcement",
    "courts",
    "hiring",
    "school_admission",
    "credit",
    "insurance",
    "tenancy",
    "surcharge",
    "shaming_and_ranking",
    "emergency_and_primary_care",
    "compulsory_education",
    "social_insurance_and_assistance",
    "utilities_supply",
    "public_transport_boarding",
    "identity_voting_petitions",
    "collective_scores",
    "research_advertising_police_requests",
    "inferring_a_low_score",
    "coerced_volunteering",
]
SENTENCES = (
    "各市推出的個人信用分不能用於失信聯合懲戒",
    "不能限制信用主體享受基本公共服務",
    "涉及個人的信用信息原則上不公示",
    "依照信用信息主體授權的用途使用信用信息,不用作約定以外的用途",
)


def test_purposes_are_closed() -> None:
    assert [str(purpose) for purpose in Purpose] == ["points.compute", "benefit.check"]


def test_every_barred_use_is_named_once_and_explained_in_both_languages() -> None:
    assert [use.code for use in BARRED_USES] == BARRED
    for use in BARRED_USES:
        for chinese in (use.title_zh, use.reason_zh):
            assert re.search(r"[\u4e00-\u9fff]", chinese), use.code
        for english in (use.title_en, use.reason_en):
            assert english.isascii(), use.code


def test_references_quote_the_plan_word_for_word_or_name_a_clause() -> None:
    quoted = [sentence for use in BARRED_USES for sentence in re.findall(r"「(.+?)」", use.reference)]
    assert set(quoted) == set(SENTENCES)
    clause = re.compile(r"「.+」|PIPL \d+|国办发〔2020〕49号|NDRC, 2019-07-18|EU AI Act 5\(1\)\(c\)")
    assert all(clause.search(use.reference) for use in BARRED_USES)


def test_every_quotation_is_there_in_both_languages() -> None:
    for use in BARRED_USES:
        for reference in use.references:
            assert re.search(r"[\u4e00-\u9fff]", reference.where_zh), use.code
            assert reference.where_en.isascii(), use.code
            assert bool(reference.original) == bool(reference.means_zh) == bool(reference.means_en), use.code
            assert reference.means_en.isascii(), use.code
            assert not set("個聯懲戒體權於") & set(reference.means_zh) - set("戒"), use.code


def notice(**changes: Any) -> NoticeDocument:
    return schema.parse_document(NoticeDocument, {**deepcopy(NOTICE), **changes})


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("member", list(NoticeText.model_fields))
def test_a_notice_without_one_clause_is_no_notice(language: str, member: str) -> None:
    languages = deepcopy(NOTICE["languages"])
    del languages[language][member]
    with pytest.raises(DocumentInvalid) as caught:
        notice(languages=languages)
    assert [(fault.pointer, fault.code) for fault in caught.value.faults] == [
        (f"/languages/{language}/{member}", "missing")
    ]


@pytest.mark.parametrize(
    "changes", [{"required": True}, {"material": 1}, {"purpose": "research"}, {"counterpart": "all of them"}]
)
def test_a_notice_has_one_purpose_and_is_never_required(changes: dict[str, Any]) -> None:
    with pytest.raises(DocumentInvalid):
        notice(**changes)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_notice_must_say_that_nothing_is_lost(language: str) -> None:
    languages = deepcopy(NOTICE["languages"])
    languages[language]["consequences_of_refusal"] = "You may lose some services."
    with pytest.raises(DocumentInvalid) as caught:
        notice(languages=languages)
    assert caught.value.faults[0].pointer == f"/languages/{language}/consequences_of_refusal"


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_what_is_shown_holds_every_clause_and_the_counterparts_name(language: schema.Language) -> None:
    shown = schema.render_notice_text(notice(), language, "绿色出行 {title}")
    assert "绿色出行 {title} {0} {x!r}" in shown
    assert "{counterpart}" not in shown
    assert NOTHING_IS_LOST[language] in shown
    for member in NoticeText.model_fields:
        assert member == "title" or HEADINGS[member][language] in shown
        if member not in ("purposes", "consequences_of_refusal"):
            assert f"{member} ({language})" in shown
