"""Give, refuse, withdraw: the consent register. Nothing in here can see points, so no right depends on them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from consent import persons
from consent.consents import account_links, presentations
from consent.consents.link_codes import PendingLink
from consent.crypto.blind_index import new_id
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind
from consent.domain.grants import LIFE_MONTHS_MAX, Grant, State, end_of_life
from consent.domain.purposes import Purpose
from consent.events import ledger
from consent.kernel.errors import AlreadyGiven, NotFound, NoticeChanged, NotInForce
from consent.persons import Person

RENEW_DAYS = 90
"""From so many days before its end on a consent may be renewed in one step; then the person is first told, too."""


@dataclass(frozen=True, slots=True)
class ConsentForPerson:
    """A consent as its person sees it; `link` while it waits for its code."""

    grant: Grant
    notice_id: str
    notice_version: int
    notice_sha256: str
    previous_id: str | None
    link: PendingLink | None = None


async def give(keyring: Keyring, person: Person, ticket: str, at: datetime) -> ConsentForPerson:
    """Answer a shown notice with yes. The ticket is spent; for a source, the account's code is made.

    AlreadyGiven while a consent lives that cannot be renewed: too early, or with another account than the linked one.
    """
    shown = await presentations.spend_ticket(keyring, person, ticket, at)
    purpose, counterpart = Purpose(shown["purpose"]), shown["counterpart"]
    changed = await lifecycle.versions_between(
        DocumentKind.NOTICES,
        shown["notice_id"],
        shown["notice_version"],
        await _version_in_force(shown["notice_id"], at),
    )
    if any(version.body["material"] for version in changed):
        raise NoticeChanged(asdict(await presentations.current_notice(purpose, counterpart, shown["language"], at)))
    await record_expiry(person, purpose, counterpart, at)
    previous = await queries.fetch_one(
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
    await persons.raise_epoch(person.person_id)
    if purpose is Purpose.BENEFIT_CHECK:
        return consent
    account = person.open(
        "presentation", "sealed_account", shown["presentation_id"], bytes(shown["sealed_account"])
    ).decode()
    consent_id = consent.grant.consent_id
    if previous is not None and renewed and await account_links.renew_link(person, counterpart, shown, consent_id):
        return consent
    stopped = None if previous is None else _consent(previous).grant
    if (
        stopped is not None
        and stopped.state is State.WITHDRAWN
        and stopped.consent_id == shown["previous_id"]
        and await account_links.restore_link(keyring, person, stopped, account, consent_id, at)
    ):
        return consent
    return replace(consent, link=await account_links.open_link(keyring, person, consent_id, counterpart, account, at))


async def refuse(keyring: Keyring, person: Person, ticket: str, at: datetime) -> ConsentForPerson:
    """Answer a shown notice with no. A refusal is a record of its own and costs nothing."""
    shown = await presentations.spend_ticket(keyring, person, ticket, at)
    return await _record(person, shown, State.REFUSED, at, None)


async def withdraw(person: Person, consent_id: str, at: datetime) -> ConsentForPerson:
    """End a consent now. Again: the same answer. The source's records go in the same transaction."""
    consent = await get(person, consent_id)
    state = consent.grant.state_at(at)
    if state is State.EXPIRED:
        await record_expiry(person, consent.grant.purpose, consent.grant.counterpart, at)
        return await get(person, consent_id)
    if state is not State.GIVEN:
        return consent
    await _end(person, consent.grant, State.WITHDRAWN, at)
    return await get(person, consent_id)


async def withdraw_all(person: Person, at: datetime, counterpart: str | None = None) -> list[str]:
    """End every live consent of the person (those for one source or provider, when named); their ids."""
    live = [
        one.grant
        for one in await list_for(person, None, None)
        if one.grant.state_at(at) is State.GIVEN and counterpart in (None, one.grant.counterpart)
    ]
    for grant in live:
        await _end(person, grant, State.WITHDRAWN, at)
    return [grant.consent_id for grant in live]


