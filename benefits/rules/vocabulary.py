"""The closed words of the catalogue: kinds of provider, service and effect, scenes, baseline attributes, limits.

A word that is not listed here cannot be written into a document: police, courts, employers, banks, insurers, schools,
supply of utilities, emergency care and identity documents are not denied, they are absent (R5). A new word needs an
entry in several places; `tests/structure/test_new_kinds.py` names each one that is missing. Kinds of records are in
`consent.domain.records`.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType

AMOUNT_MAX = 1_000_000_000
"""The largest amount in a document (as money, ten million yuan); a larger one is a mistake of units."""
CAPACITY_SHARE_PERCENT_MAX = 20
"""R10: the share of a service's capacity that all its benefits together may take."""
THRESHOLDS_MAX = 2
"""R6: thresholds for one effect at one provider; more would let the venue infer the points."""
BASELINE_DAYS = 180
"""R4: days for which a better baseline of the past blocks a benefit on a worse one."""


class ProviderKind(StrEnum):
    """Kinds of provider that may offer a benefit."""

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
    """Kinds of service that a benefit may improve."""

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
    """Scenes of application in the plan."""

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
    """Attributes of a baseline, in fen, days, minutes or counts; `delivery` alone is a boolean."""

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
"""Attributes of which less is better for the person; of every other attribute more is better."""


class CommitmentKind(StrEnum):
    """The things that a resident may promise with a ticket."""

    HAND_IN_PAPER = "hand_in_paper"
    RETURN_ITEM = "return_item"
    PAY = "pay"
    ATTEND = "attend"


COMMITMENT_DAYS_MAX = 365
"""The longest time of a commitment; a promise for years would bind somebody who no longer remembers it."""


class Period(StrEnum):
    """Civil periods of a quota; a week begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class EffectKind(StrEnum):
    """Kinds of effect; `benefits.rules.effects` declares each."""

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
"""Attributes that have a meaning for every service of a kind; a complete baseline states at least these."""

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
"""R5: the kinds of service that each kind of provider can offer."""

RESTRICTED_SERVICES = frozenset(
    {
        ServiceKind.HOSPITAL_ADMIN_COUNTER,
        ServiceKind.ELECTIVE_CHECKUP,
        ServiceKind.ELECTIVE_OUTPATIENT,
        ServiceKind.ELECTIVE_INPATIENT_PREPAYMENT,
        ServiceKind.TENANCY_DEPOSIT,
    }
)
"""R5: kinds of service with a closed list of effects (medical convenience, an agreed tenancy): an effect that does not
declare to suit them is refused, not flagged."""
