"""Refusals of requests that were understood. They know no HTTP: `service.http.problems` maps `code` to a status.

DomainError
├── NotFound                 absent, and equally somebody else's
├── TicketInvalid            not a presentation ticket of this service
├── TicketOfAnother          its notice was shown to somebody else
├── TicketExpired            its notice was shown too long ago
├── TicketConsumed           its notice was answered before
├── NoticeChanged            a material change came in between; carries the new notice
├── AlreadyGiven             the consent lives already
├── AccountRequired          the purpose needs an account at the source
├── AccountForbidden         the purpose needs none, so none may be collected
├── CodeUnknown              wrong, expired or foreign: one answer
├── AccountLinkedElsewhere   the older link stands; the writes about the claim are committed
├── NotInForce               no such counterpart, or not active
├── Conflict                 the object's state does not allow it
├── TooManyComplaints        as many of the person's complaints wait for an answer as may
├── TooManyObjections        as many of the person's objections about missing records wait as may
├── RestoredByOfficer        an officer has restored the record; its source may not lower it again
├── WouldLowerPoints         upheld like this, the objection would take points from its person
├── FourEyes                 the same person may not decide
├── OtherDivision            the document belongs to a division in which the member of staff may not act
├── Changed                  the hash that the person read is not the document's
├── Prohibited               refused by the publication rules; carries the findings
├── TooFewConsents           a sample of so few would tell who they are
├── SampleTooLarge           a sample is at most a tenth of what fits
├── NotCovered               no live consent covers the use
├── OutcomeUnknown           the act may be done; repeating it is safe and heals
├── IndexKeyMissing          this process lacks the index key that rows are written under
├── RecordsWithheld          nothing may be used until withdrawals and erasures were replayed
└── intake.RecordRefused     the corrected record would be refused
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from consent.kernel.faults import FORM


class DomainError(Exception):
    """A refusal with a stable `code`. The message is for developers and never repeats what was sent."""

    code: str
    is_mistake: bool = False
    """True where the refusal is of a mistake and no attempt at anything: officers are not shown it."""
    keeps_writes: bool = False
    """True commits the writes made before the refusal (a review, a message) instead of rolling them back."""
    retry_after_seconds: int | None = None
    """Seconds after which the same request can succeed, where waiting helps."""

    def members(self) -> Mapping[str, Any]:
        """Return further members of the problem response, JSON-ready; only what the person may know."""
        return {}


class NotFound(DomainError):
    """Absent; another person's object is absent too."""

    code = "not_found"


class TicketInvalid(DomainError):
    """Not a presentation ticket that this service issued."""

    code = "ticket_invalid"


class TicketOfAnother(DomainError):
    """The notice was shown to somebody else."""

    code = "ticket_of_another"


class TicketExpired(DomainError):
    """The notice was shown more than 15 minutes ago."""

    code = "ticket_expired"


class TicketConsumed(DomainError):
    """The notice was answered before."""

    code = "ticket_consumed"


class NoticeChanged(DomainError):
    """A material version came into force since the notice was shown; `notice` is the new one, ready to be shown."""

    code = "notice_changed"

    def __init__(self, notice: Mapping[str, Any]) -> None:
        super().__init__("the notice has changed since it was shown")
        self.notice = notice

    def members(self) -> Mapping[str, Any]:
        """Return the new notice."""
        return {"notice": self.notice}


class AlreadyGiven(DomainError):
    """A live consent for the same purpose and counterpart exists."""

    code = "already_given"


class AccountRequired(DomainError):
    """The purpose needs the person's account at the source."""

    code = "account_required"


class AccountForbidden(DomainError):
    """The purpose needs no account, so none may be collected."""

    code = "account_forbidden"


class CodeUnknown(DomainError):
    """No link or binding waits for this code."""

    code = "code_unknown"


class AccountLinkedElsewhere(DomainError):
    """Somebody else's confirmed link to the account stands; the claim's review and messages are committed."""

    code = "account_linked_elsewhere"
    keeps_writes = True


class NotInForce(DomainError):
    """The counterpart or document does not exist or is not active."""

    code = "not_in_force"


class Conflict(DomainError):
    """The object's state does not allow it."""

    code = "conflict"


class TooManyComplaints(DomainError):
    """As many complaints of this person wait for an answer as may; the next one can be opened when one is answered."""

    code = "too_many_complaints"


class TooManyObjections(DomainError):
    """As many objections of this person about missing records wait for an officer as may."""

    code = "too_many_objections"


class RestoredByOfficer(DomainError):
    """An officer has restored the record; its source may not retract it or correct it downwards."""

    code = "restored_by_officer"


class WouldLowerPoints(DomainError):
    """Upheld like this, the objection would leave its person with less than before (R12)."""

    code = "would_lower_points"


class NotCovered(DomainError):
    """No live consent of this person covers the use."""

    code = "consent_needed"


class OutcomeUnknown(DomainError):
    """Nobody can tell whether the act was carried out, for example because a connection was lost during COMMIT."""

    code = "outcome_unknown"


class IndexKeyMissing(DomainError):
    """A rotation of the index key is ahead of this process, which lacks the keyring of the other hosts."""

    code = "unavailable"
    retry_after_seconds = 5


class RecordsWithheld(DomainError):
    """Records are withheld: the database may be an older copy of itself, and its tombstones were not replayed yet."""

    code = "records_withheld"


def require_not_withheld(withheld: int) -> None:
    """Raise RecordsWithheld where `withheld`, a column of the consent log's head, is not 0."""
    if withheld:
        raise RecordsWithheld("the database may be an older copy; records wait until its tombstones were replayed")


class FourEyes(DomainError):
    """The staff member contributed to the document and cannot also decide on it."""

    code = "four_eyes"


class OtherDivision(DomainError):
    """The document belongs to a division in which the member of staff may not act (R15)."""

    code = "other_division"


class Changed(DomainError):
    """The document's hash is not the one the staff member read."""

    code = "changed"


class TooFewConsents(DomainError):
    """Fewer consents fit the filters than a sample may be drawn from."""

    code = "too_few_consents"


class SampleTooLarge(DomainError):
    """The sample is more than the share of what fits that may be drawn."""

    code = "sample_too_large"


class Prohibited(DomainError):
    """The publication rules refused a document; each finding has code, rule, pointer, severity and detail."""

    code = "prohibited"

    def __init__(self, findings: Sequence[Mapping[str, Any]]) -> None:
        super().__init__("; ".join(f"{finding['rule']} {finding['code']} {finding['pointer']}" for finding in findings))
        self.findings = findings
        self.is_mistake = all(finding["rule"] == FORM for finding in findings)

    def members(self) -> Mapping[str, Any]:
        """Return the findings as the problem's `errors`."""
        return {"errors": [dict(finding) for finding in self.findings]}