async def get(person: Person, consent_id: str) -> ConsentForPerson:
    """One consent of this person, or NotFound (equally for another person's)."""
    row = await queries.fetch_one(
        "SELECT * FROM consent WHERE person_id = $1 AND consent_id = $2", person.person_id, consent_id
    )
    if row is None:
        raise NotFound("there is no such consent")
    return _consent(row)


async def list_for(person: Person, before: tuple[int, str] | None, limit: int | None) -> list[ConsentForPerson]:
    """The person's consents, newest first; `before` is (microseconds, id) of the last one already seen."""
    at, consent_id = before or (2**62, "")
    found = await queries.fetch_all(
        "SELECT * FROM consent WHERE person_id = $1 AND (given_at < $2 OR (given_at = $2 AND consent_id < $3))"
        " ORDER BY given_at DESC, consent_id DESC LIMIT $4",
        person.person_id,
        at,
        consent_id,
        limit if limit is not None else 2**31 - 1,
    )
    return [_consent(row) for row in found]


def state_of(row: queries.Row, at: datetime) -> State:
    """The state of a stored consent as it must be said at `at`."""
    return _consent(row).grant.state_at(at)


async def _version_in_force(notice_id: str, at: datetime) -> int:
    found = await lifecycle.in_force(DocumentKind.NOTICES, notice_id, at)
    if found is None:
        raise NotInForce("the notice is not in force")
    return found.version


async def _record(
    person: Person, shown: queries.Row, state: State, at: datetime, previous_id: str | None
) -> ConsentForPerson:
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
    await queries.execute(
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
        queries.to_micros(at),
        queries.to_micros(grant.expires_at),
        None if given else queries.to_micros(at),
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
    return ConsentForPerson(grant, shown["notice_id"], shown["notice_version"], shown["notice_sha256"], previous_id)


async def record_expiry(person: Person, purpose: Purpose, counterpart: str, at: datetime) -> None:
    """Write down that a consent has expired, with its event and the end of its link; nothing when none has."""
    row = await queries.fetch_one(
        "SELECT * FROM consent WHERE person_id = $1 AND purpose = $2 AND counterpart = $3 AND state = 'given'"
        " AND expires_at <= $4",
        person.person_id,
        purpose,
        counterpart,
        queries.to_micros(at),
    )
    if row:
        await _end(person, _consent(row).grant, State.EXPIRED, at)


async def _supersede(person: Person, grant: Grant, version: int, shown: queries.Row, at: datetime) -> None:
    """End the consent that a new one renews: near its end, or because its counterpart has changed. The link stays."""
    near = at >= grant.expires_at - timedelta(days=RENEW_DAYS)
    if not near and version == shown["counterpart_version"]:
        raise AlreadyGiven("this consent already lives, and for a while yet")
    await queries.execute(
        "UPDATE consent SET state = 'terminated', ended_at = $3 WHERE person_id = $1 AND consent_id = $2",
        person.person_id,
        grant.consent_id,
        queries.to_micros(at),
    )
    facts = {"consent_id": grant.consent_id, "purpose": grant.purpose, "counterpart": grant.counterpart}
    await ledger.append(person, "consent.terminated", facts, at)


async def _end(person: Person, grant: Grant, state: State, at: datetime) -> None:
    ended_at = grant.expires_at if state is State.EXPIRED else at
    await queries.execute(
        "UPDATE consent SET state = $3, ended_at = $4 WHERE person_id = $1 AND consent_id = $2 AND state = 'given'",
        person.person_id,
        grant.consent_id,
        state,
        queries.to_micros(ended_at),
    )
    await persons.raise_epoch(person.person_id)
    removed = (
        await account_links.end_links(person, grant.counterpart, at)
        if grant.purpose is Purpose.POINTS_COMPUTE
        else None
    )
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


def _consent(row: queries.Row) -> ConsentForPerson:
    return ConsentForPerson(
        Grant(
            row["consent_id"],
            Purpose(row["purpose"]),
            row["counterpart"],
            State(row["state"]),
            queries.from_micros(row["given_at"]),
            queries.from_micros(row["expires_at"]),
            None if row["ended_at"] is None else queries.from_micros(row["ended_at"]),
        ),
        row["notice_id"],
        row["notice_version"],
        row["notice_sha256"],
        row["previous_id"],
    )
