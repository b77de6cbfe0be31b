"""The upper limit of each effect's amount, with its reason (R3).

An addition above its limit would empty stock that everybody shares, or make it so costly to refuse a consent that the
consent is no longer free. The JSON schema of documents, the editor and the public API take the limits from the effects,
which take them from here.
"""

from __future__ import annotations

DEPOSIT_WAIVER_FEN_MAX = 1_000_000
"""10,000 yuan: the lawful prepayment of a usual elective stay in hospital, or the deposit of a family's flat. A larger
waiver is credit, and credit is not given by points."""
FEE_DISCOUNT_PERCENT_MAX = 30
"""Beyond this the full price would work as a punishment."""
FREE_MINUTES_MAX = 120
"""Two hours: an errand or a meal. Longer stays would take parking places and courts from those who pay."""
LONGER_PERIOD_DAYS_MAX = 30
"""Another month: as long as a usual loan. The next reader waits at most twice as long."""
MORE_ITEMS_MAX = 10
"""At most about twice as many again as a usual loan allows; more would empty the shelf for everybody else."""
PAY_AFTER_DAYS_MAX = 30
"""A month, until the next wage. Later payment is a loan, and a reason to collect debts."""
EXTRA_COUNTERS_MAX = 3
"""Counters with staff of their own; with more of them the counters for everybody would be those left over."""
EXTRA_CAPACITY_MAX = 200
"""Places of one benefit in the period of the capacity; more than this is a second service and needs a baseline of its
own."""
GIFT_FEN_MAX = 2_000
"""20 yuan: a thank-you. A gift of real worth would pay people for their consent."""
MISSING_PAPER_DAYS_MAX = 30
"""A month: about the time that an authority may take for a usual decision, so that no filing waits open for long."""


def by_name() -> dict[str, int]:
    """Return every limit above by its name in lower case, as the public API prints it."""
    return {name.lower(): value for name, value in globals().items() if name.endswith("_MAX")}
