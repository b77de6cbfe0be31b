"""Errors of asking for a benefit. Only the resident receives them; a venue is answered "standard terms" (R6).

consent.kernel.errors.DomainError
├── BenefitNotAvailable   with every line that is not met
├── ConsentNeeded         no live `benefit.check` for the provider
├── TermsChanged          the terms that were accepted are not the present ones; carries these
├── BookingNeeded         a venue with sessions: a ticket needs a booking of the session that is on
├── NoPlaceLeft           every place of a session is taken, or the free ones are everybody's
├── SessionNotPossible    begins or ends at a wrong time, or is over the added places
├── ReversalNotPossible   another day
├── BudgetSpent           a benefit was simulated too often this week
├── PrivacyBudgetSpent    no epsilon is left this week for a new question of this kind
├── NoOfflinePass         the benefit is limited to places, which a pass cannot count
├── PassKeyUsed           a device key was used for a pass before
├── NoPositionForPass     no free position in a status list came up
└── VenueSuspended        no venue in force belongs to the client
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benefits.rules.conditions import ConditionLine
from consent.kernel.errors import DomainError


class BenefitNotAvailable(DomainError):
    """The benefit does not apply now. `reasons` are the lines not met; `quota_used` if only the quota is used up."""

    code = "benefit_not_available"

    def __init__(self, reasons: Sequence[ConditionLine] = (), *, quota_used: bool = False) -> None:
        super().__init__("the benefit does not apply now")
        self.reasons, self.quota_used = tuple(reasons), quota_used

    def members(self) -> Mapping[str, Any]:
        """Return the members of the problem: each line with the points needed and those there are."""
        return {"reasons": [line._asdict() for line in self.reasons], "quota_used": self.quota_used}


class ConsentNeeded(DomainError):
    """The person has no live `benefit.check` consent for the provider."""

    code = "consent_needed"


class NoOfflinePass(DomainError):
    """The benefit gives places, which are counted where there is a network: passes for it would be too many."""

    code = "no_offline_pass"


class PassKeyUsed(DomainError):
    """A device key has a pass already; with the same key twice, two passes would tell that they are of one person."""

    code = "pass_key_used"


class NoPositionForPass(DomainError):
    """None of the drawn positions in the day's status lists was free: they are nearly full. Tomorrow has new lists."""

    code = "unavailable"
    retry_after_seconds = 60


class TermsChanged(DomainError):
    """The resident accepted other terms than those that hold now, or none where there is a commitment."""

    code = "terms_changed"

    def __init__(self, terms: Mapping[str, Any], terms_sha256: str) -> None:
        super().__init__("read and accept the present terms")
        self.terms, self.terms_sha256 = terms, terms_sha256

    def members(self) -> Mapping[str, Any]:
        """Return the terms, the commitment and their hash, which accepts them."""
        return {**self.terms, "terms_sha256": self.terms_sha256}


class BookingNeeded(DomainError):
    """A ticket for added places needs a booking of the session that is on; slips and bindings are refused."""

    code = "booking_needed"


class NoPlaceLeft(DomainError):
    """Every place of the session is taken, or the free ones are everybody's now."""

    code = "no_place_left"


class SessionNotPossible(DomainError):
    """The session begins or ends at a wrong time, or has more places than the benefit adds."""

    code = "session_not_possible"


class ReversalNotPossible(DomainError):
    """The redemption is of another civil day; a reversal is possible on its own day only."""

    code = "reversal_not_possible"


class BudgetSpent(DomainError):
    """A benefit, or the schemes together, were simulated as often as a week allows."""

    code = "budget_spent"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("simulated twenty times this week; the next week has a budget of its own")
        self.retry_after_seconds = retry_after_seconds


class PrivacyBudgetSpent(DomainError):
    """The week's share of epsilon for this kind of number is used up; what was asked before can be asked again."""

    code = "privacy_budget_spent"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("no new question of this kind this week; the next week has a budget of its own")
        self.retry_after_seconds = retry_after_seconds


class VenueSuspended(DomainError):
    """No venue in force belongs to the client that asks."""

    code = "suspended"
