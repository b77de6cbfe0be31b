"""Show, give, refuse, withdraw: the consent register. Nothing in here can see points, so no right depends on them."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from consent import database, documents, ledger, links, notices, people, presentations
from consent.documents_schema import Language
from consent.errors import (
    AccountForbidden,
    AccountRequired,
    AlreadyGiven,
    NotFound,
    NoticeChanged,
    NotInForce,
    TicketConsumed,
    TicketExpired,
)
from consent.grants import LIFE_MONTHS_MAX, PRESENTATION_LIFE, Grant, State, end_of_life
from consent.kinds import Kind
from consent.notices import Notice
from consent.people import Person
from consent.pseudonyms import IndexUse, blind_index, new_id
from consent.purposes import Purpose
from consent.vault import Keyring

NOTICE_OF_PURPOSE = {Purpose.POINTS_COMPUTE: "points-compute", Purpose.BENEFIT_CHECK: "benefit-check"}
COUNTERPART_KIND = {Purpose.POINTS_COMPUTE: Kind.SOURCES, Purpose.BENEFIT_CHECK: Kind.PROVIDERS}

RENEW_DAYS = 90
"""From so many days before its end on a consent may be renewed in one step; then the person is first told, too."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A notice as shown, with the ticket that may answer it until `expires_at`."""

    request_id: str
    ticket: str
    expires_at: datetime
    notice: Notice


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent as its person sees it; `link` only in the answer that gave it."""

    grant: Grant
    notice_id: str
    notice_version: int
    notice_sha256: str
    previous_id: str | None
    link: links.PendingLink | None = None


async def show(
    keyring: Keyring,
    person: Person,
    purpose: Purpose,
    counterpart: str,
    account: str | None,
    language: Language,
    at: datetime,
) -> Shown:
    """Show the notice in force for this purpose and counterpart, and remember exactly what was shown."""
    _check_account(purpose, account)
    named = await documents.in_force(COUNTERPART_KIND[purpose], counterpart, at)
    notice = await _current_notice(purpose, counterpart, language, at)
    assert named is not None
    presentation_id = new_id()
    expires_at = at + PRESENTATION_LIFE
    await database.run(
        "INSERT INTO presentation (person_id, presentation_id, purpose, counterpart, notice_id, notice_version,"
        " notice_sha256, body_sha256, language, account_index, sealed_account, shown_at, expires_at,"
        " counterpart_version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        person.person_id,
        presentation_id,
        purpose,
        counterpart,
        notice.notice_id,
        notice.version,
        notice.sha256,
        hashlib.sha256(notice.body.encode()).hexdigest(),
        language,
        None if account is None else blind_index(keyring, IndexUse.ACCOUNT, counterpart, account),
        None if account is None else person.seal("presentation", "sealed_account", presentation_id, account.encode()),
        database.to_micros(at),
        database.to_micros(expires_at),
        named.version,
    )
    return Shown(presentation_id, presentations.sign(keyring, presentation_id, person.person_id), expires_at, notice)


async def give(keyring: Keyring, person: Person, ticket: str, at: datetime) -> Consent:
    """Answer a shown notice with yes. The ticket is spent; for a source, the account's code is made.

    AlreadyGiven while a consent lives that cannot be renewed: too early, or with another account than the linked one.
    """
    shown = await _answer(keyring, person, ticket, at)
    purpose, counterpart = Purpose(shown["purpose"]), shown["counterpart"]
    changed = await documents.versions_between(
        Kind.NOTICES, shown["notice_id"], shown["notice_version"], await _version_in_force(shown["notice_id"], at)
    )
    if any(version.body["material"] for version in changed):
        raise NoticeChanged(asdict(await _current_notice(purpose, counterpart, shown["language"], at)))
    await expire_past(person, purpose, counterpart, at)
    previous = await database.row(
        "SELECT * FROM consent WHERE person_id = $1 AND purpose = $2 AND counterpart = $3 AND state <> 'refused'"
        " ORDER BY CASE state WHEN 'given' THEN 0 ELSE 1 END, given_at DESC, consent_id LIMIT 1",
        person.person_id,
        purpose,
        counterpart,
    )
    renewed = previous is not None and previous["state"] == State.GIVEN
    if previous is not None and renewed:
        await _supersede(person, _consent(previous).grant, previous["counterpart_version"], shown, at)
    consent = await _record(person, shown, State.GIVEN, at, previous["consent_id"] if previous else None)
    await people.bump(person.person_id)
    if purpose is Purpose.BENEFIT_CHECK:
        return consent
    if previous is not None and renewed and await links.renew(person, counterpart, shown, consent.grant.consent_id):
        return consent
    account = person.open(
        "presentation", "sealed_account", shown["presentation_id"], bytes(shown["sealed_account"])
    ).decode()
    link = await links.open_link(keyring, person, consent.grant.consent_id, counterpart, account, at)
    return Consent(
        consent.grant, consent.notice_id, consent.notice_version, consent.notice_sha256, consent.previous_id, link
    )


async def refuse(keyring: Keyring, person: Person, ticket: str, at: datetime) -> Consent:
    """Answer a shown notice with no. A refusal is a record of its own and costs nothing."""
    shown = await _answer(keyring, person, ticket, at)
    return await _record(person, shown, State.REFUSED, at, None)


async def withdraw(person: Person, consent_id: str, at: datetime) -> Consent:
    """End a consent now. Again: the same answer. The source's records go in the same transaction."""
    consent = await get(person, consent_id)
    state = consent.grant.state_at(at)
    if state is State.EXPIRED:
        await expire_past(person, consent.grant.purpose, consent.grant.counterpart, at)
        return await get(person, consent_id)
    if state is not State.GIVEN:
        return consent
    await _end(person, consent.grant, State.WITHDRAWN, at)
    return await get(person, consent_id)


