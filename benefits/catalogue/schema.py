"""Schemas of providers, venues, services and benefits, strict and closed.

A document that does not fit is refused before any publication rule reads it: kinds that are not listed, conditions
other than "at least" and effects that do not add cannot be written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from benefits.catalogue.recognition import IssuerDocument
from benefits.rules import conditions, effects, opening_hours
from benefits.rules.conditions import Condition
from benefits.rules.effects import EFFECTS, Effect
from benefits.rules.opening_hours import HOURS_MAX
from benefits.rules.vocabulary import (
    AMOUNT_MAX,
    COMMITMENT_DAYS_MAX,
    CommitmentKind,
    Period,
    ProviderKind,
    Scene,
    ServiceKind,
)
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


def _opening_hours(text: str | None) -> str | None:
    """Refuse hours that do not follow the grammar."""
    if text is not None:
        try:
            opening_hours.parse(text)
        except opening_hours.HoursInvalid:
            detail = "hours are written like Mo-Fr 09:00-17:00; Sa 09:00-12:00, each day once, times in order"
            raise PydanticCustomError("hours_invalid", detail) from None
    return text


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


CONDITION_SCHEMA = {
    "title": "Condition",
    "description": "At least so many points, or all or any of a list of conditions; nothing else.",
    "anyOf": [
        {
            "title": "AtLeast",
            "type": "object",
            "description": "At least so many points, in all or in one dimension.",
            "properties": {
                "measure": {
                    "title": "Measure",
                    "type": "string",
                    "enum": sorted(conditions.MEASURES),
                    "description": "`total`, or one of the five dimensions.",
                },
                "at_least": {"type": "integer", "minimum": 1, "description": "The points that are needed."},
            },
            "required": ["measure", "at_least"],
            "additionalProperties": False,
        },
        *(
            {
                "title": f"{word.title()}Conditions",
                "type": "object",
                "description": f"{word.title()} of these conditions {verb} met.",
                "properties": {
                    word: {
                        "type": "array",
                        "minItems": 1,
                        # Pydantic refuses a `$ref` to a schema that it did not make; the OpenAPI document has one.
                        "items": {"x-reference": "Condition"},
                        "description": f"The conditions, of which {word} {verb} met.",
                    }
                },
                "required": [word],
                "additionalProperties": False,
            }
            for word, verb in (("all", "are"), ("any", "is"))
        ),
    ],
}
EFFECT_SCHEMA = {
    "title": "Effect",
    "description": "The improvement of one attribute of the baseline: one of a closed list.",
    "anyOf": [
        {
            "title": f"{type_.__name__}Effect",
            "type": "object",
            "description": " ".join((type_.__doc__ or "").split()),
            "properties": {
                "kind": {"type": "string", "const": str(kind), "description": "The kind of effect."},
                **{
                    name: {
                        "type": "integer",
                        "minimum": 1,
                        "maximum": type_.limit,
                        "description": f"The amount: {name.replace('_', ' ')}.",
                    }
                    for name in effects.amount_names(type_)
                },
            },
            "required": ["kind", *effects.amount_names(type_)],
            "additionalProperties": False,
        }
        for kind, type_ in EFFECTS.items()
    ],
}

CivilDay = Annotated[date, BeforeValidator(_civil_day)]
"""A civil day of the city, in documents."""
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
GEO_PATTERN = r"^-?([0-8]?[0-9]\.[0-9]{4,6}|90\.0{4,6}),-?((1[0-7]|[0-9]?)[0-9]\.[0-9]{4,6}|180\.0{4,6})$"
"""Latitude and longitude as in a `geo:` URI (RFC 5870); four decimals are 11 m."""
Amount = Annotated[int | None, Field(ge=0, le=AMOUNT_MAX), BeforeValidator(_stated)]


class ProviderDocument(StrictDocument):
    """A provider: the organisation that offers benefits and pays for them.

    `owner_id` is the id of the organisation behind it, equal for all providers of one owner.
    """

    provider_id: DocumentId
    """The id of the provider."""
    kind: Annotated[ProviderKind, Closed]
    """The kind of provider."""
    name: Name
    """The name."""
    division: Division
    """The division in which it works."""
    owner_id: Annotated[DocumentId | None, BeforeValidator(_stated)] = None
    """The organisation behind it, equal for all providers of one owner."""


class VenueDocument(StrictDocument):
    """A venue where a provider's benefits are redeemed, and the API client that acts for it."""

    venue_id: DocumentId
    """The id of the venue."""
    provider_id: DocumentId
    """The provider whose benefits are redeemed there."""
    name: Name
    """The name."""
    division: Division
    """The division in which it lies."""
    client_id: ClientId
    """The API client that acts for it."""
    address: Annotated[Name | None, BeforeValidator(_stated)] = None
    """The postal address, as residents read it; a privacy officer reads a new one."""
    hours: Annotated[
        str | None, Field(max_length=HOURS_MAX), BeforeValidator(_stated), AfterValidator(_opening_hours)
    ] = None
    """The opening hours, like `Mo-Fr 09:00-17:00; Sa 09:00-12:00`; a day that is not named is closed."""
    geo: Annotated[str | None, Field(pattern=GEO_PATTERN), BeforeValidator(_stated)] = None
    """The place as latitude and longitude in WGS 84, in degrees with four to six decimals: `41.80570,123.43150`."""


