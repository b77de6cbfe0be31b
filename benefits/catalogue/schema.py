"""Schemas of providers, venues, services and benefits, strict and closed.

A document that does not fit is refused before any publication rule reads it: kinds that are not listed, conditions
other than "at least" and effects that do not add cannot be written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from benefits.rules import conditions, effects
from benefits.rules.conditions import Condition
from benefits.rules.effects import EFFECTS, Effect
from benefits.rules.vocabulary import AMOUNT_MAX, Period, ProviderKind, Scene, ServiceKind
from consent.documents import schema
from consent.documents.schema import (
    AssessmentId,
    ClientId,
    Closed,
    Division,
    DocumentId,
    LongText,
    Name,
    NoticeDocument,
    Prose,
    SourceDocument,
    StrictDocument,
)
from consent.kernel.civil_day import parse_civil_day
from consent.kernel.faults import Faulty


def _civil_day(value: object) -> object:
    """Accept a civil day only as YYYY-MM-DD in ASCII digits."""
    if isinstance(value, date) and type(value) is date:
        return value
    day = parse_civil_day(value) if isinstance(value, str) else None
    if day is None:
        raise PydanticCustomError("civil_day_expected", "a civil day is written YYYY-MM-DD")
    return day


def _stated(value: object) -> object:
    """Refuse null: a member is stated or left out."""
    if value is None:
        raise PydanticCustomError("null_forbidden", "leave the member out instead of null")
    return value


def _parsed(parse: Callable[[object], Any]) -> Callable[[object], Any]:
    """Return a parser as a pydantic validator; the pointer of its fault is passed on in the error's context."""

    def validate(value: object) -> Any:
        try:
            return parse(value)
        except Faulty as error:
            raise PydanticCustomError(
                error.code,
                error.fault.detail.replace("{", "{{").replace("}", "}}"),
                {**error.fault.values, "pointer": error.pointer},
            ) from None

    return validate


_LEAF = {
    "type": "object",
    "properties": {
        "measure": {"enum": sorted(conditions.MEASURES)},
        "at_least": {"type": "integer", "minimum": 1},
    },
    "required": ["measure", "at_least"],
    "additionalProperties": False,
}
CONDITION_SCHEMA = {
    "description": "at least, or all/any of a non-empty list of conditions; nothing else",
    "oneOf": [
        _LEAF,
        *(
            {
                "type": "object",
                "properties": {word: {"type": "array", "minItems": 1, "items": {"type": "object"}}},
                "required": [word],
                "additionalProperties": False,
            }
            for word in ("all", "any")
        ),
    ],
}
EFFECT_SCHEMA = {
    "oneOf": [
        {
            "type": "object",
            "properties": {
                "kind": {"const": str(kind)},
                **{
                    name: {"type": "integer", "minimum": 1, "maximum": effect.limit}
                    for name in effects.amount_names(effect)
                },
            },
            "required": ["kind", *effects.amount_names(effect)],
            "additionalProperties": False,
        }
        for kind, effect in EFFECTS.items()
    ]
}

CivilDay = Annotated[date, BeforeValidator(_civil_day)]
ConditionField = Annotated[
    Condition,
    PlainValidator(_parsed(conditions.parse)),
    PlainSerializer(conditions.to_document),
    WithJsonSchema(CONDITION_SCHEMA),
]
EffectField = Annotated[
    Effect,
    PlainValidator(_parsed(effects.parse_new)),
    PlainSerializer(effects.to_document),
    WithJsonSchema(EFFECT_SCHEMA),
]
Amount = Annotated[int | None, Field(ge=0, le=AMOUNT_MAX), BeforeValidator(_stated)]


class ProviderDocument(StrictDocument):
    """A provider: the organisation that offers benefits and pays for them.

    `owner_id` is the id of the organisation behind it, equal for all providers of one owner.
    """

    provider_id: DocumentId
    kind: Annotated[ProviderKind, Closed]
    name: Name
    division: Division
    owner_id: Annotated[DocumentId | None, BeforeValidator(_stated)] = None


class VenueDocument(StrictDocument):
    """A venue where a provider's benefits are redeemed, and the API client that acts for it."""

    venue_id: DocumentId
    provider_id: DocumentId
    name: Name
    division: Division
    client_id: ClientId


class BaselineDocument(StrictDocument):
    """The terms that everybody gets without points: at least one attribute, in fen, days, minutes or counts from 0."""

    price_fen: Amount = None
    deposit_fen: Amount = None
    period_days: Amount = None
    items: Amount = None
    free_minutes: Amount = None
    wait_minutes: Amount = None
    capacity: Amount = None
    counters: Amount = None
    pay_within_days: Amount = None
    delivery: Annotated[bool | None, BeforeValidator(_stated)] = None
    gift_fen: Amount = None
    papers_within_days: Amount = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("baseline_empty", "a baseline states what everybody gets")
        return self


class ServiceDocument(StrictDocument):
    """A service that benefits improve, with its baseline and the evidence for the baseline.

    `capacity_period` is the civil period in which it has its `capacity`, a week unless stated.
    """

    service_id: DocumentId
    provider_id: DocumentId
    kind: Annotated[ServiceKind, Closed]
    name: Name
    baseline: BaselineDocument
    evidence: LongText
    capacity_period: Annotated[Period | None, Closed, BeforeValidator(_stated)] = None


class Allowance(StrictDocument):
    """A number of redemptions in a civil period."""

    count: Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
    period: Annotated[Period, Closed]


class Quota(StrictDocument):
    """Limits of redemptions for one resident and for everybody together."""

    per_resident: Annotated[Allowance | None, BeforeValidator(_stated)] = None
    total: Annotated[Allowance | None, BeforeValidator(_stated)] = None


class Valid(StrictDocument):
    """The first and last civil day of a benefit."""

    from_: CivilDay = Field(alias="from")
    until: CivilDay

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until < self.from_:
            raise PydanticCustomError("until_before_from", "the last day is before the first", {"pointer": "/until"})
        return self


class BenefitDocument(StrictDocument):
    """A benefit: an addition to a service for residents who have the points and ask for it."""

    benefit_id: DocumentId
    scene: Annotated[Scene, Closed]
    title: Name
    description: Prose
    service_id: DocumentId
    division: Division
    condition: ConditionField
    effect: EffectField
    quota: Annotated[Quota | None, BeforeValidator(_stated)] = None
    valid: Valid
    terms: Prose
    need_based_alternative: Prose
    offline_path: Prose
    assessment_id: AssessmentId


MODELS: Mapping[str, type[StrictDocument]] = MappingProxyType(
    {
        "providers": ProviderDocument,
        "venues": VenueDocument,
        "sources": SourceDocument,
        "services": ServiceDocument,
        "benefits": BenefitDocument,
        "notices": NoticeDocument,
    }
)
"""The schema of each kind but schemes, which `benefits.scoring.scheme` reads."""
ID_MEMBER = MappingProxyType({kind: kind.removesuffix("s") + "_id" for kind in MODELS})
"""The member with the id of a document, by kind."""


def read(kind: str, document: Mapping[str, Any]) -> StrictDocument:
    """Parse a document of a kind in MODELS. Raises DocumentInvalid with the pointer of every fault."""
    return schema.parse_document(MODELS[kind], document)
