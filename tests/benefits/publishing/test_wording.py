"""The word check of catalogue texts: harmful texts in every spelling, and ordinary texts without a finding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from benefits.publishing import patterns, wording
from benefits.publishing.grammar import Denial
from benefits.publishing.rules import marked_words
from benefits.publishing.word_list import word_list
from benefits.scoring import scheme
from consent.domain.document_kinds import DocumentKind
from service.demo import seed


def marked(text: str) -> list[tuple[str, str]]:
    """Return topic and words of every word that matters in any text and is not denied."""
    return [
        (match.topic, text[match.start : match.end])
        for match in wording.scan(text)
        if match.denial is Denial.NONE
        and match.topic not in marked_words.KINDS_OF_TOPIC
        and (match.prohibits or match.topic not in word_list().domains)
    ]


def lines(text: str) -> list[str]:
    """A text for each line that is no remark."""
    return [line.strip() for line in text.strip().splitlines() if not line.strip().startswith("#")]


HARMS = lines(
    """
    # people named by their faults
    失信人员不得使用，用人单位可查
    黑名单人员不得享受
    低分居民
    信用差的人
    失信被执行人除外
    仅限无不良记录者
    未列入黑名单者方可使用
    老赖免谈
    不守信的人请走开
    积分不足者不得入内
    分数低的市民禁止入内
    低积分用户排在最后
    信用不良者同样不得使用
    面向没有失信记录的居民
    欠费人员不予办理
    有前科的人不能享受
    For people who are not on the blacklist
    low score residents excluded
    Low-scoring residents wait outside
    People with bad credit pay full price
    Not for defaulters
    dishonest persons are refused
    for people with no bad credit
    Untrustworthy residents may not enter
    residents without a criminal record only
    # traditional, full-width, spaced, hyphenated, with signs nobody sees, with accents
    失信人員不得使用
    列入黑名單者除外
    黑 名 单
    黑-名-单
    黑。名。单
    黑·名·单
    黑\u200b名\u200b单
    低 分 居 民
    信用污點
    ＢＬＡＣＫＬＩＳＴ
    b l a c k l i s t
    black-list
    Black List
    bl\u200backlist
    blàcklist
    LOW_SCORE
    b.l.a.c.k.l.i.s.t
    用 人 單 位 可查
    僱主可查
    招。聘。加分
    招-聘
    # work, credit
    用人单位可查
    雇主可以查看
    招聘时优先
    求职加分
    入职背景调查
    用人单位无须同意即可查询
    Employers may look it up
    shown to recruiters
    part of a background check
    Recruiters may check without asking
    better credit limit
    银行贷款优先
    # ranking
    按积分排名，前十名领奖
    积分榜每周公布
    登上红榜
    诚信之星
    Top residents are shown on the square
    a leader-board in the hall
    the top ten of your street
    red-list members first
    # shutting out
    外地居民不得使用
    未注册者不得享受
    People of other districts are not eligible
    Non-members are turned away
    """
)
FINE = lines(
    """
    没有黑名单。
    本市不设黑名单，也不排名。
    积分少也不影响借阅，人人照常办理。
    积分低同样可以办理。
    本权益不用于信贷、保险或招聘。
    不得用于招聘。
    用人单位不得查询积分。
    与贷款无关。
    不收附加费，不加收任何费用。
    最低分值为 60。
    他人不得使用；凭证仅限本人。
    不得转让，每人每天一次。
    过期凭证不得使用。
    节假日除外。
    请先登录，用手机出示二维码。
    超出免费时间按公示价格计费。
    工作人员不得询问积分。
    未成年人由监护人陪同。
    不便交押金的读者无需积分，向服务台说明即可。
    低收入家庭凭社区证明享受同样的减免，无需积分。
    排队叫号与所有人相同。
    列出名称和地址即可。
    There is no blacklist.
    No ranking, no list, no badge.
    A low score takes nothing away.
    Nobody is excluded.
    No one is turned away.
    Employers may not ask for it.
    Points are never used for hiring or loan approval.
    It has nothing to do with bank loans.
    No surcharge, no penalty.
    Whatever your points: the same desk, the same price.
    Bring your library card; one slip a day.
    The low point of the trail is closed in winter.
    Tickets are for the person's own use.
    Closed on public holidays, except New Year's Day.
    Households on low incomes get the same reduction without points.
    Visitors over sixty, with a disability, or for whom the fee is hard need no points.
    A hire bike at the kiosk.
    The counter is open from nine to five; a list of books is at the desk.
    """
)


@pytest.mark.parametrize("text", HARMS)
def test_a_harmful_text_is_marked_in_every_spelling(text: str) -> None:
    assert marked(text)


@pytest.mark.parametrize("text", FINE)
def test_an_ordinary_text_has_no_mark(text: str) -> None:
    assert not marked(text)


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("kind", sorted({*DocumentKind} - {DocumentKind.SCHEMES, DocumentKind.ISSUERS}))
def test_the_demonstration_citys_texts_have_no_finding(kind: DocumentKind) -> None:
    for body in seed.documents(kind):
        findings = [(text.pointer, text.code) for text in marked_words.check(kind, body)]
        assert not findings, (body, findings)


def test_texts_of_schemes_are_checked_too() -> None:
    for body in scheme.shipped():
        assert not list(marked_words.check(DocumentKind.SCHEMES, body))
        body["indicators"][0]["unit"]["zh-CN"] = "失信次数"
        assert [text.pointer for text in marked_words.check(DocumentKind.SCHEMES, body)] == ["/indicators/0/unit/zh-CN"]


def test_a_repeated_word_is_marked_a_limited_number_of_times() -> None:
    assert len(wording.scan("黑名单，" * 50)) == wording.MARKS_OF_A_WORD_MAX
    # Denied places do not use up the places of those that matter.
    denials = [match.denial for match in wording.scan("没有黑名单，" * 50 + "黑名单人员除外")]
    assert denials.count(Denial.STRONG) == wording.MARKS_OF_A_WORD_MAX
    assert Denial.NONE in denials


def test_a_denial_is_read_up_to_a_number_of_characters_away() -> None:
    near, far = ("不用于" + "好" * number + "招聘" for number in (wording.CONTEXT_MAX - 3, wording.CONTEXT_MAX))
    assert [match.denial for match in wording.scan(near)] == [Denial.STRONG]
    assert [match.denial for match in wording.scan(far)] == [Denial.NONE]


def test_a_gap_in_a_word_is_limited() -> None:
    for number, expected in ((patterns.GAP_MAX, 1), (patterns.GAP_MAX + 1, 0)):
        assert len(wording.scan("姓名" + "好" * number + "张贴")) == expected


def test_short_words_are_not_matched_with_spaces_inside() -> None:
    assert [match.topic for match in wording.scan("a CT scan")] == ["diagnostics"]
    assert not wording.scan("vitamin c t")
    assert [match.topic for match in wording.scan("n u r s e r y place")] == ["schooling", "disguised_kinds"]


def test_pinyin_is_divided_into_syllables() -> None:
    for text in ("shixinrenyuan", "shi1xin4 renyuan", "Shī xìn rén yuán", "zhongdashixin"):
        assert "exclusion" in {match.topic for match in wording.scan(text)}, text
    assert not wording.scan("xshixin")
    long_word = "a" * patterns.TOKEN_LETTERS_MAX
    assert wording.scan(f"{long_word}{long_word}b shixin")


def test_digits_alone_are_no_word() -> None:
    assert not wording.scan("1 0 4 7 3 5")
    assert wording.scan("b1ack1ist")
