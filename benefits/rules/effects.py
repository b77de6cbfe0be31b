"""The closed list of effects: each improves one attribute of a baseline and makes none worse.

An effect is one class below. It declares its kind, the attribute it improves, the kinds of service it suits, the limit
of its amount, and the improvement. Amounts are integers; divisions are rounded in the person's favour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import ClassVar, get_args

from benefits.rules import effect_limits
from benefits.rules.vocabulary import (
    AMOUNT_MAX,
    LOWER_IS_BETTER,
    Attribute,
    EffectKind,
    ServiceKind,
)
from consent.kernel.faults import Faulty, pointer_to

Baseline = Mapping[str, int | bool]
"""The terms that everybody gets, by attribute name; an absent attribute counts as 0 or False."""


def adds_places(effect: Mapping[str, object]) -> bool:
    """Report whether an effect, given as its JSON, adds places: they are booked by session, and no pass counts them."""
    return effect["kind"] == EffectKind.EXTRA_WINDOW


class EffectInvalid(Faulty):
    """The value is not an effect of the closed list."""


@dataclass(frozen=True, slots=True)
class _Effect:
    """The declaration that every effect makes, and the check of its amount (1 to `readable_limit`)."""

    kind: ClassVar[EffectKind]
    attribute: ClassVar[Attribute]
    suits: ClassVar[frozenset[ServiceKind]]
    """Kinds of service on which this effect makes sense; on any other it is flagged or refused (R5)."""
    limit: ClassVar[int] = AMOUNT_MAX
    """The largest amount that a document may have, from `effect_limits`."""
    readable_limit: ClassVar[int] = AMOUNT_MAX
    """The largest amount that can be read. Documents of version 0.1.0 may be above `limit`: they stay in force."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not int:
                raise EffectInvalid(f"/{field.name}", "integer_expected", "an effect's number is an integer")
            _require_at_most(field.name, value, self.readable_limit)


@dataclass(frozen=True, slots=True)
class DepositWaiver(_Effect):
    """Waive the deposit up to `up_to_fen`."""

    up_to_fen: int
    kind: ClassVar[EffectKind] = EffectKind.DEPOSIT_WAIVER
    attribute: ClassVar[Attribute] = Attribute.DEPOSIT_FEN
    limit: ClassVar[int] = effect_limits.DEPOSIT_WAIVER_FEN_MAX
    suits: ClassVar[frozenset[ServiceKind]] = frozenset(
        {
            ServiceKind.LIBRARY_LOAN,
            ServiceKind.BIKE_HIRE,
            ServiceKind.ELECTIVE_INPATIENT_PREPAYMENT,
            ServiceKind.HOTEL_STAY,
            ServiceKind.EQUIPMENT_HIRE,
            ServiceKind.TENANCY_DEPOSIT,
        }
    )

    def improve(self, before: int) -> int:
        """Return the deposit in fen that is still due, 0 or more."""
        return max(0, before - self.up_to_fen)


@dataclass(frozen=True, slots=True)
class FeeDiscount(_Effect):
    """Take `percent` off the price; at most 30 (R3)."""

    percent: int
    kind: ClassVar[EffectKind] = EffectKind.FEE_DISCOUNT
    attribute: ClassVar[Attribute] = Attribute.PRICE_FEN
    suits: ClassVar[frozenset[ServiceKind]] = frozenset(ServiceKind) - {
        ServiceKind.HOSPITAL_ADMIN_COUNTER,
        ServiceKind.ELECTIVE_OUTPATIENT,
        ServiceKind.ELECTIVE_INPATIENT_PREPAYMENT,
    }
    limit: ClassVar[int] = effect_limits.FEE_DISCOUNT_PERCENT_MAX
    # More than 100 % would be a price below zero. No version of this service has accepted more than `limit`.
    readable_limit: ClassVar[int] = effect_limits.FEE_DISCOUNT_PERCENT_MAX

    def improve(self, before: int) -> int:
        """Return the lower price in fen, rounded down."""
        return before * (100 - self.percent) // 100


