"""What can be wrong when somebody asks for a benefit. Only the resident is ever told; a venue hears "standard terms".

consent.errors.DomainError
├── BenefitNotAvailable   with every line that is not met
├── ConsentNeeded         no live `benefit.check` for the provider
├── ReversalNotPossible   another day
└── BudgetSpent           a benefit was simulated too often this week
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benefits.rules.conditions import ConditionLine
from consent.kernel.errors import DomainError


class BenefitNotAvailable(DomainError):
    """The benefit does not apply now. `reasons` are the lines not met; `quota_used` when only the quota is gone."""

    code = "benefit_not_available"

    def __init__(self, reasons: Sequence[ConditionLine] = (), *, quota_used: bool = False) -> None:
        super().__init__("the benefit does not apply now")
        self.reasons, self.quota_used = tuple(reasons), quota_used

    def members(self) -> Mapping[str, Any]:
        """What is needed and what there is."""
        return {"reasons": [line._asdict() for line in self.reasons], "quota_used": self.quota_used}


class ConsentNeeded(DomainError):
    """A `benefit.check` consent for the provider comes first."""

    code = "consent_needed"


class ReversalNotPossible(DomainError):
    """A redemption can be taken back on its own civil day only."""

    code = "reversal_not_possible"


class BudgetSpent(DomainError):
    """A benefit was simulated as often as a week allows."""

    code = "budget_spent"
