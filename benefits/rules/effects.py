"""The closed effects and what they do to a baseline: better in one attribute, worse in none.

An effect changes exactly one attribute and only ever for the better, whatever the baseline: no document can spell
a surcharge. Integers only; what does not divide is rounded in the person's favour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import ClassVar

from benefits.rules.vocabulary import AMOUNT_MAX, FEE_DISCOUNT_PERCENT_MAX, LOWER_IS_BETTER, Attribute, EffectKind
from consent.kernel.faults import Faulty, pointer_to

Baseline = Mapping[str, int | bool]
"""What everybody gets, by attribute name; an attribute that is absent counts as none."""


class EffectInvalid(Faulty):
    """Not an effect of the closed list."""


@dataclass(frozen=True, slots=True)
class _Effect:
    """What all effects share: the attribute each improves and the limit of its one number."""

    kind: ClassVar[EffectKind]
    attribute: ClassVar[Attribute]
    limit: ClassVar[int] = AMOUNT_MAX

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not int:
                raise EffectInvalid(f"/{field.name}", "integer_expected", "an effect's number is an integer")
            if not 1 <= value <= self.limit:
                detail = f"between 1 and {self.limit}"
                raise EffectInvalid(f"/{field.name}", "out_of_range", detail, most=self.limit)


@dataclass(frozen=True, slots=True)
class DepositWaiver(_Effect):
    """Up to so many fen of the deposit need not be paid."""

    up_to_fen: int
    kind: ClassVar[EffectKind] = EffectKind.DEPOSIT_WAIVER
    attribute: ClassVar[Attribute] = Attribute.DEPOSIT_FEN


@dataclass(frozen=True, slots=True)
class FeeDiscount(_Effect):
    """So many percent off the price; at most 30 (R3)."""

    percent: int
    kind: ClassVar[EffectKind] = EffectKind.FEE_DISCOUNT
    attribute: ClassVar[Attribute] = Attribute.PRICE_FEN
    limit: ClassVar[int] = FEE_DISCOUNT_PERCENT_MAX


@dataclass(frozen=True, slots=True)
class FreeMinutes(_Effect):
    """So many free minutes beside everybody's unchanged ones."""

    minutes: int
    kind: ClassVar[EffectKind] = EffectKind.FREE_MINUTES
    attribute: ClassVar[Attribute] = Attribute.FREE_MINUTES


@dataclass(frozen=True, slots=True)
class LongerPeriod(_Effect):
    """So many days more."""

    days: int
    kind: ClassVar[EffectKind] = EffectKind.LONGER_PERIOD
    attribute: ClassVar[Attribute] = Attribute.PERIOD_DAYS


@dataclass(frozen=True, slots=True)
class MoreItems(_Effect):
    """So many items more."""

    items: int
    kind: ClassVar[EffectKind] = EffectKind.MORE_ITEMS
    attribute: ClassVar[Attribute] = Attribute.ITEMS


@dataclass(frozen=True, slots=True)
class PayAfter(_Effect):
    """Payment within so many days afterwards."""

    within_days: int
    kind: ClassVar[EffectKind] = EffectKind.PAY_AFTER
    attribute: ClassVar[Attribute] = Attribute.PAY_WITHIN_DAYS


@dataclass(frozen=True, slots=True)
class ExtraCounter(_Effect):
    """So many additionally staffed counters."""

    counters: int
    kind: ClassVar[EffectKind] = EffectKind.EXTRA_COUNTER
    attribute: ClassVar[Attribute] = Attribute.COUNTERS


@dataclass(frozen=True, slots=True)
class ExtraWindow(_Effect):
    """So many places added outside the baseline calendar (R10)."""

    extra_capacity: int
    kind: ClassVar[EffectKind] = EffectKind.EXTRA_WINDOW
    attribute: ClassVar[Attribute] = Attribute.CAPACITY


@dataclass(frozen=True, slots=True)
class HomeDelivery(_Effect):
    """Brought home."""

    kind: ClassVar[EffectKind] = EffectKind.DELIVERY
    attribute: ClassVar[Attribute] = Attribute.DELIVERY


@dataclass(frozen=True, slots=True)
class SmallGift(_Effect):
    """A gift of so many fen."""

    value_fen: int
    kind: ClassVar[EffectKind] = EffectKind.SMALL_GIFT
    attribute: ClassVar[Attribute] = Attribute.GIFT_FEN


