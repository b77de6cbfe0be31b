"""Fields of the forms of catalogue documents: place, input type, choices and label. Pure.

The publication rules alone say what a document must contain; this module only says how it is typed. Labels are in
labels.toml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from benefits.catalogue.recognition import RECOGNISED_MAX
from benefits.catalogue.schema import MODELS
from benefits.rules.vocabulary import Attribute, CommitmentKind, Period, ProviderKind, Scene, ServiceKind
from benefits.scoring.scheme import TIERS_MAX
from consent.documents.schema import HEADINGS
from consent.domain.purposes import Purpose
from consent.domain.records import Dimension, RecordKind, SourceCategory
from consent.kernel.bilingual import LANGUAGES
from service.web.i18n.text_tables import BilingualText, load_groups

INDICATORS_MAX = 30
"""Indicators of one form; there are seven kinds of records."""
SCHEME_FORMS_MAX = 64
"""Forms of schemes that stay in memory; each number of indicators and steps has its own."""
LABELS = load_groups("service.web.forms", "labels.toml")
MEMBER = re.compile(r"/([0-9]+)(?=/|$)")
"""The number of a list's member in a JSON pointer."""
PREFIXES = {"number": "n", "money": "m", "flag": "f"}
"""First letter of a field's name by its type; every other type is text, `t`."""


NO_LABEL = BilingualText("", "")
"""Stands in a field until `_labelled` replaces it."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its place in the document as a JSON pointer, its input type, and the codes to choose from."""

    pointer: str
    type: str
    choices: tuple[str, ...] = ()
    group: str = ""
    """Group of labels that has the choices' names; for type `document`, the kind to choose from."""
    section: str = ""
    """Step of the editor, or pointer of the list's member, whose section of the form has the field; "" for none."""
    label: BilingualText = NO_LABEL
    optional: bool = False
    """True for a member of the document, or a part of one, that may be left out."""

    @property
    def name(self) -> str:
        """Name of the form field: its type's letter and its pointer, for example `n:/baseline/items`."""
        return f"{PREFIXES.get(self.type, 't')}:{self.pointer}"


def _text(pointer: str) -> Field:
    return Field(pointer, "text")


def _in_both_languages(pointer: str, type_: str = "text") -> tuple[Field, ...]:
    return tuple(Field(f"{pointer}/{language}", type_) for language in LANGUAGES)


def _in_step(step: str, *fields: Field) -> tuple[Field, ...]:
    """Put fields into a step of the editor, named by `editor_step` in labels.toml."""
    return tuple(replace(field, section=step) for field in fields)


def _document(pointer: str, kind: str) -> Field:
    return Field(pointer, "document", group=kind)


def _attribute(name: Attribute) -> Field:
    """Return the field of an attribute of a baseline; amounts of money are typed in yuan."""
    if name is Attribute.DELIVERY:
        return Field(f"/baseline/{name}", "flag")
    return Field(f"/baseline/{name}", "money" if name.endswith("_fen") else "number")


def _choice(pointer: str, choices: Iterable[str], group: str = "") -> Field:
    return Field(pointer, "choice", tuple(str(choice) for choice in choices), group)


