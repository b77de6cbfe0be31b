"""Folding of catalogue texts: each kind of disguise, and the place of every folded character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benefits.publishing import folding, wording
from benefits.publishing.word_list import word_list
from tests.support import pinyin


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ＢＬＡＣＫＬＩＳＴ", "blacklist"),
        ("bàňnéd", "banned"),
        ("bl\u200backlist", "blacklist"),
        ("Вlасklіst", "blacklist"),
        ("ᴀᴀ ⓑ 🅱 🇧", "aa b b b"),
        ("失信人員", "失信人员"),
        ("光榮榜 徵信 僱主 衞生", "光荣榜 征信 雇主 卫生"),
        ("エ作", "工作"),
        ("⼯作", "工作"),
        ("㈱", "株"),
        ("失*信_者", "失 信 者"),
        ("黑。名。单", "黑名单"),
        ("b.l.a.c.k", "b l a c k"),
        ("b@nned $urcharge b!as", "b@nned $urcharge b!as"),
        ("Read it! Now. Yes: 9:30", "read it\nnow\nyes\n9\n30"),
        ("一、二；三", "一 二三"),
        ("", ""),
        ("\u0301\u200b。", ""),
    ],
)
def test_each_disguise_folds_away(text: str, folded: str) -> None:
    assert folding.fold(text).text == folded


def test_a_word_has_one_skeleton_in_every_spelling() -> None:
    for spelling in ("blacklist", "b1ack1ist", "b l a c k l i s t", "bl@ckl!st", "8lacklis7"):
        assert folding.skeleton(spelling) == folding.skeleton("blacklist")


def test_the_original_span_covers_what_was_folded() -> None:
    text = "：㈱ 失\u200b信。"
    folded = folding.fold(text)
    start = folded.text.index("失")
    assert text[slice(*folded.original_span(start, start + 2))] == "失\u200b信"


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=80))
def test_every_folded_character_has_its_origin(text: str) -> None:
    folded = folding.fold(text)
    assert len(folded.origins) == len(folded.text)
    assert list(folded.origins) == sorted(folded.origins)
    for character, origin in zip(folded.text, folded.origins, strict=True):
        if character.isalnum():
            assert character in folding.fold_character(text[origin])


words = st.sampled_from([entry.word for entry in word_list().entries if entry.word.isalpha()])
disguises = st.sampled_from(["", " ", "\u200b", "\u0301", "*", "-", "_"])
neighbours = st.text(alphabet="的在 \n，。a1ぁéЖ🖤", max_size=6)


@given(words, st.lists(disguises, min_size=1, max_size=12), neighbours, neighbours)
def test_the_marked_original_text_folds_to_the_word(word: str, marks: list[str], before: str, after: str) -> None:
    spelled = "".join(
        letter + (marks[place % len(marks)] if place + 1 < len(word) else "") for place, letter in enumerate(word)
    )
    text = f"{before} {spelled} {after}"
    for match in wording.scan(text):
        again = wording.scan(text[match.start : match.end])
        assert match.word in {inner.word for inner in again}, (match, text[match.start : match.end])
        assert 0 <= match.start < match.end <= len(text)


@given(st.text(max_size=200))
def test_any_text_can_be_scanned(text: str) -> None:
    for match in (*wording.scan(text), *wording.scan_id(text)):
        assert text[match.start : match.end]


def test_the_words_are_in_folded_characters() -> None:
    loaded = word_list()
    for entry in (*loaded.entries, *loaded.innocent):
        plain = " ".join(entry.word.translate(dict.fromkeys(map(ord, "…#*"))).split())
        assert folding.fold(plain).text == plain, entry


def test_the_pinyin_is_that_of_the_words() -> None:
    assert pinyin.TARGET.read_text(encoding="utf-8") == pinyin.table(), "run: python -m tests.support.pinyin"