@dataclass(frozen=True, slots=True)
class MissingPaperAccepted(_Effect):
    """A filing is accepted now, a missing paper may follow within so many days."""

    within_days: int
    kind: ClassVar[EffectKind] = EffectKind.MISSING_PAPER_ACCEPTED
    attribute: ClassVar[Attribute] = Attribute.PAPERS_WITHIN_DAYS


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

EFFECTS: Mapping[EffectKind, type[Effect]] = MappingProxyType(
    {
        EffectKind.DEPOSIT_WAIVER: DepositWaiver,
        EffectKind.FEE_DISCOUNT: FeeDiscount,
        EffectKind.FREE_MINUTES: FreeMinutes,
        EffectKind.LONGER_PERIOD: LongerPeriod,
        EffectKind.MORE_ITEMS: MoreItems,
        EffectKind.PAY_AFTER: PayAfter,
        EffectKind.EXTRA_COUNTER: ExtraCounter,
        EffectKind.EXTRA_WINDOW: ExtraWindow,
        EffectKind.DELIVERY: HomeDelivery,
        EffectKind.SMALL_GIFT: SmallGift,
        EffectKind.MISSING_PAPER_ACCEPTED: MissingPaperAccepted,
    }
)


def parse(document: object) -> Effect:
    """The effect a JSON value spells. Raises EffectInvalid with the place of the first fault."""
    if not isinstance(document, Mapping):
        raise EffectInvalid("", "object_expected", "an effect is an object")
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in EFFECTS:
        raise EffectInvalid("/kind", "effect_unknown", "effects are a closed list")
    made = EFFECTS[EffectKind(kind)]
    given = {name: value for name, value in document.items() if name != "kind"}
    expected = amount_names(made)
    for name in given:
        if name not in expected:
            raise EffectInvalid(pointer_to((str(name),)), "unknown_field", "this effect has no such member")
    for name in expected:
        if name not in given:
            raise EffectInvalid(f"/{name}", "missing", "this effect needs this member")
    return made(**given)


def to_document(effect: Effect) -> dict[str, str | int]:
    """The JSON value that `parse` reads back to the same effect."""
    return {"kind": str(effect.kind), **asdict(effect)}


def amount_names(made: type[Effect]) -> tuple[str, ...]:
    """The names of an effect's numbers: one, or none for delivery."""
    return tuple(field.name for field in fields(made))


def apply(effect: Effect, baseline: Baseline) -> dict[str, int | bool]:
    """The baseline as it is with the effect. Attributes the effect does not improve are as they were."""
    changed = dict(baseline)
    before = changed.get(effect.attribute, 0)
    after = _improved(effect, before)
    if after != before:
        changed[str(effect.attribute)] = after
    return changed


def improves(effect: Effect, baseline: Baseline) -> bool:
    """Whether the effect is strictly better than the baseline in one attribute and worse in none (R3)."""
    return dominates(apply(effect, baseline), baseline)


def dominates(better: Baseline, baseline: Baseline) -> bool:
    """Whether `better` is strictly better in at least one attribute and worse in none."""
    steps = [_gain(attribute, better, baseline) for attribute in Attribute]
    return min(steps) >= 0 < max(steps)


def worsened(now: Baseline, before: Baseline) -> frozenset[Attribute]:
    """The attributes in which a baseline became worse for the person (R4)."""
    return frozenset(attribute for attribute in Attribute if _gain(attribute, now, before) < 0)


def _gain(attribute: Attribute, now: Baseline, before: Baseline) -> int:
    """How much better `now` is for the person; below zero where it is worse."""
    step = int(now.get(attribute, 0)) - int(before.get(attribute, 0))
    return -step if attribute in LOWER_IS_BETTER else step


def _improved(effect: Effect, before: int) -> int | bool:
    match effect:
        case DepositWaiver(up_to_fen):
            return max(0, before - up_to_fen)
        case FeeDiscount(percent):
            return before * (100 - percent) // 100
        case FreeMinutes(added) | LongerPeriod(added) | MoreItems(added) | ExtraCounter(added) | ExtraWindow(added):
            return before + added
        case PayAfter(promised) | SmallGift(promised) | MissingPaperAccepted(promised):
            # A promise, not an addition; where everybody has more already, the baseline stands.
            return max(before, promised)
        case HomeDelivery():
            return True