@dataclass(frozen=True, slots=True)
class FreeMinutes(_Effect):
    """Add free minutes to those that everybody gets."""

    minutes: int
    kind: ClassVar[EffectKind] = EffectKind.FREE_MINUTES
    attribute: ClassVar[Attribute] = Attribute.FREE_MINUTES
    limit: ClassVar[int] = effect_limits.FREE_MINUTES_MAX
    suits: ClassVar[frozenset[ServiceKind]] = frozenset(
        {
            ServiceKind.READING_ROOM,
            ServiceKind.PARKING,
            ServiceKind.BIKE_HIRE,
            ServiceKind.EQUIPMENT_HIRE,
            ServiceKind.SPORTS_SESSION,
            ServiceKind.PARK_EXTRA,
            ServiceKind.SCENIC_EXTRA,
        }
    )

    def improve(self, before: int) -> int:
        """Return the free minutes in all."""
        return before + self.minutes


@dataclass(frozen=True, slots=True)
class LongerPeriod(_Effect):
    """Add days to the period."""

    days: int
    kind: ClassVar[EffectKind] = EffectKind.LONGER_PERIOD
    attribute: ClassVar[Attribute] = Attribute.PERIOD_DAYS
    limit: ClassVar[int] = effect_limits.LONGER_PERIOD_DAYS_MAX
    suits: ClassVar[frozenset[ServiceKind]] = frozenset({ServiceKind.LIBRARY_LOAN, ServiceKind.EQUIPMENT_HIRE})

    def improve(self, before: int) -> int:
        """Return the days in all."""
        return before + self.days


@dataclass(frozen=True, slots=True)
class MoreItems(_Effect):
    """Add items to those that may be taken at a time."""

    items: int
    kind: ClassVar[EffectKind] = EffectKind.MORE_ITEMS
    attribute: ClassVar[Attribute] = Attribute.ITEMS
    limit: ClassVar[int] = effect_limits.MORE_ITEMS_MAX
    suits: ClassVar[frozenset[ServiceKind]] = frozenset({ServiceKind.LIBRARY_LOAN, ServiceKind.EQUIPMENT_HIRE})

    def improve(self, before: int) -> int:
        """Return the items in all."""
        return before + self.items


@dataclass(frozen=True, slots=True)
class PayAfter(_Effect):
    """Allow payment within so many days afterwards."""

    within_days: int
    kind: ClassVar[EffectKind] = EffectKind.PAY_AFTER
    attribute: ClassVar[Attribute] = Attribute.PAY_WITHIN_DAYS
    limit: ClassVar[int] = effect_limits.PAY_AFTER_DAYS_MAX
    suits: ClassVar[frozenset[ServiceKind]] = frozenset(
        {
            ServiceKind.PARKING,
            ServiceKind.BIKE_HIRE,
            ServiceKind.TRANSPORT_EXTRA,
            ServiceKind.PARK_EXTRA,
            ServiceKind.SCENIC_EXTRA,
            ServiceKind.ELECTIVE_CHECKUP,
            ServiceKind.ELECTIVE_OUTPATIENT,
            ServiceKind.ELECTIVE_INPATIENT_PREPAYMENT,
            ServiceKind.HOTEL_STAY,
            ServiceKind.EQUIPMENT_HIRE,
            ServiceKind.RETAIL_PURCHASE,
            ServiceKind.SPORTS_SESSION,
        }
    )

    def improve(self, before: int) -> int:
        """Return the days within which to pay; a promise replaces a shorter one and adds to none."""
        return max(before, self.within_days)


@dataclass(frozen=True, slots=True)
class ExtraCounter(_Effect):
    """Add counters with staff of their own."""

    counters: int
    kind: ClassVar[EffectKind] = EffectKind.EXTRA_COUNTER
    attribute: ClassVar[Attribute] = Attribute.COUNTERS
    limit: ClassVar[int] = effect_limits.EXTRA_COUNTERS_MAX
    suits: ClassVar[frozenset[ServiceKind]] = frozenset(
        {ServiceKind.HOSPITAL_ADMIN_COUNTER, ServiceKind.APPROVAL_FILING}
    )

    def improve(self, before: int) -> int:
        """Return the counters in all."""
        return before + self.counters


