"""Denials: those that take a word back, those that only seem to, and people in need who are named as such."""

from __future__ import annotations

import pytest

from benefits.publishing import wording
from benefits.publishing.grammar import Denial


def denials(text: str, topic: str) -> set[Denial]:
    return {match.denial for match in wording.scan(text) if match.topic == topic}


@pytest.mark.parametrize(
    "text",
    [
        "不用于招聘", "不得用于招聘和面试", "没有招聘", "用人单位不得查询", "Not for hiring", "Employers may not ask",
        "Points are never used for hiring", "It has nothing to do with recruitment",
    ],
)  # fmt: skip
def test_a_denied_word_is_denied(text: str) -> None:
    assert denials(text, "employment") == {Denial.STRONG}


@pytest.mark.parametrize(
    "text",
    [
        "非常适合招聘", "免费招聘", "未来的招聘", "不仅用于借书也用于招聘", "不但借书而且面试",
        "毫无疑问有助于面试", "无论如何都要面试", "与招聘挂钩",
        "Not only for readers but for employers", "Without doubt useful for hiring", "No doubt employers like it",
        "Not just hiring", "No later than the job interview", "Nothing but hiring",
    ],
)  # fmt: skip
def test_a_no_that_denies_nothing(text: str) -> None:
    assert denials(text, "employment") == {Denial.NONE}


def test_a_no_that_stands_near_is_weak() -> None:
    assert denials("不收钱的招聘会", "employment") == {Denial.WEAK}
    assert denials("never before a quick job interview", "employment") == {Denial.WEAK}


@pytest.mark.parametrize(
    ("text", "denial"),
    [
        ("没有黑名单", Denial.STRONG),
        ("积分低也照常办理", Denial.STRONG),
        ("A low score takes nothing away", Denial.STRONG),
        ("未列入黑名单者方可使用", Denial.NONE),
        ("失信居民照常排在最后", Denial.NONE),
        ("Defaulters queue at the same gate, behind everybody", Denial.NONE),
        ("Guests with a low score too", Denial.NONE),
        ("无论如何黑名单除外", Denial.NONE),
    ],
)
def test_a_fault_may_be_named_to_promise_that_nothing_is_lost(text: str, denial: Denial) -> None:
    assert denials(text, wording.EXCLUSION) == {denial}


@pytest.mark.parametrize(
    ("text", "denial"),
    [
        ("Nobody is turned away", Denial.STRONG),
        ("没有人会被拒之门外", Denial.STRONG),
        ("Others are turned away", Denial.NONE),
        ("Not only children are turned away", Denial.NONE),
    ],
)
def test_nobody_is_excluded(text: str, denial: Denial) -> None:
    assert denials(text, wording.SHUTTING_OUT) == {denial}


def test_no_foreigners_is_a_limit() -> None:
    assert denials("No foreigners", wording.PERSONAL_LIMITS) == {Denial.NONE}
    assert denials("Regardless of nationality", wording.PERSONAL_LIMITS) == {Denial.STRONG}


@pytest.mark.parametrize(
    "text",
    [
        "低保家庭免费", "凭低保证办理", "最低生活保障对象无需积分", "社会救助对象",
        "享受低保的居民", "Households on social assistance",
        "People receiving unemployment benefit", "Proof of social assistance", "Social assistance recipients",
    ],
)  # fmt: skip
def test_people_in_need_are_not_a_prohibited_use(text: str) -> None:
    assert denials(text, wording.SOCIAL_PROTECTION) == set()


@pytest.mark.parametrize(
    "text", ["低保优先受理", "低保家庭的低保快批", "Social assistance first", "Unemployment benefit faster"]
)
def test_what_is_offered_is_one(text: str) -> None:
    assert denials(text, wording.SOCIAL_PROTECTION) == {Denial.NONE}