async def withdraw_all(person: Person, at: datetime, counterpart: str | None = None) -> list[str]:
    """End every live consent of the person (those for one source or provider, when named); their ids."""
    live = [
        one.grant
        for one in await of(person, None, None)
        if one.grant.state_at(at) is State.GIVEN and counterpart in (None, one.grant.counterpart)
    ]
    for grant in live:
        await _end(person, grant, State.WITHDRAWN, at)
    return [grant.consent_id for grant in live]


async def get(person: Person, consent_id: str) -> Consent:
    """One consent of this person, or NotFound (equally for another person's)."""
    row = await database.row(
        "SELECT * FROM consent WHERE person_id = $1 AND consent_id = $2", person.person_id, consent_id
    )
    if row is None:
        raise NotFound("there is no such consent")
    return _consent(row)


async def of(person: Person, before: tuple[int, str] | None, limit: int | None) -> list[Consent]:
    """The person's consents, newest first; `before` is (microseconds, id) of the last one already seen."""
    at, consent_id = before or (2**62, "")
    found = await database.rows(
        "SELECT * FROM consent WHERE person_id = $1 AND (given_at < $2 OR (given_at = $2 AND consent_id < $3))"
        " ORDER BY given_at DESC, consent_id DESC LIMIT $4",
        person.person_id,
        at,
        consent_id,
        limit if limit is not None else 2**31 - 1,
    )
    return [_consent(row) for row in found]


def state_of(row: database.Row, at: datetime) -> State:
    """The state of a stored consent as it must be said at `at`."""
    return _consent(row).grant.state_at(at)


def _check_account(purpose: Purpose, account: str | None) -> None:
    if purpose is Purpose.POINTS_COMPUTE and account is None:
        raise AccountRequired("points.compute names your account at the source")
    if purpose is Purpose.BENEFIT_CHECK and account is not None:
        raise AccountForbidden("benefit.check needs no account, so none may be sent")


async def _current_notice(purpose: Purpose, counterpart: str, language: Language, at: datetime) -> Notice:
    named = await documents.in_force(COUNTERPART_KIND[purpose], counterpart, at)
    notice = await documents.in_force(Kind.NOTICES, NOTICE_OF_PURPOSE[purpose], at)
    if named is None or notice is None:
        raise NotInForce("there is no such counterpart, or it is not active")
    return notices.written_out(notice, named.body, language)


async def _version_in_force(notice_id: str, at: datetime) -> int:
    found = await documents.in_force(Kind.NOTICES, notice_id, at)
    if found is None:
        raise NotInForce("the notice is not in force")
    return found.version


async def _answer(keyring: Keyring, person: Person, ticket: str, at: datetime) -> database.Row:
    presentation_id = presentations.check(keyring, ticket, person.person_id)
    shown = await database.row(
        "SELECT * FROM presentation WHERE person_id = $1 AND presentation_id = $2",
        person.person_id,
        presentation_id,
    )
    if shown is None or shown["answered_at"] is not None:
        raise TicketConsumed("this notice was answered before; ask to see it again")
    if database.to_micros(at) >= shown["expires_at"]:
        raise TicketExpired("the notice was shown too long ago; ask to see it again")
    await database.run(
        "UPDATE presentation SET answered_at = $3 WHERE person_id = $1 AND presentation_id = $2",
        person.person_id,
        presentation_id,
        database.to_micros(at),
    )
    return shown