@dataclass(frozen=True, slots=True)
class ExtraWindow(_Effect):
    """Add places outside the baseline's calendar (R10)."""

    extra_capacity: int
    kind: ClassVar[EffectKind] = EffectKind.EXTRA_WINDOW
    attribute: ClassVar[Attribute] = Attribute.CAPACITY
    limit: ClassVar[int] = effect_limits.EXTRA_CAPACITY_MAX
    suits: ClassVar[frozenset[ServiceKind]] = frozenset(
        {
            ServiceKind.READING_ROOM,
            ServiceKind.MUSEUM_EXHIBITION,
            ServiceKind.PARK_EXTRA,
            ServiceKind.SCENIC_EXTRA,
            ServiceKind.ELECTIVE_CHECKUP,
            ServiceKind.ELECTIVE_OUTPATIENT,
            ServiceKind.SPORTS_SESSION,
            ServiceKind.SHOW_TICKET,
            ServiceKind.APPROVAL_FILING,
        }
    )

    def improve(self, before: int) -> int:
        """Return the places in all."""
        return before + self.extra_capacity


@dataclass(frozen=True, slots=True)
class HomeDelivery(_Effect):
    """Deliver to the person's home free of charge; the only effect without an amount."""

    kind: ClassVar[EffectKind] = EffectKind.DELIVERY
    attribute: ClassVar[Attribute] = Attribute.DELIVERY
    suits: ClassVar[frozenset[ServiceKind]] = frozenset(
        {
            ServiceKind.LIBRARY_LOAN,
            ServiceKind.HOSPITAL_ADMIN_COUNTER,
            ServiceKind.EQUIPMENT_HIRE,
            ServiceKind.RETAIL_PURCHASE,
            ServiceKind.APPROVAL_FILING,
            ServiceKind.PAPER_BILL,
        }
    )

    def improve(self, before: int) -> bool:  # noqa: ARG002
        """Return True, for every baseline."""
        return True


@dataclass(frozen=True, slots=True)
class SmallGift(_Effect):
    """Give something worth `value_fen`."""

    value_fen: int
    kind: ClassVar[EffectKind] = EffectKind.SMALL_GIFT
    attribute: ClassVar[Attribute] = Attribute.GIFT_FEN
    limit: ClassVar[int] = effect_limits.GIFT_FEN_MAX
    suits: ClassVar[frozenset[ServiceKind]] = frozenset(
        {
            ServiceKind.MUSEUM_EXHIBITION,
            ServiceKind.PARK_EXTRA,
            ServiceKind.SCENIC_EXTRA,
            ServiceKind.HOTEL_STAY,
            ServiceKind.RETAIL_PURCHASE,
            ServiceKind.SPORTS_SESSION,
            ServiceKind.SHOW_TICKET,
        }
    )

    def improve(self, before: int) -> int:
        """Return the gift's worth in fen; a gift replaces a smaller one and adds to none."""
        return max(before, self.value_fen)


@dataclass(frozen=True, slots=True)
class MissingPaperAccepted(_Effect):
    """Accept a filing now; a missing paper may follow within so many days."""

    within_days: int
    kind: ClassVar[EffectKind] = EffectKind.MISSING_PAPER_ACCEPTED
    attribute: ClassVar[Attribute] = Attribute.PAPERS_WITHIN_DAYS
    limit: ClassVar[int] = effect_limits.MISSING_PAPER_DAYS_MAX
    suits: ClassVar[frozenset[ServiceKind]] = frozenset({ServiceKind.APPROVAL_FILING})

    def improve(self, before: int) -> int:
        """Return the days within which to bring papers; a promise replaces a shorter one and adds to none."""
        return max(before, self.within_days)


