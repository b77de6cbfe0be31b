"""The closed words of the catalogue: who may provide, what may be improved, where, and which direction is better.

What is not listed here cannot be written down: police, courts, employers, banks, insurers, schools, supply of
utilities, emergency care and identity documents are not denied, they are absent (R5).
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType

AMOUNT_MAX = 1_000_000_000
"""The largest amount in any document (as money, ten million yuan); above it somebody mistook the unit."""
FEE_DISCOUNT_PERCENT_MAX = 30
"""R3: beyond this the full price would become a punishment."""
CAPACITY_SHARE_PERCENT_MAX = 20
"""R10: how much of a service's capacity all its benefits together may take."""
THRESHOLDS_MAX = 2
"""R6: how many thresholds one effect may have at one provider; more would tell the score."""
BASELINE_DAYS = 180
"""R4: for how long a better baseline of the past binds."""


class ProviderKind(StrEnum):
    """Who may offer a benefit."""

    LIBRARY = "library"
    MUSEUM = "museum"
    PARK = "park"
    PARKING_OPERATOR = "parking_operator"
    BIKE_SHARE = "bike_share"
    TRANSPORT_OPERATOR = "transport_operator"
    HOSPITAL = "hospital"
    CLINIC = "clinic"
    HOTEL = "hotel"
    RENTAL_OPERATOR = "rental_operator"
    RETAILER = "retailer"
    SPORTS_VENUE = "sports_venue"
    THEATRE_CINEMA = "theatre_cinema"
    SCENIC_AREA = "scenic_area"
    GOVERNMENT_SERVICE_HALL = "government_service_hall"
    BILL_DELIVERY = "bill_delivery"


class ServiceKind(StrEnum):
    """What a benefit may improve."""

    LIBRARY_LOAN = "library_loan"
    READING_ROOM = "reading_room"
    MUSEUM_EXHIBITION = "museum_exhibition"
    PARK_EXTRA = "park_extra"
    SCENIC_EXTRA = "scenic_extra"
    PARKING = "parking"
    BIKE_HIRE = "bike_hire"
    TRANSPORT_EXTRA = "transport_extra"
    HOSPITAL_ADMIN_COUNTER = "hospital_admin_counter"
    ELECTIVE_CHECKUP = "elective_checkup"
    ELECTIVE_OUTPATIENT = "elective_outpatient"
    ELECTIVE_INPATIENT_PREPAYMENT = "elective_inpatient_prepayment"
    HOTEL_STAY = "hotel_stay"
    EQUIPMENT_HIRE = "equipment_hire"
    TENANCY_DEPOSIT = "tenancy_deposit"
    RETAIL_PURCHASE = "retail_purchase"
    SPORTS_SESSION = "sports_session"
    SHOW_TICKET = "show_ticket"
    APPROVAL_FILING = "approval_filing"
    PAPER_BILL = "paper_bill"


class Scene(StrEnum):
    """The plan's scenes of application."""

    LIBRARY = "library"
    PARKING = "parking"
    MEDICAL_CONVENIENCE = "medical_convenience"
    TOURISM = "tourism"
    MOBILITY = "mobility"
    LODGING = "lodging"
    RENTAL = "rental"
    SHOPPING = "shopping"
    FITNESS = "fitness"
    APPROVALS = "approvals"
    BILLS = "bills"


class Attribute(StrEnum):
    """What a baseline states: fen, days, minutes, counts; `delivery` alone is yes or no."""

    PRICE_FEN = "price_fen"
    DEPOSIT_FEN = "deposit_fen"
    PERIOD_DAYS = "period_days"
    ITEMS = "items"
    FREE_MINUTES = "free_minutes"
    WAIT_MINUTES = "wait_minutes"
    CAPACITY = "capacity"
    COUNTERS = "counters"
    PAY_WITHIN_DAYS = "pay_within_days"
    DELIVERY = "delivery"
    GIFT_FEN = "gift_fen"
    PAPERS_WITHIN_DAYS = "papers_within_days"


LOWER_IS_BETTER = frozenset({Attribute.PRICE_FEN, Attribute.DEPOSIT_FEN, Attribute.WAIT_MINUTES})
"""Of these less is better for the person; of every other attribute more is."""


