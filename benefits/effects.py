"""The closed effects and what they do to a baseline: better in one attribute, worse in none.

An effect changes exactly one attribute and only ever for the better, whatever the baseline: no document can spell
a surcharge. Integers only; what does not divide is rounded in the person's favour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import ClassVar

from benefits.vocabulary import AMOUNT_MAX, FEE_DISCOUNT_PERCENT_MAX, LOWER_IS_BETTER, Attribute, EffectKind
from consent.faults import Faulty, pointer_to

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
                raise EffectInvalid(f"/{field.name}", "out_of_range", f"between 1 and {self.limit}")


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
class Delivery(_Effect):
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
    | Delivery
    | SmallGift
    | MissingPaperAccepted
)

EFFECTS: Mapping[EffectKind, Callable[..., Effect]] = MappingProxyType(
    {
        EffectKind.DEPOSIT_WAIVER: DepositWaiver,
        EffectKind.FEE_DISCOUNT: FeeDiscount,
        EffectKind.FREE_MINUTES: FreeMinutes,
        EffectKind.LONGER_PERIOD: LongerPeriod,
        EffectKind.MORE_ITEMS: MoreItems,
        EffectKind.PAY_AFTER: PayAfter,
        EffectKind.EXTRA_COUNTER: ExtraCounter,
        EffectKind.EXTRA_WINDOW: ExtraWindow,
        EffectKind.DELIVERY: Delivery,
        EffectKind.SMALL_GIFT: SmallGift,
        EffectKind.MISSING_PAPER_ACCEPTED: MissingPaperAccepted,
    }
)