Effect = (
    DepositWaiver
    | FeeDiscount
    | FreeMinutes
    | LongerPeriod
    | MoreItems
    | PayAfter
    | ExtraCounter
    | ExtraWindow
    | HomeDelivery
    | SmallGift
    | MissingPaperAccepted
)
EFFECTS: Mapping[EffectKind, type[Effect]] = MappingProxyType({effect.kind: effect for effect in get_args(Effect)})
"""The class of each kind, from the members of `Effect`."""


def parse_new(document: object) -> Effect:
    """Return the effect of a document that is to be published: as `parse`, and at most the effect's limit (R3).

    Raises:
        EffectInvalid: with the pointer of the first fault.
    """
    effect = parse(document)
    for name in amount_names(type(effect)):
        _require_at_most(name, getattr(effect, name), effect.limit)
    return effect


def parse(document: object) -> Effect:
    """Return the effect that a stored JSON value spells, such as `{"kind": "pay_after", "within_days": 3}`.

    Raises:
        EffectInvalid: with the pointer of the first fault.
    """
    if not isinstance(document, Mapping):
        raise EffectInvalid("", "object_expected", "an effect is an object")
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in EFFECTS:
        raise EffectInvalid("/kind", "effect_unknown", "effects are a closed list")
    effect_class = EFFECTS[EffectKind(kind)]
    given = {name: value for name, value in document.items() if name != "kind"}
    expected = amount_names(effect_class)
    for name in given:
        if name not in expected:
            raise EffectInvalid(pointer_to((str(name),)), "unknown_field", "this effect has no such member")
    for name in expected:
        if name not in given:
            raise EffectInvalid(f"/{name}", "missing", "this effect needs this member")
    return effect_class(**given)


def _require_at_most(name: str, amount: int, most: int) -> None:
    if not 1 <= amount <= most:
        raise EffectInvalid(f"/{name}", "out_of_range", f"between 1 and {most}", most=most)


def to_document(effect: Effect) -> dict[str, str | int]:
    """Return the JSON value that `parse` reads back to the same effect."""
    return {"kind": str(effect.kind), **asdict(effect)}


def amount_names(effect_class: type[Effect]) -> tuple[str, ...]:
    """Return the names of an effect's amounts: one, or none for delivery."""
    return tuple(field.name for field in fields(effect_class))


def suited_to(service_kind: ServiceKind) -> frozenset[EffectKind]:
    """Return the kinds of effect that suit a kind of service, as the effects declare it."""
    return frozenset(kind for kind, effect_class in EFFECTS.items() if service_kind in effect_class.suits)


def apply(effect: Effect, baseline: Baseline) -> dict[str, int | bool]:
    """Return the baseline with the effect's attribute improved; every other attribute is unchanged."""
    changed = dict(baseline)
    before = changed.get(effect.attribute, 0)
    after = effect.improve(before)
    if after != before:
        changed[str(effect.attribute)] = after
    return changed


def improves(effect: Effect, baseline: Baseline) -> bool:
    """Return True if the effect makes the baseline strictly better in one attribute and worse in none (R3)."""
    return dominates(apply(effect, baseline), baseline)


def dominates(better: Baseline, baseline: Baseline) -> bool:
    """Return True if `better` is strictly better in at least one attribute and worse in none."""
    steps = [_gain(attribute, better, baseline) for attribute in Attribute]
    return min(steps) >= 0 < max(steps)


def worsened(now: Baseline, before: Baseline) -> frozenset[Attribute]:
    """Return the attributes in which a baseline became worse for the person (R4)."""
    return frozenset(attribute for attribute in Attribute if _gain(attribute, now, before) < 0)


def _gain(attribute: Attribute, now: Baseline, before: Baseline) -> int:
    """The improvement from `before` to `now`; below zero where the person is worse off."""
    step = int(now.get(attribute, 0)) - int(before.get(attribute, 0))
    return -step if attribute in LOWER_IS_BETTER else step
