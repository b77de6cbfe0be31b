"""The two purposes a consent can have, and the uses that are barred, each with the sentence it comes from.

Nothing can be done with a person's records or points for which there is no purpose here, and no consent can be given
for anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from consent.kernel import bilingual


class Purpose(StrEnum):
    """What a consent can be for. Closed: research, advertising and requests by authorities are not among them."""

    POINTS_COMPUTE = "points.compute"
    BENEFIT_CHECK = "benefit.check"


@dataclass(frozen=True, slots=True)
class Reference:
    """A sentence or clause that forbids a use: as it is announced, and in both languages.

    `original` is quoted word for word, as it was published; `means` says it in each language.
    """

    text: str
    where_zh: str
    where_en: str
    original: str = ""
    means_zh: str = ""
    means_en: str = ""


@dataclass(frozen=True, slots=True)
class BarredUse:
    """A use that points can never have: why it cannot happen here, and the sentences or clauses that forbid it."""

    code: str
    title_zh: str
    title_en: str
    reason_zh: str
    reason_en: str
    references: tuple[Reference, ...]

    @property
    def reference(self) -> str:
        """Where it comes from, in one line; the policy log announces it so."""
        return "; ".join(one.text for one in self.references)


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
