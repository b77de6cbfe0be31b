"""Denials: a "no" that takes a word back, and one that excludes somebody. Pure; on folded clauses.

A denial is an opinion for the officer and the author. In titles, names and ids denied words count like others.
"""

from __future__ import annotations

import re
from enum import StrEnum

from benefits.publishing.word_list import word_list


class Denial(StrEnum):
    """The strength with which the words around a word take it back."""

    NONE = "none"
    WEAK = "weak"
    """A "no" stands near, and may belong to something else."""
    STRONG = "strong"


STRONG_BEFORE = re.compile(
    r"(?:不|无|未|勿|免|没有|禁止|并非|绝无)(?:得|会|能|再|有|任何|收取?|另|看|问|查看?|设|建立?|存在|使用|参考|涉及|是)*$"
    r"|(?:不|不得|不能|不会|绝不|从不|禁止)(?:被)?(?:用于|用作|作为|涉及)[^\n]*$"
    r"|\b(?:no|not|never|without|neither|nor|free of|nothing to do with)"
    r"(?: (?:a|an|any|the|in|as|about|such|public))* ?$"
    r"|\b(?:nothing|nobody|no one) (?:is|are|was|gets?) $"
    r"|\b(?:not|never|nor)(?: \w+)? (?:used |meant |made )?(?:for|in|as)\b[^\n]*$"
)
"""Matches the part before a word that denies the word itself."""
WEAK_BEFORE = re.compile(
    r"(?:不|无|未|勿|免|没有|禁止)[^\n]{0,6}$"
    r"|\b(?:no|not|never|without|none|neither|nor|nobody)(?: \w+){0,4} ?$"
)
STRONG_AFTER = re.compile(
    r"^[^\n]{0,6}(?:不得|无权|无关|不可以?查|不能查)"
    r"|^(?: \w+){0,2} ?\b(?:may not|must not|cannot|can not|never)\b"
)
"""Matches the part after a word that denies it, or forbids it to the body that it names."""
WEAK_AFTER = re.compile(
    r"^[^\n]{0,6}(?:不得|不能|不可|不会|不予|禁止)"
    r"|^(?: \w+){0,3} ?\b(?:may not|must not|can ?not|never|are not|is not|do not|does not|free)\b"
)
NO_SUCH = re.compile(
    r"(?:没有|不设|不建立?|不存在|不使用|不查看?|不看|不参考|不论(?!如何)|无论(?!如何)|不问|不用于|不能用于|不得用于|绝无|并无|无(?!论))[^\n]{0,6}$"
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
REGARDLESS = re.compile(
    r"(?:不限|不分|不论|无论|不问|不看|不因)[^\n]{0,6}$|\b(?:regardless of|irrespective of|whatever|any)"
    r"(?: \w+){0,4} ?$"
)
"""Matches the part before a trait of persons that makes no difference."""
NO_LOSS = re.compile(
    r"不影响|不受影响|照常|同样|一样|也可|仍可|也能|不会|不论|无论|不看|不区分|不因|不会失去"
    r"|\b(?:regardless|whatever|no matter|not matter|nothing|same|as well|also|everybody|never|not affect)\b"
)
LOSS = re.compile(
    r"不得|不能|禁止|除外|不可以|不予|排除|拒绝|无权|不准|以外|不适用|不许|只限|仅限|限制|最后|靠后|延后|推迟|等候|另|多[付交收]|加收|后面|之后"
    r"|\b(?:excluded?|except|barred|banned|may not|can ?not|not eligible|not for|only|refused?|denied|without"
    r"|behind|last|later|after|outside|longer|more|extra|back of)\b"
)
"""NO_LOSS without LOSS: a clause may name a fault only to promise that nothing is lost by it."""


def denial(before: str, after: str) -> Denial:
    """Return how strongly a clause denies the word between its two parts."""
    before = word_list().without_false_denials(before)
    if STRONG_BEFORE.search(before) or STRONG_AFTER.search(after):
        return Denial.STRONG
    if WEAK_BEFORE.search(before) or WEAK_AFTER.search(after):
        return Denial.WEAK
    return Denial.NONE


def fault_denial(before: str, word: str, after: str, following: str) -> Denial:
    """Return STRONG for the name of a fault that a clause denies, or names to promise that nothing is lost by it.

    `following` is the next clause, which may take the promise back.
    """
    if NO_SUCH.search(before) and not PEOPLE_AFTER.search(after) and not PEOPLE_BEFORE.search(before):
        return Denial.STRONG
    clause = f"{before}{word}{after}"
    if NO_LOSS.search(clause) and not LOSS.search(word_list().without_false_denials(f"{clause}\n{following}")):
        return Denial.STRONG
    return Denial.NONE


def exclusion_denial(before: str) -> Denial:
    """Return STRONG for an excluding phrase of which the part before says that nobody is meant."""
    return Denial.STRONG if NOBODY.search(word_list().without_false_denials(before)) else Denial.NONE


def trait_denial(before: str) -> Denial:
    """Return STRONG for a trait of persons that makes no difference; "no foreigners" is a limit and no denial."""
    return Denial.STRONG if REGARDLESS.search(before) else Denial.NONE


def speaks_of_the_needy(before: str, after: str) -> bool:
    """Return True if the words around a word of social protection name people in need, not a use."""
    words = word_list()
    return after.lstrip().startswith(words.needy_after) or any(
        before.rstrip() == word or before.rstrip().endswith(word if not word.isascii() else f" {word}")
        for word in words.needy_before
    )