class BaselineDocument(StrictDocument):
    """The terms that everybody gets without points: at least one attribute, in fen, days, minutes or counts from 0."""

    price_fen: Amount = None
    """The price, in fen."""
    deposit_fen: Amount = None
    """The deposit, in fen."""
    period_days: Amount = None
    """The days of a loan or grant."""
    items: Amount = None
    """The items that may be taken at a time."""
    free_minutes: Amount = None
    """The minutes without a fee."""
    wait_minutes: Amount = None
    """The usual wait, in minutes."""
    capacity: Amount = None
    """The places in a `capacity_period`."""
    counters: Amount = None
    """The counters that are open."""
    pay_within_days: Amount = None
    """The days within which to pay."""
    delivery: Annotated[bool | None, BeforeValidator(_stated)] = None
    """True where it is delivered to the home."""
    gift_fen: Amount = None
    """The value of a gift, in fen."""
    papers_within_days: Amount = None
    """The days within which missing papers may follow."""

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
    """The id of the service."""
    provider_id: DocumentId
    """The provider of the service."""
    kind: Annotated[ServiceKind, Closed]
    """The kind of service."""
    name: Name
    """The name."""
    baseline: BaselineDocument
    """The terms that everybody gets without points."""
    evidence: LongText
    """The evidence for the baseline."""
    capacity_period: Annotated[Period | None, Closed, BeforeValidator(_stated)] = None
    """The civil period of `capacity`; a week unless stated."""


class Allowance(StrictDocument):
    """A number of redemptions in a civil period."""

    count: Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
    """The number of redemptions."""
    period: Annotated[Period, Closed]
    """The civil period."""


class Quota(StrictDocument):
    """Limits of redemptions for one resident and for everybody together."""

    per_resident: Annotated[Allowance | None, BeforeValidator(_stated)] = None
    """The limit for one resident."""
    total: Annotated[Allowance | None, BeforeValidator(_stated)] = None
    """The limit for everybody together."""


class Commitment(StrictDocument):
    """A promise that a resident accepts with the ticket; whether it was done is recorded nowhere."""

    kind: Annotated[CommitmentKind, Closed]
    """The thing that is promised."""
    within_days: Annotated[int, Field(ge=1, le=COMMITMENT_DAYS_MAX)]
    """The days within which it is promised."""


class Budget(StrictDocument):
    """Money that the provider spends on a benefit in a civil month; tickets stop when it is used up."""

    monthly_fen: Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
    """The money of a month, in fen."""
    unit_cost_fen: Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
    """The cost of one redemption to the provider, in fen."""

    @model_validator(mode="after")
    def _suffices_for_one(self) -> Self:
        if self.unit_cost_fen > self.monthly_fen:
            raise PydanticCustomError(
                "budget_too_small", "the budget does not suffice for one redemption", {"pointer": "/unit_cost_fen"}
            )
        return self


class Valid(StrictDocument):
    """The first and last civil day of a benefit."""

    from_: CivilDay = Field(alias="from")
    """The first civil day."""
    until: CivilDay
    """The last civil day."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until < self.from_:
            raise PydanticCustomError("until_before_from", "the last day is before the first", {"pointer": "/until"})
        return self


class BenefitDocument(StrictDocument):
    """A benefit: an addition to a service for residents who have the points and ask for it."""

    benefit_id: DocumentId
    """The id of the benefit."""
    scene: Annotated[Scene, Closed]
    """The scene of the benefit."""
    title: Name
    """The title."""
    description: Prose
    """The benefit in a few sentences."""
    service_id: DocumentId
    """The service that it improves."""
    division: Division
    """The division in which it is offered, within the provider's."""
    condition: ConditionField
    """The points that are needed."""
    effect: EffectField
    """The improvement by the benefit."""
    quota: Annotated[Quota | None, BeforeValidator(_stated)] = None
    """Limits of redemptions; without it there are none."""
    commitment: Annotated[Commitment | None, BeforeValidator(_stated)] = None
    """A promise that the resident accepts with the ticket."""
    budget: Annotated[Budget | None, BeforeValidator(_stated)] = None
    """The money of a month; without it no limit of money."""
    valid: Valid
    """The days on which it can be redeemed."""
    terms: Prose
    """The terms at the venue."""
    need_based_alternative: Prose
    """The alternative for people in need, without points."""
    offline_path: Prose
    """The way without a phone."""
    assessment_id: AssessmentId
    """The id of the impact assessment."""


MODELS: Mapping[str, type[StrictDocument]] = MappingProxyType(
    {
        "providers": ProviderDocument,
        "venues": VenueDocument,
        "sources": SourceDocument,
        "services": ServiceDocument,
        "benefits": BenefitDocument,
        "notices": NoticeDocument,
        "issuers": IssuerDocument,
    }
)
"""The schema of each kind but schemes, which `benefits.scoring.scheme` reads."""
ID_MEMBER = MappingProxyType({kind: kind.removesuffix("s") + "_id" for kind in MODELS})
"""The member with the id of a document, by kind."""


def read(kind: str, document: Mapping[str, Any]) -> StrictDocument:
    """Parse a document of a kind in MODELS. Raises DocumentInvalid with the pointer of every fault."""
    return schema.parse_document(MODELS[kind], document)
