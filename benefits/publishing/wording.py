"""Scan catalogue texts for prohibited domains, people named by their faults, public labelling and exclusion.

Texts are folded before the scan (width, case, accents, spaces, marks, invisible and traditional characters), so that a
word matches in every spelling. The words are data in `words.toml`, for people to maintain; this module has only the
grammar: a "no" that denies a word, and a "no" that excludes somebody.
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
    {domain: tuple(words) for domain, words in _WORDS["domains"].items()}
)
"""Uses that no benefit may have, each with the words that reveal it."""
FAULT_WORDS = tuple(_WORDS["faults"])
"""Words that name people by something that they did not do or do not have."""
EXCLUSION = "exclusion"
"""The domain that FAULT_WORDS are reported as."""
LABELLING_WORDS = tuple(_WORDS["labelling"])
"""Words that mark or rank people in public."""
EXCLUDING_PHRASES = tuple(_WORDS["shutting_out"])
"""Phrases that tell some people that they may not."""
HARMLESS_WORDS = tuple(_WORDS["innocent"])
"""Longer words that contain one of the others by chance."""
PLACEHOLDERS = frozenset(_WORDS["nothing"])
"""Texts that only fill the field of an offline path or an alternative."""
TEXT_CACHE_MAX = 256
"""Folded texts in the cache; each text is scanned four times in a row."""
CLAUSES = re.compile(r"[,;:!?，。；：！？\n]|\.(?=\s|$)")
SINGLE_CHARACTER = re.compile(r"\s*[\u3400-\u9fff]\s*")
DENIED_BEFORE = re.compile(
    r"(?:(?:不|无|未|勿|非|免|没有|禁止)(?<!无论)[^须需论必管]{0,6}"
    r"|(?:不|不得|不能|不会|绝不|从不|禁止)(?:被)?(?:用于|用作|作为|涉及|与)[^\n]*|与[^\n]{0,12})$"
    r"|\b(?:no|not|never|without|none|neither|nor|nobody|free of|nothing to do with)(?: \w+){0,4} ?$"
    r"|\b(?:not|never|nor)(?: \w+)? (?:used |meant |made )?(?:for|in|as)\b[^\n]*$"
)
"""Matches the part before a word that denies it; "need not" and "whether or not" deny nothing."""
DENIED_AFTER = re.compile(
    r"^[^\n]{0,6}(?:不得|不能|不可|不会|不予|无权|无关|禁止)"
    r"|^(?: \w+){0,3} ?\b(?:may not|must not|can ?not|never|are not|is not|do not|does not|free|cannot)\b"
)
"""Matches the part after a word that denies it, or forbids it to the body that it names."""
NO_SUCH = re.compile(
    r"(?:没有|不设|不建立?|不存在|不使用|不查看?|不看|不参考|不论|无论|不问|不用于|不能用于|不得用于|绝无|并无|无)[^\n]{0,6}$"
    r"|(?<!with )(?<!have )(?<!has )(?<!having )\b(?:no|without an?|without|never an?|neither|nor)(?: \w+){0,2} ?$"
)
"""Matches the part before the name of a fault that denies its existence here."""
PEOPLE_AFTER = re.compile(
    r"^[^\n]{0,2}(?:者|的|人|居民|市民|读者|即可|方可|才|可以|可)|^ ?(?:who|may|can|people|residents)\b"
)
PEOPLE_BEFORE = re.compile(
    r"\b(?:people|persons?|residents?|citizens?|customers?|users?|members?|readers?|visitors?|those|anyone|whoever|who)\b"
)
"""Match words next to the name of a fault that speak of people who have it or lack it."""
NOBODY = re.compile(r"(?:没有人|无人|不会有人|并非|不是)[^\n]{0,4}$|\b(?:nobody|no one|none|never|not)(?: \w+){0,2} ?$")
"""Matches the part before an excluding phrase that takes it back: nobody is meant."""
NO_LOSS = re.compile(
    r"不影响|不受影响|照常|同样|一样|也可|仍可|也能|不会|不论|无论|不看|不区分|不因|不会失去"
    r"|\b(?:regardless|whatever|no matter|not matter|nothing|same|as well|too|also|everybody|never|not affect)\b"
)
LOSS = re.compile(
    r"不得|不能|禁止|除外|不可以|不予|排除|拒绝|无权|不准|以外|不适用|不许|只限|仅限|限制"
    r"|\b(?:excluded?|except|barred|banned|may not|can ?not|not eligible|not for|only|refused?|denied|without)\b"
)
"""NO_LOSS without LOSS: a clause may name a fault only to promise that nothing is lost by it."""


def fold(text: str) -> str:
    """Normalise a text for the scan: NFKC, simplified characters, lower case, single spaces, no marks."""
    plain = "".join(
        sign for sign in unicodedata.normalize("NFKD", text) if unicodedata.category(sign) not in ("Mn", "Cf")
    )
    wide = unicodedata.normalize("NFKC", plain).translate(TRADITIONAL).casefold()
    separated = re.sub(r"[^\w\s]+|_", " ", wide)
    return re.sub(r"\s+", " ", separated).strip()


def _clauses(text: str) -> str:
    """The folded clauses of a text, a line each; single characters between marks are joined to a word."""
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
    """A pattern of a word with any spacing; Latin words as whole words, in singular or plural."""
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
    """Return the clauses of a text without HARMLESS_WORDS, and the same without spaces.

    A word that is not in the second is not in the first in any spacing: a substring search rules out most words.
    """
    lines = _clauses(text)
    for word in HARMLESS_WORDS:
        lines = _pattern(word).sub(" \u25a1 ", lines)
    return lines, lines.replace(" ", "")


def first_match(text: str, words: tuple[str, ...]) -> str | None:
    """Return the first of the words that a text contains, denied or not, or None."""
    lines, squeezed = _read(text)
    return next((word for word in words if _letters(word) in squeezed and _pattern(word).search(lines)), None)


def _occurrences(text: str, words: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    """Yield (part before the word, part after it, whole clause) for every occurrence of the words."""
    lines, squeezed = _read(text)
    likely = [word for word in words if _letters(word) in squeezed]
    for line in lines.split("\n") if likely else ():
        for word in likely:
            for hit in _pattern(word).finditer(line):
                yield line[: hit.start()], line[hit.end() :], line


def prohibited_domain(text: str, *, leniently: bool = False) -> str | None:
    """Return the prohibited domain that a text is about, or None; `leniently` ignores denied words."""
    if not leniently:
        named = next((domain for domain, words in DOMAINS.items() if first_match(text, words)), None)
        return named or (EXCLUSION if first_match(text, FAULT_WORDS) else None)
    for domain, words in DOMAINS.items():
        if any(not _denied(before, after) for before, after, _ in _occurrences(text, words)):
            return domain
    return EXCLUSION if names_faults(text) else None


def names_faults(text: str) -> bool:
    """Return True if a text names people by their faults other than to deny that, or to promise no loss by it."""
    for before, after, line in _occurrences(text, FAULT_WORDS):
        if NO_SUCH.search(before) and not PEOPLE_AFTER.search(after) and not PEOPLE_BEFORE.search(before):
            continue
        if NO_LOSS.search(line) and not LOSS.search(line):
            continue
        return True
    return False


def excludes_people(text: str) -> bool:
    """Return True if a text tells some people that they may not."""
    return any(not NOBODY.search(before) for before, _, _ in _occurrences(text, EXCLUDING_PHRASES))


def labels_people(text: str) -> bool:
    """Return True if a text speaks of marking or ranking people in public, other than to deny it."""
    return any(not _denied(before, after) for before, after, _ in _occurrences(text, LABELLING_WORDS))


def is_placeholder(text: str) -> bool:
    """Return True if a text only fills a required field."""
    squeezed = fold(text).replace(" ", "")
    return squeezed in PLACEHOLDERS or len(squeezed) < 2


def _denied(before: str, after: str) -> bool:
    return bool(DENIED_BEFORE.search(before) or DENIED_AFTER.search(after))
