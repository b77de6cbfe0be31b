"""What catalogue texts must not say: prohibited domains, people named by their faults, public labelling, exclusion.

Texts are folded before they are looked at: width, case, accents, spaces, marks, signs nobody sees and traditional
characters, so that a word is found however it is spelt. The words are data, `words.toml`, for people to maintain; here
is only the grammar: which "no" denies a word, and which one shuts somebody out.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import resources
from types import MappingProxyType

_WORDS = tomllib.loads((resources.files("benefits.publishing") / "words.toml").read_text(encoding="utf-8"))
TRADITIONAL = {ord(pair[0]): pair[1] for pair in _WORDS["traditional"].split()}
"""Traditional characters that occur in the words, each with its simplified one."""
DOMAINS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {one: tuple(words) for one, words in _WORDS["domains"].items()}
)
"""Uses that no benefit may have, each with the words that give it away."""
FAULT_WORDS = tuple(_WORDS["faults"])
"""People named by what they did not do or do not have."""
EXCLUSION = "exclusion"
"""The domain of FAULTS."""
LABELLING_WORDS = tuple(_WORDS["labelling"])
"""Marking or ranking people in public."""
EXCLUDING_PHRASES = tuple(_WORDS["shutting_out"])
"""Telling somebody that they may not."""
HARMLESS_WORDS = tuple(_WORDS["innocent"])
"""Longer words in which one of the others stands by chance."""
PLACEHOLDERS = frozenset(_WORDS["nothing"])
"""Texts that stand where an offline path or an alternative should."""
TEXT_CACHE_MAX = 256
"""Texts kept as they were read: each is looked at for four things, one after another."""
CLAUSES = re.compile(r"[,;:!?，。；：！？\n]|\.(?=\s|$)")
SINGLE_CHARACTER = re.compile(r"\s*[\u3400-\u9fff]\s*")
DENIED_BEFORE = re.compile(
    r"(?:(?:不|无|未|勿|非|免|没有|禁止)(?<!无论)[^须需论必管]{0,6}"
    r"|(?:不|不得|不能|不会|绝不|从不|禁止)(?:被)?(?:用于|用作|作为|涉及|与)[^\n]*|与[^\n]{0,12})$"
    r"|\b(?:no|not|never|without|none|neither|nor|nobody|free of|nothing to do with)(?: \w+){0,4} ?$"
    r"|\b(?:not|never|nor)(?: \w+)? (?:used |meant |made )?(?:for|in|as)\b[^\n]*$"
)
"""What before a word says that it is not so. "Need not" and "whether or not" deny nothing."""
DENIED_AFTER = re.compile(
    r"^[^\n]{0,6}(?:不得|不能|不可|不会|不予|无权|无关|禁止)"
    r"|^(?: \w+){0,3} ?\b(?:may not|must not|can ?not|never|are not|is not|do not|does not|free|cannot)\b"
)
"""What after a word says that it is not so, or that whoever it names may not."""
NO_SUCH = re.compile(
    r"(?:没有|不设|不建立?|不存在|不使用|不查看?|不看|不参考|不论|无论|不问|不用于|不能用于|不得用于|绝无|并无|无)[^\n]{0,6}$"
    r"|(?<!with )(?<!have )(?<!has )(?<!having )\b(?:no|without an?|without|never an?|neither|nor)(?: \w+){0,2} ?$"
)
"""What before the name of a fault says that there is no such thing here."""
PEOPLE_AFTER = re.compile(
    r"^[^\n]{0,2}(?:者|的|人|居民|市民|读者|即可|方可|才|可以|可)|^ ?(?:who|may|can|people|residents)\b"
)
PEOPLE_BEFORE = re.compile(
    r"\b(?:people|persons?|residents?|citizens?|customers?|users?|members?|readers?|visitors?|those|anyone|whoever|who)\b"
)
"""What beside it says that there are people of that kind, or people without it."""
NOBODY = re.compile(r"(?:没有人|无人|不会有人|并非|不是)[^\n]{0,4}$|\b(?:nobody|no one|none|never|not)(?: \w+){0,2} ?$")
"""What before an exclusion says that nobody is meant."""
NO_LOSS = re.compile(
    r"不影响|不受影响|照常|同样|一样|也可|仍可|也能|不会|不论|无论|不看|不区分|不因|不会失去"
    r"|\b(?:regardless|whatever|no matter|not matter|nothing|same|as well|too|also|everybody|never|not affect)\b"
)
LOSS = re.compile(
    r"不得|不能|禁止|除外|不可以|不予|排除|拒绝|无权|不准|以外|不适用|不许|只限|仅限|限制"
    r"|\b(?:excluded?|except|barred|banned|may not|can ?not|not eligible|not for|only|refused?|denied|without)\b"
)
"""A clause that names a fault may only say that nothing is lost by it."""


def fold(text: str) -> str:
    """A text as it is searched: compatibility forms, simplified, lower case, single spaces, no marks within words."""
    plain = "".join(
        sign for sign in unicodedata.normalize("NFKD", text) if unicodedata.category(sign) not in ("Mn", "Cf")
    )
    wide = unicodedata.normalize("NFKC", plain).translate(TRADITIONAL).casefold()
    kept = re.sub(r"[^\w\s]+|_", " ", wide)
    return re.sub(r"\s+", " ", kept).strip()


def _clauses(text: str) -> str:
    """The folded clauses of a text, a line each; signs that stand alone are letters of one word, not clauses."""
    lines: list[str] = []
    alone = False
    for part in CLAUSES.split(unicodedata.normalize("NFKC", text)):
        single = SINGLE_CHARACTER.fullmatch(part) is not None
        if lines and (single or alone):
            lines[-1] += fold(part)
        else:
            lines.append(fold(part))
        alone = single
    return "\n".join(lines)


@lru_cache(maxsize=2_048)
def _pattern(word: str) -> re.Pattern[str]:
    """A word however it is spaced; Latin words as whole words, in singular or plural."""
    letters = word.replace(" ", "")
    spaced = " ?".join(re.escape(letter) for letter in letters)
    if not word.isascii():
        return re.compile(spaced)
    return re.compile(rf"(?<![a-z0-9]){spaced}(?: ?(?:s|es|ed|ing))?(?![a-z0-9])")


@lru_cache(maxsize=2_048)
def _letters(word: str) -> str:
    return word.replace(" ", "")


@lru_cache(maxsize=TEXT_CACHE_MAX)
def _read(text: str) -> tuple[str, str]:
    """The clauses of a text without what stands in them by chance, and the same without any space.

    A word that is not in the second is not in the first, however it is spaced: most are ruled out so, cheaply.
    """
    lines = _clauses(text)
    for word in HARMLESS_WORDS:
        lines = _pattern(word).sub(" \u25a1 ", lines)
    return lines, lines.replace(" ", "")


def first_match(text: str, words: tuple[str, ...]) -> str | None:
    """The first of the words that a text says, whatever it says of it, or None."""
    lines, squeezed = _read(text)
    return next((word for word in words if _letters(word) in squeezed and _pattern(word).search(lines)), None)


def _said(text: str, words: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    """Every clause that says one of the words, in three parts: before it, and after it, and the whole."""
    lines, squeezed = _read(text)
    likely = [word for word in words if _letters(word) in squeezed]
    for line in lines.split("\n") if likely else ():
        for word in likely:
            for hit in _pattern(word).finditer(line):
                yield line[: hit.start()], line[hit.end() :], line


def prohibited_domain(text: str, *, leniently: bool = False) -> str | None:
    """The prohibited domain that a text is about, or None; `leniently` passes over what says no to it."""
    if not leniently:
        named = next((domain for domain, words in DOMAINS.items() if first_match(text, words)), None)
        return named or (EXCLUSION if first_match(text, FAULT_WORDS) else None)
    for domain, words in DOMAINS.items():
        if any(not _denied(before, after) for before, after, _ in _said(text, words)):
            return domain
    return EXCLUSION if names_faults(text) else None


def names_faults(text: str) -> bool:
    """Whether a text names people by their faults other than to say that there is no such thing, or no loss by it."""
    for before, after, line in _said(text, FAULT_WORDS):
        if NO_SUCH.search(before) and not PEOPLE_AFTER.search(after) and not PEOPLE_BEFORE.search(before):
            continue
        if NO_LOSS.search(line) and not LOSS.search(line):
            continue
        return True
    return False


def excludes_people(text: str) -> bool:
    """Whether a text tells some people that they may not."""
    return any(not NOBODY.search(before) for before, _, _ in _said(text, EXCLUDING_PHRASES))


def labels_people(text: str) -> bool:
    """Whether a text speaks of marking or ranking people in public, other than to say that nobody does."""
    return any(not _denied(before, after) for before, after, _ in _said(text, LABELLING_WORDS))


def is_placeholder(text: str) -> bool:
    """Whether a text is only there because the field is required."""
    squeezed = fold(text).replace(" ", "")
    return squeezed in PLACEHOLDERS or len(squeezed) < 2


def _denied(before: str, after: str) -> bool:
    return bool(DENIED_BEFORE.search(before) or DENIED_AFTER.search(after))
