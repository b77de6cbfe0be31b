"""The two purposes of a consent, and the uses that are barred, each with the sentence of law or plan that bars it.

A use of a person's records or points without a purpose here is impossible: no consent can be given for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from consent.kernel import bilingual

COUNTED_PER_PERSON = 5
"""Live consents of one person and purpose that figures count: more would need more noise for everybody."""


class Purpose(StrEnum):
    """The purposes of a consent. Closed: research, advertising and requests by authorities are not among them."""

    POINTS_COMPUTE = "points.compute"
    BENEFIT_CHECK = "benefit.check"


@dataclass(frozen=True, slots=True)
class Reference:
    """A sentence or clause that forbids a use: the announced text, and its place and meaning in both languages.

    `original` is a literal quotation; `means_zh` and `means_en` restate it.
    """

    text: str
    where_zh: str
    where_en: str
    original: str = ""
    means_zh: str = ""
    means_en: str = ""


@dataclass(frozen=True, slots=True)
class BarredUse:
    """A use that points can never have: the reason it is impossible here, and the clauses that forbid it."""

    code: str
    title_zh: str
    title_en: str
    reason_zh: str
    reason_en: str
    references: tuple[Reference, ...]

    @property
    def reference(self) -> str:
        """Return the references in one line, the form that the policy log announces."""
        return "; ".join(reference.text for reference in self.references)


def _reference(code: str, table: Mapping[str, Any]) -> Reference:
    where_zh, where_en = bilingual.pair(table["where"], f"references.{code}.where")
    original = table.get("original", "")
    means_zh, means_en = bilingual.pair(table["means"], f"references.{code}.means") if original else ("", "")
    return Reference(table["announced"], where_zh, where_en, original, means_zh, means_en)


def _barred_uses() -> tuple[BarredUse, ...]:
    tables = bilingual.load("consent.domain", "barred_uses.toml")
    references = {code: _reference(code, table) for code, table in tables["references"].items()}
    return tuple(
        BarredUse(
            use["code"],
            *bilingual.pair(use["title"], f"uses.{use['code']}.title"),
            *bilingual.pair(use["reason"], f"uses.{use['code']}.reason"),
            tuple(references[code] for code in use["references"]),
        )
        for use in tables["uses"]
    )


BARRED_USES = _barred_uses()
"""Uses that points can never have, from `barred_uses.toml`, in the order in which the public API lists them."""