class Period(StrEnum):
    """Civil periods of a quota; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class EffectKind(StrEnum):
    """What a benefit may do. Each adds to what everybody gets; none takes away."""

    DEPOSIT_WAIVER = "deposit_waiver"
    FEE_DISCOUNT = "fee_discount"
    FREE_MINUTES = "free_minutes"
    LONGER_PERIOD = "longer_period"
    MORE_ITEMS = "more_items"
    PAY_AFTER = "pay_after"
    EXTRA_COUNTER = "extra_counter"
    EXTRA_WINDOW = "extra_window"
    DELIVERY = "delivery"
    SMALL_GIFT = "small_gift"
    MISSING_PAPER_ACCEPTED = "missing_paper_accepted"


_LOAN = frozenset({Attribute.PRICE_FEN, Attribute.DEPOSIT_FEN, Attribute.PERIOD_DAYS, Attribute.ITEMS})
_PAID = frozenset({Attribute.PRICE_FEN})
_HIRED = frozenset({Attribute.PRICE_FEN, Attribute.DEPOSIT_FEN})
_COUNTER = frozenset({Attribute.PRICE_FEN, Attribute.COUNTERS, Attribute.WAIT_MINUTES})

ATTRIBUTES_OF_SERVICE = MappingProxyType(
    {
        ServiceKind.LIBRARY_LOAN: _LOAN,
        ServiceKind.READING_ROOM: _PAID | {Attribute.CAPACITY},
        ServiceKind.MUSEUM_EXHIBITION: _PAID,
        ServiceKind.PARK_EXTRA: _PAID,
        ServiceKind.SCENIC_EXTRA: _PAID,
        ServiceKind.PARKING: _PAID | {Attribute.FREE_MINUTES},
        ServiceKind.BIKE_HIRE: _HIRED,
        ServiceKind.TRANSPORT_EXTRA: _PAID,
        ServiceKind.HOSPITAL_ADMIN_COUNTER: _COUNTER,
        ServiceKind.ELECTIVE_CHECKUP: _PAID | {Attribute.CAPACITY},
        ServiceKind.ELECTIVE_OUTPATIENT: _PAID | {Attribute.PAY_WITHIN_DAYS},
        ServiceKind.ELECTIVE_INPATIENT_PREPAYMENT: frozenset({Attribute.DEPOSIT_FEN}),
        ServiceKind.HOTEL_STAY: _HIRED | {Attribute.PAY_WITHIN_DAYS},
        ServiceKind.EQUIPMENT_HIRE: _HIRED | {Attribute.PERIOD_DAYS},
        ServiceKind.TENANCY_DEPOSIT: frozenset({Attribute.DEPOSIT_FEN}),
        ServiceKind.RETAIL_PURCHASE: _PAID | {Attribute.GIFT_FEN},
        ServiceKind.SPORTS_SESSION: _PAID | {Attribute.CAPACITY},
        ServiceKind.SHOW_TICKET: _PAID,
        ServiceKind.APPROVAL_FILING: _COUNTER | {Attribute.PAPERS_WITHIN_DAYS},
        ServiceKind.PAPER_BILL: _PAID | {Attribute.DELIVERY},
    }
)
"""The attributes that have a meaning for every service of a kind; a full baseline states at least these."""

SERVICES_OF_PROVIDER = MappingProxyType(
    {
        ProviderKind.LIBRARY: frozenset({ServiceKind.LIBRARY_LOAN, ServiceKind.READING_ROOM}),
        ProviderKind.MUSEUM: frozenset({ServiceKind.MUSEUM_EXHIBITION, ServiceKind.RETAIL_PURCHASE}),
        ProviderKind.PARK: frozenset({ServiceKind.PARK_EXTRA, ServiceKind.PARKING, ServiceKind.EQUIPMENT_HIRE}),
        ProviderKind.PARKING_OPERATOR: frozenset({ServiceKind.PARKING}),
        ProviderKind.BIKE_SHARE: frozenset({ServiceKind.BIKE_HIRE}),
        ProviderKind.TRANSPORT_OPERATOR: frozenset({ServiceKind.TRANSPORT_EXTRA}),
        ProviderKind.HOSPITAL: frozenset(
            {
                ServiceKind.HOSPITAL_ADMIN_COUNTER,
                ServiceKind.ELECTIVE_CHECKUP,
                ServiceKind.ELECTIVE_OUTPATIENT,
                ServiceKind.ELECTIVE_INPATIENT_PREPAYMENT,
                ServiceKind.PARKING,
            }
        ),
        ProviderKind.CLINIC: frozenset(
            {ServiceKind.HOSPITAL_ADMIN_COUNTER, ServiceKind.ELECTIVE_CHECKUP, ServiceKind.ELECTIVE_OUTPATIENT}
        ),
        ProviderKind.HOTEL: frozenset({ServiceKind.HOTEL_STAY, ServiceKind.PARKING}),
        ProviderKind.RENTAL_OPERATOR: frozenset({ServiceKind.EQUIPMENT_HIRE, ServiceKind.TENANCY_DEPOSIT}),
        ProviderKind.RETAILER: frozenset({ServiceKind.RETAIL_PURCHASE}),
        ProviderKind.SPORTS_VENUE: frozenset({ServiceKind.SPORTS_SESSION, ServiceKind.EQUIPMENT_HIRE}),
        ProviderKind.THEATRE_CINEMA: frozenset({ServiceKind.SHOW_TICKET}),
        ProviderKind.SCENIC_AREA: frozenset(
            {ServiceKind.SCENIC_EXTRA, ServiceKind.PARKING, ServiceKind.EQUIPMENT_HIRE, ServiceKind.PARK_EXTRA}
        ),
        ProviderKind.GOVERNMENT_SERVICE_HALL: frozenset({ServiceKind.APPROVAL_FILING, ServiceKind.PARKING}),
        ProviderKind.BILL_DELIVERY: frozenset({ServiceKind.PAPER_BILL}),
    }
)
"""R5: what each kind of provider can have on offer; a hotel lends no books, a shop sees no patients."""

EFFECTS_OF_SERVICE = MappingProxyType(
    {
        ServiceKind.HOSPITAL_ADMIN_COUNTER: frozenset({EffectKind.EXTRA_COUNTER, EffectKind.DELIVERY}),
        ServiceKind.ELECTIVE_CHECKUP: frozenset(
            {EffectKind.FEE_DISCOUNT, EffectKind.EXTRA_WINDOW, EffectKind.PAY_AFTER}
        ),
        ServiceKind.ELECTIVE_OUTPATIENT: frozenset({EffectKind.PAY_AFTER, EffectKind.EXTRA_WINDOW}),
        ServiceKind.ELECTIVE_INPATIENT_PREPAYMENT: frozenset({EffectKind.DEPOSIT_WAIVER, EffectKind.PAY_AFTER}),
        ServiceKind.TENANCY_DEPOSIT: frozenset({EffectKind.DEPOSIT_WAIVER, EffectKind.FEE_DISCOUNT}),
    }
)
"""Where guardrails name the only effects a kind of service may have: medical convenience, and an agreed tenancy."""
