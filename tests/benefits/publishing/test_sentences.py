"""Closed sentences: the vocabulary, values as written, composed texts and their recognition."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benefits.publishing.rules import marked_words
from benefits.publishing.sentences import facts as benefit_facts
from benefits.publishing.sentences import texts, vocabulary
from benefits.publishing.sentences.facts import BenefitFacts
from benefits.publishing.sentences.texts import ClosedText, FreeText
from benefits.publishing.sentences.values import ValueUnsuited
from benefits.publishing.sentences.vocabulary import MEMBERS, MEMBERS_WITH_VENUE, VOCABULARY, VocabularyInvalid
from benefits.rules import effects
from benefits.rules.conditions import All, AtLeast
from benefits.rules.effects import EFFECTS
from benefits.rules.vocabulary import ATTRIBUTES_OF_SERVICE, Attribute, EffectKind, Period, ServiceKind
from consent.documents.schema import NAME_MAX
from consent.domain.document_kinds import DocumentKind
from consent.domain.records import Dimension
from consent.kernel import bilingual
from consent.kernel.bilingual import LANGUAGES

WORDS = VOCABULARY.words
TABLES = dict(bilingual.load("benefits.publishing.sentences", "sentences.toml"))
PROVIDER = {"name": {"zh-CN": "市图书馆", "en": "City Library"}}
VENUES = [
    {"venue_id": "main", "name": {"zh-CN": "市图书馆总馆", "en": "City Library, main building"}},
    {"venue_id": "north", "name": {"zh-CN": "市图书馆北馆", "en": "City Library, north building"}},
]


def service_of(kind: ServiceKind, **baseline: int | bool) -> dict[str, Any]:
    """A service with a complete baseline."""
    usual = {str(name): False if name is Attribute.DELIVERY else 10_000 for name in ATTRIBUTES_OF_SERVICE[kind]}
    return {
        "service_id": "some-service",
        "kind": str(kind),
        "name": {"zh-CN": "图书外借", "en": "Book loan"},
        "baseline": {**usual, **baseline},
    }


def benefit_of(kind: EffectKind, amount: int = 5) -> dict[str, Any]:
    """The structured part of a benefit."""
    return {
        "effect": {"kind": str(kind), **dict.fromkeys(effects.amount_names(EFFECTS[kind]), amount)},
        "condition": {"measure": "total", "at_least": 60},
        "quota": {"per_resident": {"count": 1, "period": "day"}, "total": {"count": 20, "period": "week"}},
        "valid": {"from": "2026-01-01", "until": "2028-12-31"},
    }


def facts_of(benefit: dict[str, Any], service: dict[str, Any]) -> BenefitFacts:
    return benefit_facts.read(benefit, service, PROVIDER, VENUES)


LOAN = facts_of(benefit_of(EffectKind.DEPOSIT_WAIVER, 10_000), service_of(ServiceKind.LIBRARY_LOAN))
SUITED = [(effect, service) for effect, declared in EFFECTS.items() for service in sorted(declared.suits)]

names = st.fixed_dictionaries(
    {
        "zh-CN": st.text("市图书馆停车场总部一二三。", min_size=1, max_size=12),
        "en": st.text("City Library.,", min_size=1, max_size=12),
    }
)
amounts = st.integers(0, 20_000)
conditions = st.one_of(
    st.builds(lambda at_least: {"measure": "total", "at_least": at_least}, st.integers(1, 500)),
    st.builds(
        lambda joint, rows: {joint: [{"measure": str(measure), "at_least": at_least} for measure, at_least in rows]},
        st.sampled_from(["all", "any"]),
        st.lists(st.tuples(st.sampled_from(Dimension), st.integers(1, 99)), min_size=1, max_size=3),
    ),
)


@st.composite
def any_facts(draw: st.DrawFn) -> BenefitFacts:
    """Facts of a benefit with an effect that suits the service, any amounts and any names."""
    effect_kind, service_kind = draw(st.sampled_from(SUITED))
    attributes = draw(st.sets(st.sampled_from(sorted(Attribute))))
    service = service_of(service_kind, **{str(name): draw(amounts) for name in attributes if name != "delivery"})
    service["name"] = draw(names)
    limit = min(EFFECTS[effect_kind].limit, 20_000)
    benefit = benefit_of(effect_kind, draw(st.integers(1, limit)))
    benefit["condition"] = draw(conditions)
    benefit["quota"] = {
        whose: {"count": draw(st.integers(1, 30)), "period": draw(st.sampled_from(Period))}
        for whose in draw(st.sets(st.sampled_from(["per_resident", "total"])))
    }
    venues = [
        {"venue_id": f"venue-{place}", "name": name} for place, name in enumerate(draw(st.lists(names, max_size=3)))
    ]
    return benefit_facts.read(benefit, service, {"name": draw(names)}, venues)


@given(any_facts(), st.sampled_from(MEMBERS), st.data())
def test_whatever_is_composed_is_recognised(facts: BenefitFacts, member: str, data: st.DataObject) -> None:
    offered = texts.sentences_for(member, facts)
    if not offered:
        assert texts.compose(member, facts) is None
        return
    most = 1 if member == "title" else 6
    keys = data.draw(st.sets(st.sampled_from([sentence.key for sentence in offered]), min_size=1, max_size=most))
    text = texts.compose(member, facts, keys)
    assert text is not None
    assert isinstance(texts.recognise(member, text, facts), ClosedText)
    recommended = texts.compose(member, facts)
    if recommended is not None:
        assert isinstance(texts.recognise(member, recommended, facts), ClosedText)


@given(any_facts(), st.sampled_from(MEMBERS), st.sampled_from(LANGUAGES), st.data())
def test_a_changed_word_is_not_closed(facts: BenefitFacts, member: str, language: str, data: st.DataObject) -> None:
    text = texts.compose(member, facts)
    if text is None:
        return
    place = data.draw(st.integers(0, len(text[language])))
    word = data.draw(st.sampled_from(["不", "not ", "失信者除外。", "X", " ", "\n"]))
    dropped = data.draw(st.integers(0, 1))
    changed = text[language][:place] + word + text[language][place + dropped :]
    if changed == text[language]:
        return
    read = texts.recognise(member, {**text, language: changed}, facts)
    assert isinstance(read, tuple)
    assert read[0].language in LANGUAGES


@given(st.sampled_from(SUITED), st.integers(1, 14), st.integers(15, 29), st.sampled_from(MEMBERS))
def test_two_languages_with_different_values_are_not_closed(
    suited: tuple[EffectKind, ServiceKind], amount: int, other_amount: int, member: str
) -> None:
    effect_kind, service = suited[0], service_of(suited[1])
    facts, other = (facts_of(benefit_of(effect_kind, number), service) for number in (amount, other_amount))
    text, other_text = texts.compose(member, facts), texts.compose(member, other)
    assert text is not None
    assert other_text is not None
    if text["en"] != other_text["en"]:
        assert isinstance(texts.recognise(member, {**text, "en": other_text["en"]}, facts), tuple)
        assert isinstance(texts.recognise(member, other_text, facts), tuple), "the values are not this benefit's"


@pytest.mark.parametrize(("effect_kind", "service_kind"), SUITED)
def test_every_suited_effect_has_a_whole_benefit_of_closed_sentences(
    effect_kind: EffectKind, service_kind: ServiceKind
) -> None:
    facts = facts_of(benefit_of(effect_kind), service_of(service_kind))
    for member in MEMBERS:
        text = texts.compose(member, facts)
        assert text is not None, f"add a sentence of {member} with a group for {effect_kind} on {service_kind}"
        assert isinstance(texts.recognise(member, text, facts), ClosedText)
    title, description = (texts.compose(member, facts) or {} for member in ("title", "description"))
    assert title["zh-CN"] != description["zh-CN"]


@pytest.mark.parametrize("attribute", Attribute)
def test_every_attribute_can_be_stated_as_unchanged(attribute: Attribute) -> None:
    named = {name for sentence in VOCABULARY.sentences for name in sentence.needs}
    assert f"unchanged.{attribute}" in named, f"add a sentence with unchanged.{attribute} to sentences.toml"


def test_the_words_of_conditions_and_quotas_are_complete() -> None:
    assert set(WORDS.periods) == set(Period)
    assert set(WORDS.measures) == {"total", *Dimension}


def test_no_sentence_of_the_vocabulary_alarms_the_word_scan() -> None:
    for sentence in VOCABULARY.sentences:
        for language in LANGUAGES:
            text = vocabulary.PLACEHOLDER.sub("5", sentence.text[language])
            for member in sentence.members:
                body = {"benefit_id": "any", member: {language: text}}
                assert not list(marked_words.check(DocumentKind.BENEFITS, body)), sentence.sentence_id


def test_sentences_end_with_a_full_stop_and_titles_do_not() -> None:
    for sentence in VOCABULARY.sentences:
        is_title = "title" in sentence.members
        assert not is_title or sentence.members == {"title"}
        assert sentence.text["zh-CN"].endswith("。") is not is_title, sentence.sentence_id
        assert sentence.text["en"].endswith(".") is not is_title, sentence.sentence_id
        assert not set(",;:?!()") & set(vocabulary.PLACEHOLDER.sub("", sentence.text["zh-CN"])), sentence.sentence_id


@pytest.mark.parametrize(
    ("value", "unit", "zh_cn", "en"),
    [
        (10_000, "yuan", "100 元", "¥100"),
        (123_450, "yuan", "1234.50 元", "¥1,234.50"),
        (1, "minutes", "1 分钟", "1 minute"),
        (30, "more_minutes", "30 分钟", "30 more minutes"),
        (1, "times", "1 次", "once"),
        (2, "times", "2 次", "twice"),
        (3, "times", "3 次", "3 times"),
        (20, "discount", "八折", "20% off"),
        (25, "discount", "七五折", "25% off"),
        (5, "discount", "九五折", "5% off"),
        (20, "percent", "20%", "20%"),
        ("week", "", "周", "week"),
        (date(2028, 12, 31), "", "2028 年 12 月 31 日", "31 December 2028"),
        (AtLeast("green_living", 1), "", "绿色生活积分达到 1 分", "at least 1 point for green living"),
        (
            All((AtLeast("total", 120), AtLeast("social_responsibility", 20))),
            "",
            "总积分达到 120 分，且社会责任积分达到 20 分",
            "at least 120 points in total and at least 20 points for social responsibility",
        ),
    ],
)
def test_values_as_people_write_them(value: Any, unit: str, zh_cn: str, en: str) -> None:
    assert (WORDS.text(value, unit, "zh-CN"), WORDS.text(value, unit, "en")) == (zh_cn, en)


@pytest.mark.parametrize(("value", "unit"), [(5, ""), ("week", "days"), (All((All((AtLeast("total", 1),)),)), "")])
def test_a_value_without_its_unit_is_not_written(value: Any, unit: str) -> None:
    with pytest.raises(ValueUnsuited):
        WORDS.text(value, unit, "en")


def test_a_whole_benefit_as_composed() -> None:
    composed = {member: texts.compose(member, LOAN) for member in MEMBERS}
    assert composed == {
        "title": {"zh-CN": "免押金借阅", "en": "Borrow without a deposit"},
        "description": {
            "zh-CN": "市图书馆的“图书外借”服务，免交 100 元押金。总积分达到 60 分的居民可以使用。",
            "en": "Book loan at City Library: you do not pay the deposit of ¥100."
            " You can use it if you have at least 60 points in total.",
        },
        "terms": {
            "zh-CN": "每人每天限用 1 次。全体居民每周合计限用 20 次。借期和册数与所有读者相同。价格与所有人相同。"
            "核销后，本次服务按此办理，直至结束。仅限本人使用。",
            "en": "You can use it once a day. All residents together can use it 20 times a week."
            " The loan period and the number of books are the same as for everybody."
            " The price is the same as for everybody. Once used, it applies until the end of that service."
            " It is for your own use only.",
        },
        "need_based_alternative": {
            "zh-CN": "交押金有困难的居民不需要积分，向市图书馆总馆的工作人员说明情况，同样可以办理。",
            "en": "If you find it hard to pay a deposit, you do not need points. You get the same if you tell the staff"
            " at City Library, main building.",
        },
        "offline_path": {
            "zh-CN": "没有智能手机也可以办理：请到市图书馆总馆，由工作人员现场办理。",
            "en": "You do not need a smartphone. The staff will do it for you at City Library, main building.",
        },
    }


def test_a_part_of_the_deposit_is_not_called_no_deposit() -> None:
    facts = facts_of(benefit_of(EffectKind.DEPOSIT_WAIVER, 4_000), service_of(ServiceKind.LIBRARY_LOAN))
    assert texts.compose("title", facts) == {"zh-CN": "图书外借押金减免 40 元", "en": "Book loan: ¥40 off the deposit"}
    assert isinstance(texts.recognise("title", {"zh-CN": "免押金借阅", "en": "Borrow without a deposit"}, facts), tuple)


def test_help_and_paths_are_offered_at_each_venue_and_nowhere_else() -> None:
    nowhere = benefit_facts.read(benefit_of(EffectKind.DEPOSIT_WAIVER), service_of(ServiceKind.LIBRARY_LOAN), PROVIDER)
    for member in MEMBERS_WITH_VENUE:
        offered = {sentence.key.rpartition("/")[2] for sentence in texts.sentences_for(member, LOAN)}
        assert offered == {"main", "north"}
        assert texts.compose(member, nowhere) is None
    other = texts.compose("offline_path", LOAN, ["offline.staff/north"])
    assert other is not None
    assert "北馆" in other["zh-CN"]
    assert "north building" in other["en"]


def test_the_first_free_sentence_is_pointed_out() -> None:
    terms = texts.compose("terms", LOAN)
    assert terms is not None
    free = {**terms, "zh-CN": terms["zh-CN"] + "失信者除外。"}
    assert texts.recognise("terms", free, LOAN) == (FreeText("zh-CN", 7, len(terms["zh-CN"])),)
    both = {"zh-CN": "随便写。", "en": "Anything."}
    assert texts.recognise("terms", both, LOAN) == (FreeText("zh-CN", 1, 0), FreeText("en", 1, 0))


def test_two_languages_that_say_different_things_are_free_in_english() -> None:
    offered = {sentence.key: sentence for sentence in texts.sentences_for("terms", LOAN)}
    own, price = offered["rule.own-use"].text, offered["unchanged.price"].text
    for chinese, english in (
        (own["zh-CN"], price["en"]),
        (own["zh-CN"] + price["zh-CN"], f"{price['en']} {own['en']}"),
        (own["zh-CN"], f"{own['en']} {price['en']}"),
    ):
        assert texts.recognise("terms", {"zh-CN": chinese, "en": english}, LOAN) == (FreeText("en", 1, 0),)


def test_a_sentence_stands_in_its_own_members_and_not_twice() -> None:
    title = texts.compose("title", LOAN)
    assert title is not None
    assert isinstance(texts.recognise("terms", title, LOAN), tuple)
    own = texts.compose("terms", LOAN, ["rule.own-use"])
    assert own is not None
    twice = {"zh-CN": own["zh-CN"] * 2, "en": f"{own['en']} {own['en']}"}
    assert isinstance(texts.recognise("terms", twice, LOAN), tuple)


def test_a_title_that_would_be_too_long_is_not_offered() -> None:
    service = service_of(ServiceKind.PARK_EXTRA)
    service["name"] = {"zh-CN": "园" * NAME_MAX, "en": "P" * NAME_MAX}
    assert texts.compose("title", facts_of(benefit_of(EffectKind.FEE_DISCOUNT), service)) is None


@pytest.mark.parametrize(
    "fault",
    [
        {"members": []},
        {"members": ["evidence"]},
        {"en": ""},
        {"en": "You get {effect.days:days}."},
        {"zh-CN": "共 {effect.hours:days}。", "en": "{effect.hours:days}."},
        {"zh-CN": "共 {effect.days:eons}。", "en": "{effect.days:eons}."},
        {"needs": ["baseline.price_fen"]},
        {"members": ["offline_path"]},
        {"services": []},
        {"colour": "red"},
        {"id": "title.discount"},
    ],
)
def test_a_faulty_vocabulary_does_not_load(fault: dict[str, Any]) -> None:
    sentence = {"id": "new", "members": ["terms"], "zh-CN": "仅限本人。", "en": "For you."}
    tables = {**TABLES, "sentence": [*TABLES["sentence"], sentence]}
    assert vocabulary.load(tables).sentences[-1].sentence_id == "new"
    faulty = copy.deepcopy(tables)
    faulty["sentence"][-1] |= fault
    with pytest.raises((VocabularyInvalid, bilingual.TextIncomplete)):
        vocabulary.load(faulty)


def test_an_empty_vocabulary_does_not_load() -> None:
    with pytest.raises(VocabularyInvalid):
        vocabulary.load({**TABLES, "sentence": []})