_UNLABELLED: Mapping[str, tuple[Field, ...]] = {
    "providers": (
        _text("/provider_id"),
        _choice("/kind", ProviderKind, "provider_kind"),
        *_in_both_languages("/name"),
        Field("/division", "division"),
        _text("/owner_id"),
    ),
    "venues": (
        _text("/venue_id"),
        _document("/provider_id", "providers"),
        *_in_both_languages("/name"),
        Field("/division", "division"),
        _text("/client_id"),
        *_in_both_languages("/address"),
        _text("/hours"),
        _text("/geo"),
    ),
    "sources": (
        _text("/source_id"),
        *_in_both_languages("/name"),
        _choice("/category", SourceCategory, "category"),
        Field("/kinds", "choices", tuple(RecordKind), "kind"),
        Field("/division", "division"),
        _text("/client_id"),
        Field("/onboarding/legal_basis", "prose"),
        Field("/onboarding/voluntary", "flag"),
        Field("/onboarding/independent_of_employer_landlord_school_penal", "flag"),
        _text("/onboarding/assessment_id"),
    ),
    "services": (
        _text("/service_id"),
        _document("/provider_id", "providers"),
        _choice("/kind", ServiceKind, "service_kind"),
        *_in_both_languages("/name"),
        *_in_step(
            "baseline",
            *(_attribute(name) for name in Attribute),
            _choice("/capacity_period", Period, "period"),
            Field("/evidence", "prose"),
        ),
    ),
    "benefits": (
        *_in_step(
            "what",
            _text("/benefit_id"),
            *_in_both_languages("/title"),
            _document("/service_id", "services"),
            _choice("/scene", Scene, "scene"),
            Field("/division", "division"),
        ),
        *_in_step("whom", Field("/condition", "condition")),
        *_in_step(
            "much",
            Field("/effect", "effect"),
            Field("/quota/per_resident/count", "number"),
            _choice("/quota/per_resident/period", Period, "period"),
            Field("/quota/total/count", "number"),
            _choice("/quota/total/period", Period, "period"),
            Field("/budget/monthly_fen", "money"),
            Field("/budget/unit_cost_fen", "money"),
            _choice("/commitment/kind", CommitmentKind, "commitment"),
            Field("/commitment/within_days", "number"),
            Field("/valid/from", "day"),
            Field("/valid/until", "day"),
        ),
        *_in_step(
            "words",
            *_in_both_languages("/description", "prose"),
            *_in_both_languages("/terms", "prose"),
            *_in_both_languages("/need_based_alternative", "prose"),
            *_in_both_languages("/offline_path", "prose"),
        ),
        *_in_step("check", _text("/assessment_id")),
    ),
    "notices": (
        _text("/notice_id"),
        _choice("/purpose", Purpose, "purpose"),
        _text("/counterpart"),
        Field("/material", "flag"),
        *(
            Field(f"/languages/{language}/{clause}", "text" if clause in ("title", "controller_name") else "prose")
            for language in LANGUAGES
            for clause in ("title", *HEADINGS)
            if clause != "counterpart"
        ),
    ),
    "issuers": (
        _text("/issuer_id"),
        *_in_both_languages("/name"),
        _text("/url"),
        Field("/division", "division"),
        _text("/keys_sha256"),
    ),
}


def _recognised_fields(rows: int) -> Iterator[Field]:
    """Yield the fields of `rows` types of pass that an issuer lists."""
    for row in range(rows):
        yield _text(f"/recognises/{row}/vct")
        yield _document(f"/recognises/{row}/benefit_id", "benefits")


def _label(kind: str, pointer: str) -> BilingualText:
    """Return a field's label from labels.toml, its pointer if there is no entry (a test refuses that)."""
    if kind == "notices" and pointer.startswith("/languages/"):
        _, _, language, clause = pointer.split("/")
        heading = HEADINGS.get(clause)
        name = BilingualText(heading["zh-CN"], heading["en"]) if heading else LABELS[kind]["/languages/*/title"]
        return _with_suffix(name, language)
    parent, _, last = pointer.rpartition("/")
    if last in LANGUAGES:
        return _with_suffix(_label(kind, parent), last)
    pattern = MEMBER.sub("/*", pointer)
    label = LABELS[kind].get(pattern) or LABELS["all"].get(pattern) or BilingualText(pointer, pointer)
    members = MEMBER.findall(pointer)
    return BilingualText(*(text.format(int(members[-1]) + 1) for text in label)) if members else label


def _with_suffix(name: BilingualText, language: str) -> BilingualText:
    suffix = LABELS["language_suffix"][language]
    return BilingualText(suffix.zh.format(name.zh), suffix.en.format(name.en))


def _labelled(kind: str, fields: Iterable[Field]) -> tuple[Field, ...]:
    return tuple(
        replace(field, label=_label(kind, field.pointer), optional=_is_optional(kind, field.pointer))
        for field in fields
    )