async def _record(person: Person, shown: database.Row, state: State, at: datetime, previous_id: str | None) -> Consent:
    given = state is State.GIVEN
    grant = Grant(
        new_id(),
        Purpose(shown["purpose"]),
        shown["counterpart"],
        state,
        at,
        end_of_life(at, LIFE_MONTHS_MAX) if given else at,
        None if given else at,
    )
    await database.run(
        "INSERT INTO consent (person_id, consent_id, purpose, counterpart, notice_id, notice_version, notice_sha256,"
        " state, given_at, expires_at, ended_at, previous_id, counterpart_version)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        person.person_id,
        grant.consent_id,
        grant.purpose,
        grant.counterpart,
        shown["notice_id"],
        shown["notice_version"],
        shown["notice_sha256"],
        state,
        database.to_micros(at),
        database.to_micros(grant.expires_at),
        None if given else database.to_micros(at),
        previous_id,
        shown["counterpart_version"],
    )
    await ledger.append(
        person,
        f"consent.{state}",
        {
            "consent_id": grant.consent_id,
            "purpose": grant.purpose,
            "counterpart": grant.counterpart,
            "counterpart_version": shown["counterpart_version"],
            "notice_id": shown["notice_id"],
            "notice_version": shown["notice_version"],
            "notice_sha256": shown["notice_sha256"],
            "body_sha256": shown["body_sha256"],
            "language": shown["language"],
            "expires_at": grant.expires_at.isoformat() if given else None,
            "previous_id": previous_id,
        },
        at,
    )
    return Consent(grant, shown["notice_id"], shown["notice_version"], shown["notice_sha256"], previous_id)


async def expire_past(person: Person, purpose: Purpose, counterpart: str, at: datetime) -> None:
    """Write down that a consent has expired, with its event and the end of its link; nothing when none has."""
    row = await database.row(
        "SELECT * FROM consent WHERE person_id = $1 AND purpose = $2 AND counterpart = $3 AND state = 'given'"
        " AND expires_at <= $4",
        person.person_id,
        purpose,
        counterpart,
        database.to_micros(at),
    )
    if row:
        await _end(person, _consent(row).grant, State.EXPIRED, at)


async def _supersede(person: Person, grant: Grant, version: int, shown: database.Row, at: datetime) -> None:
    """End the consent that a new one renews: near its end, or because its counterpart has changed. The link stays."""
    near = at >= grant.expires_at - timedelta(days=RENEW_DAYS)
    if not near and version == shown["counterpart_version"]:
        raise AlreadyGiven("this consent already lives, and for a while yet")
    await database.run(
        "UPDATE consent SET state = 'terminated', ended_at = $3 WHERE person_id = $1 AND consent_id = $2",
        person.person_id,
        grant.consent_id,
        database.to_micros(at),
    )
    facts = {"consent_id": grant.consent_id, "purpose": grant.purpose, "counterpart": grant.counterpart}
    await ledger.append(person, "consent.terminated", facts, at)


async def _end(person: Person, grant: Grant, state: State, at: datetime) -> None:
    ended_at = grant.expires_at if state is State.EXPIRED else at
    await database.run(
        "UPDATE consent SET state = $3, ended_at = $4 WHERE person_id = $1 AND consent_id = $2 AND state = 'given'",
        person.person_id,
        grant.consent_id,
        state,
        database.to_micros(ended_at),
    )
    await people.bump(person.person_id)
    removed = await links.end(person, grant.counterpart, at) if grant.purpose is Purpose.POINTS_COMPUTE else None
    await ledger.append(
        person,
        f"consent.{state}",
        {
            "consent_id": grant.consent_id,
            "purpose": grant.purpose,
            "counterpart": grant.counterpart,
            "records_removed": removed,
        },
        at,
    )


def _consent(row: database.Row) -> Consent:
    return Consent(
        Grant(
            row["consent_id"],
            Purpose(row["purpose"]),
            row["counterpart"],
            State(row["state"]),
            database.from_micros(row["given_at"]),
            database.from_micros(row["expires_at"]),
            None if row["ended_at"] is None else database.from_micros(row["ended_at"]),
        ),
        row["notice_id"],
        row["notice_version"],
        row["notice_sha256"],
        row["previous_id"],
    )
