"""Every place that a new record kind, effect, attribute, provider kind, service kind or scene must be added to.

Each test names all places that are missing, so that somebody who adds a word is led from one to the next. A word that
is nowhere must be missing everywhere: that shows that every check can fail.
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from pathlib import Path

import pytest

from benefits import models
from benefits.catalogue.schema import CONDITION_SCHEMA, EFFECT_SCHEMA, BaselineDocument
from benefits.publishing.sentences.vocabulary import VOCABULARY
from benefits.rules import effects
from benefits.rules.effects import EFFECTS
from benefits.rules.vocabulary import (
    ATTRIBUTES_OF_SERVICE,
    SERVICES_OF_PROVIDER,
    Attribute,
    EffectKind,
    ProviderKind,
    Scene,
    ServiceKind,
)
from benefits.scoring import scheme
from benefits.statistics import population
from consent.database import queries
from consent.domain.records import KINDS_OF_CATEGORY, Dimension, RecordKind
from service.i18n import names
from service.web.forms import fields
from service.web.i18n import labels
from tests.benefits.scoring import recount

ROOT = Path(__file__).parents[2]
NOWHERE = "word_of_nowhere"
"""A word that is in no table: every place must miss it."""
OPENAPI = "docs/openapi.json, by `credit-easy openapi > docs/openapi.json`"
RECORD_TABLES = ("record",)
"""Tables of the consent package with a column `kind` of record kinds."""

Places = Mapping[str, Callable[[], Collection[str]]]
"""The instruction for a place, and the words that are there."""


def missing(words: Collection[str], places: Places) -> list[str]:
    """Return one line for each word and each place that lacks it."""
    there = {place: {str(known) for known in read()} for place, read in places.items()}
    return [f"add {word} to {place}" for word in words for place, known in there.items() if str(word) not in known]


def of_both_languages(table: Mapping[str, tuple[str, str]]) -> list[str]:
    return [word for word, text in table.items() if all(part.strip() for part in text)]


def effects_of_sentences(group: str) -> list[str]:
    """Effects that have a sentence of their own in a group of recommended sentences."""
    own = [sentence for sentence in VOCABULARY.sentences if sentence.group == group]
    return [effect for sentence in own if len(sentence.effects) == 1 for effect in sentence.effects]


def declared_effects() -> list[str]:
    """Effects whose class declares everything; a limit of its own only where there is an amount."""
    return [
        kind
        for kind, effect in EFFECTS.items()
        if all(hasattr(effect, part) for part in ("attribute", "suits", "improve"))
        and ("limit" in vars(effect) or not effects.amount_names(effect))
    ]


def openapi_words() -> set[str]:
    return set(re.findall(r'"([a-z_.]+)"', (ROOT / "docs" / "openapi.json").read_text(encoding="utf-8")))


RECORD_KINDS: Places = {
    "KINDS_OF_CATEGORY in consent/domain/records.py": lambda: frozenset[str]().union(*KINDS_OF_CATEGORY.values()),
    "the newest scheme of benefits/schemes, as an indicator (in a running city: a new scheme)": (
        lambda: [indicator["kind"] for indicator in scheme.shipped()[-1]["indicators"]]
    ),
    "FrozenPoints in benefits/models.py, as a column": lambda: list(models.FrozenPoints._meta.fields_map),
    "[kind] in service/web/i18n/labels.toml": lambda: of_both_languages(labels.LABELS["kind"]),
    "[unit] (several) in service/web/i18n/labels.toml": lambda: of_both_languages(labels.LABELS["unit"]),
    "[unit_singular] in service/web/i18n/labels.toml": lambda: of_both_languages(labels.LABELS["unit_singular"]),
    OPENAPI: openapi_words,
    "RATES in tests/benefits/scoring/recount.py": lambda: list(recount.RATES),
}
DIMENSIONS: Places = {
    "the newest scheme of benefits/schemes, with its cap": (
        lambda: [row["dimension"] for row in scheme.shipped()[-1]["dimensions"]]
    ),
    "FrozenPoints in benefits/models.py, as a column": lambda: list(models.FrozenPoints._meta.fields_map),
    "[measures] in benefits/publishing/sentences/sentences.toml": lambda: list(VOCABULARY.words.measures),
    "[measure] in service/web/i18n/labels.toml": lambda: of_both_languages(labels.LABELS["measure"]),
    "the measures of CONDITION_SCHEMA in benefits/catalogue/schema.py": (
        lambda: re.findall(r"\w+", json.dumps(CONDITION_SCHEMA))
    ),
}
EFFECT_KINDS: Places = {
    "Effect in benefits/rules/effects.py, by a class that declares attribute, suits, limit and improve": (
        declared_effects
    ),
    "[effect_kinds] in service/i18n/names.toml": lambda: of_both_languages(names.EFFECT_KINDS),
    "[effect] in service/web/i18n/labels.toml": lambda: of_both_languages(labels.EFFECTS),
    "EFFECT_SCHEMA in benefits/catalogue/schema.py": lambda: re.findall(r"\w+", json.dumps(EFFECT_SCHEMA)),
    "benefits/publishing/sentences/sentences.toml, as `effects` of a title": lambda: effects_of_sentences("title"),
    "benefits/publishing/sentences/sentences.toml, as `effects` of a description": lambda: effects_of_sentences(
        "effect"
    ),
    OPENAPI: openapi_words,
}
ATTRIBUTES: Places = {
    "BaselineDocument in benefits/catalogue/schema.py": lambda: list(BaselineDocument.model_fields),
    "[services] in service/web/forms/labels.toml, as /baseline/…": lambda: of_both_languages(
        {
            pointer.removeprefix("/baseline/"): label
            for pointer, label in fields.LABELS["services"].items()
            if pointer.startswith("/baseline/")
        }
    ),
    "benefits/publishing/sentences/sentences.toml, in a sentence with `unchanged.…`": lambda: [
        fact.removeprefix("unchanged.") for sentence in VOCABULARY.sentences for fact in sentence.needs
    ],
    "[attribute] in service/web/i18n/labels.toml": lambda: of_both_languages(labels.ATTRIBUTES),
}
PROVIDER_KINDS: Places = {
    "SERVICES_OF_PROVIDER in benefits/rules/vocabulary.py": lambda: list(SERVICES_OF_PROVIDER),
    "[provider_kinds] in service/i18n/names.toml": lambda: of_both_languages(names.PROVIDER_KINDS),
}
SERVICE_KINDS: Places = {
    "ATTRIBUTES_OF_SERVICE in benefits/rules/vocabulary.py": lambda: list(ATTRIBUTES_OF_SERVICE),
    "SERVICES_OF_PROVIDER in benefits/rules/vocabulary.py, at a kind of provider": (
        lambda: frozenset[str]().union(*SERVICES_OF_PROVIDER.values())
    ),
    "`suits` of at least one effect in benefits/rules/effects.py": (
        lambda: [kind for kind in ServiceKind if effects.suited_to(kind)]
    ),
    "[service_kinds] in service/i18n/names.toml": lambda: of_both_languages(names.SERVICE_KINDS),
}
SCENES: Places = {
    "[scene] in service/web/i18n/labels.toml": lambda: of_both_languages(labels.LABELS["scene"]),
    "service/demo/city/benefits.yaml, with a lawful benefit": lambda: re.findall(
        r"scene: (\w+)", (ROOT / "service" / "demo" / "city" / "benefits.yaml").read_text(encoding="utf-8")
    ),
}
VOCABULARIES: tuple[tuple[type[StrEnum], Places], ...] = (
    (RecordKind, RECORD_KINDS),
    (Dimension, DIMENSIONS),
    (EffectKind, EFFECT_KINDS),
    (Attribute, ATTRIBUTES),
    (ProviderKind, PROVIDER_KINDS),
    (ServiceKind, SERVICE_KINDS),
    (Scene, SCENES),
)


@pytest.mark.parametrize(("words", "places"), VOCABULARIES, ids=lambda value: getattr(value, "__name__", ""))
def test_every_word_is_in_every_place(words: type[StrEnum], places: Places) -> None:
    assert not (left_out := missing(list(words), places)), "\n".join(left_out)


@pytest.mark.parametrize(("words", "places"), VOCABULARIES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_word_that_is_nowhere_is_missed_in_every_place(words: type[StrEnum], places: Places) -> None:
    assert NOWHERE not in list(words)
    assert missing([NOWHERE], places) == [f"add {NOWHERE} to {place}" for place in places]


@pytest.mark.parametrize(("words", "places"), VOCABULARIES, ids=lambda value: getattr(value, "__name__", ""))
def test_no_place_has_a_label_of_a_word_that_is_gone(words: type[StrEnum], places: Places) -> None:
    known = {str(word) for word in words} | {"total"}
    for place, read in places.items():
        if "labels.toml" in place or "names.toml" in place or "BaselineDocument" in place:
            assert {str(word) for word in read()} <= known, f"remove from {place}"


@pytest.mark.parametrize("kind", EFFECTS)
def test_the_texts_of_an_effect_name_its_amount(kind: EffectKind) -> None:
    amounts = set(effects.amount_names(EFFECTS[kind]))
    for text in labels.EFFECTS[kind]:
        named = {name for _, name, _, _ in string.Formatter().parse(text) if name}
        assert named == amounts, f"{kind} of [effect] in service/web/i18n/labels.toml names {named}, not {amounts}"


@pytest.mark.anyio
async def test_the_database_takes_every_record_kind_and_dimension(opened: str) -> None:
    """The CHECK of the tables as they are after every migration, and the columns of the frozen population."""
    left_out = []
    for table in RECORD_TABLES:
        allowed = await checked_words(table, "kind")
        left_out += missing(list(RecordKind), {f"the CHECK of {table}.kind by a migration of consent": lambda: allowed})  # noqa: B023
        assert NOWHERE not in allowed
    columns = await columns_of("frozen_points")
    place = "frozen_points as a column, by a migration of benefits"
    left_out += missing([*RecordKind, *Dimension, *population.MEASURES], {place: lambda: columns})
    assert not left_out, "\n".join(left_out)
    assert missing([NOWHERE], {place: lambda: columns})


async def checked_words(table: str, column: str) -> set[str]:
    """The words of the CHECK on a column, from the database's own catalogue."""
    if queries.is_sqlite():
        row = await queries.fetch_one("SELECT sql AS text FROM sqlite_master WHERE type = 'table' AND name = $1", table)
        assert row is not None
        match = re.search(rf"CHECK\s*\({column} IN \(([^)]*)\)", row["text"])
        assert match is not None, f"{table} has no CHECK of {column}"
        return set(re.findall(r"'(\w+)'", match[1]))
    rows = await queries.fetch_all(
        "SELECT pg_get_constraintdef(oid) AS text FROM pg_constraint WHERE conrelid = $1::text::regclass"
        " AND contype = 'c'",
        table,
    )
    texts = [row["text"] for row in rows if re.search(rf"\(\(?{column} = ANY", row["text"])]
    assert texts, f"{table} has no CHECK of {column}"
    return set(re.findall(r"'(\w+)'", texts[0]))


async def columns_of(table: str) -> set[str]:
    if queries.is_sqlite():
        rows = await queries.fetch_all("SELECT name FROM pragma_table_info($1)", table)
    else:
        rows = await queries.fetch_all(
            "SELECT column_name AS name FROM information_schema.columns WHERE table_name = $1", table
        )
    return {row["name"] for row in rows}