def _is_optional(kind: str, pointer: str) -> bool:
    """Report whether the schema of the kind lets the member that encloses the pointer be left out."""
    member = MODELS[kind].model_fields.get(pointer.split("/")[1]) if kind in MODELS else None
    return member is not None and not member.is_required()


FIELDS: Mapping[str, tuple[Field, ...]] = {kind: _labelled(kind, fields) for kind, fields in _UNLABELLED.items()}
"""Fields of each kind except those of lists: the indicators of schemes, the types of issuers."""
_INDEX = {kind: {field.pointer: field for field in fields} for kind, fields in FIELDS.items()}


def fields_of(kind: str, document: Mapping[str, Any]) -> tuple[Field, ...]:
    """Return the fields of a document's form.

    A scheme has fields for all its indicators and steps, an issuer for all its types, and for one more of each.
    """
    return _form(kind, document)[0]


def by_pointer(kind: str, document: Mapping[str, Any]) -> Mapping[str, Field]:
    """Return the fields of a document's form by their JSON pointers."""
    return _form(kind, document)[1]


def references(kind: str, document: Mapping[str, Any]) -> list[Field]:
    """Return the fields of a document's form that name another document by its id."""
    return [field for field in fields_of(kind, document) if field.type == "document"]


def _form(kind: str, document: Mapping[str, Any]) -> tuple[tuple[Field, ...], Mapping[str, Field]]:
    if kind == "schemes":
        return _scheme_form(_form_shape(document))
    if kind == "issuers":
        rows = document.get("recognises")
        return _issuer_form(min(len(rows) if isinstance(rows, list | tuple) else 0, RECOGNISED_MAX - 1) + 1)
    return FIELDS[kind], _INDEX[kind]


@lru_cache(maxsize=RECOGNISED_MAX)
def _issuer_form(rows: int) -> tuple[tuple[Field, ...], Mapping[str, Field]]:
    fields = (*FIELDS["issuers"], *_labelled("issuers", _recognised_fields(rows)))
    return fields, {field.pointer: field for field in fields}


def _form_shape(document: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the number of steps of each indicator of a scheme, 0 for an empty one at the end."""
    indicators = document.get("indicators")
    counted = indicators[:INDICATORS_MAX] if isinstance(indicators, list | tuple) else []
    return (*(_step_count(indicator) for indicator in counted), 0)


def _step_count(indicator: Any) -> int:
    tiers = indicator.get("tiers") if isinstance(indicator, Mapping) else None
    return min(len(tiers), TIERS_MAX) if isinstance(tiers, list | tuple) else 0


@lru_cache(maxsize=SCHEME_FORMS_MAX)
def _scheme_form(steps: tuple[int, ...]) -> tuple[tuple[Field, ...], Mapping[str, Field]]:
    fields = [
        _text("/version"),
        Field("/from_year", "number"),
        Field("/reference", "prose"),
        *_in_both_languages("/title"),
    ]
    for index in range(len(Dimension)):
        at = f"/dimensions/{index}"
        fields += [
            replace(_choice(f"{at}/dimension", Dimension, "measure"), section=at),
            Field(f"{at}/cap", "number", section=at),
        ]
    for index, count in enumerate(steps):
        at = f"/indicators/{index}"
        fields += [replace(field, section=at) for field in _indicator_fields(at, count)]
    labelled = _labelled("schemes", fields)
    return labelled, {field.pointer: field for field in labelled}


def _indicator_fields(at: str, steps: int) -> Iterator[Field]:
    yield _choice(f"{at}/kind", RecordKind, "kind")
    yield _choice(f"{at}/dimension", Dimension, "measure")
    yield Field(f"{at}/yearly_cap", "number")
    yield Field(f"{at}/validity_months", "number")
    yield _text(f"{at}/reference")
    yield from _in_both_languages(f"{at}/unit")
    for tier in range(min(steps + 1, TIERS_MAX)):
        yield Field(f"{at}/tiers/{tier}/up_to", "number")
        yield Field(f"{at}/tiers/{tier}/units", "number")
        yield Field(f"{at}/tiers/{tier}/points", "number")
