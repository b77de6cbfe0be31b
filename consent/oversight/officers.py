"""The privacy officer's work: single consents under a case, reviews, refused attempts.

SQL text remains where tables are united.

An officer cannot list rows by place and time, nor search for a person. Every access leaves a leaf in the consent log;
an access to one consent is an event in that person's own chain as well, where they can read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from consent import persons
from consent.consents import register
from consent.crypto.vault import Keyring
from consent.database import paging, queries
from consent.database.paging import Cursor
from consent.documents import recipients
from consent.events import ledger
from consent.events.ledger import Opening
from consent.kernel.errors import NotFound
from consent.models import LinkReview, RefusedAttempt, SourceChange, StoredConsent
from consent.oversight import cases, provider_cases

PROPAGATION_DAYS = 7
"""Days within which a source must acknowledge an ended link or a correction."""
RETENTION = timedelta(days=3 * 366)
"""Time for which cases and decided reviews stay: three years, as long as processing records by PIPL 56."""


@dataclass(frozen=True, slots=True)
class ConsentForOfficer:
    """A consent as an officer sees it: no identity, `state` at the instant that was asked for."""

    consent_id: str
    purpose: str
    counterpart: str
    state: str
    notice_id: str
    notice_version: int
    given_at: datetime
    expires_at: datetime
    ended_at: datetime | None


async def delete_old(at: datetime) -> int:
    """Delete cases with notes, decided reviews, providers' cases and counts of changes older than RETENTION.

    Returns the number of cases and reviews.
    """
    limit = queries.to_micros(at - RETENTION)
    await SourceChange.filter(day__lt=queries.to_day_number((at - RETENTION).date())).delete()
    deleted = await cases.delete_opened_before(limit) + await provider_cases.delete_before(at - RETENTION)
    return deleted + await LinkReview.filter(opened_at__lt=limit, state="decided").delete()


async def read_consent(
    keyring: Keyring, consent_id: str, case_id: str, staff_id: str, at: datetime
) -> tuple[ConsentForOfficer, list[Opening]]:
    """Return one consent and its events, under a case that was checked before.

    Locks the person's row and writes `officer.looked` into their chain and the access into the consent log.
    """
    row = await StoredConsent.filter(consent_id=consent_id).first()
    if row is None:
        raise NotFound("there is no such consent")
    person = await persons.lock(keyring, row.person_id)
    await ledger.append(
        person,
        "officer.looked",
        {
            "organisation": "privacy-office",
            "purpose": "oversight",
            "what": "consent",
            "outcome": "looked",
            "consent_id": consent_id,
            "case_id": case_id,
        },
        at,
        to_the_hour=True,
    )
    await ledger.record_officer_read(staff_id, case_id, "consent.read", at)
    grant = register.grant_from_row(row, await recipients.load_changes())
    consent = ConsentForOfficer(
        consent_id,
        row.purpose,
        row.counterpart,
        grant.state_at(at),
        row.notice_id,
        row.notice_version,
        grant.given_at,
        grant.expires_at,
        grant.ended_at,
    )
    return consent, await ledger.about_consent(person, consent_id)


async def refused_attempts(after: Cursor | None, limit: int) -> list[queries.Row]:
    """Return refused attempts, newest first, after the cursor (at, attempt id).

    A row has attempt_id, at, actor, code, audience (as `door`) and `what`: the act, then a space and the document.
    """
    rows: list[queries.Row] = (
        await RefusedAttempt.filter(paging.older_than(after, "at", "attempt_id"))
        .order_by("-at", "-attempt_id")
        .limit(limit)
        .values("attempt_id", "at", "actor", "code", "what", door="audience")
    )
    return rows


async def unacknowledged(after: Cursor | None, limit: int) -> list[queries.Row]:
    """Return ended links and corrections not acknowledged, and records asked for and not answered, oldest first.

    A row has kind, id, source_id, since and answer_by (of a record asked for, else NULL); no account and no person. The
    cursor is (since, id).
    """
    since, waiting_id = after or paging.OLDEST
    return await queries.fetch_all(
        "SELECT * FROM (SELECT 'ended_link' AS kind, link_id AS id, source_id, since,"
        " CAST(NULL AS INTEGER) AS answer_by FROM account_link WHERE state = 'ended' AND acknowledged_at IS NULL"
        " UNION ALL"
        " SELECT 'ended_link', link_id, source_id, since, NULL FROM farewell WHERE acknowledged_at IS NULL UNION ALL"
        " SELECT 'correction', correction_id, source_id, since, NULL FROM correction WHERE acknowledged_at IS NULL"
        " UNION ALL SELECT 'asked_record', objection_id, source_id, asked_at, answer_by FROM objection"
        " WHERE asked_at IS NOT NULL AND answered_at IS NULL) waiting"
        " WHERE since > $1 OR (since = $1 AND id > $2) ORDER BY since, id LIMIT $3",
        since,
        waiting_id,
        limit,
    )
