"""The consent register: give, refuse, withdraw, renew, end by itself.

No module reached from here knows points, so that no right of a person can depend on them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from consent import persons
from consent.consents import account_links, presentations, withdrawal_copies
from consent.consents.link_codes import PendingLink
from consent.crypto.blind_index import new_id
from consent.crypto.vault import Keyring
from consent.database import paging, queries
from consent.database.paging import Cursor
from consent.documents import lifecycle, recipients, versions
from consent.domain.document_kinds import DocumentKind
from consent.domain.grants import LIFE_MONTHS_MAX, UNDO_LIFE, Grant, State, end_of_life
from consent.domain.purposes import Purpose
from consent.domain.recipients import COUNTERPART_KIND, NO_CHANGES, RecipientChanges
from consent.events import ledger, messages
from consent.events.messages import MessageKind
from consent.kernel.errors import AlreadyGiven, NotFound, NoticeChanged, NotInForce
from consent.kernel.instants import rfc3339
from consent.models import Presentation, StoredConsent
from consent.persons import Person

RENEW_DAYS = 90
"""Days before its end from which a consent can be renewed in one step; the person's first reminder comes then too."""


@dataclass(frozen=True, slots=True)
class ConsentForPerson:
    """A consent as its person sees it; `link` while an account waits for its code, `previous_id` what it follows."""

    grant: Grant
    notice_id: str
    notice_version: int
    notice_sha256: str
    previous_id: str | None
    link: PendingLink | None = None


async def give(keyring: Keyring, person: Person, ticket: str, at: datetime) -> ConsentForPerson:
    """Answer a shown notice with yes: spend the ticket, store the consent, make the account's code for a source.

    Runs in the caller's transaction with the person's row locked; raises the epoch and writes `consent.given`.

    Raises:
        NoticeChanged: after it was shown, a material change of the notice came into force, or another name, owner or
            client of the counterpart; holds the new notice.
        AlreadyGiven: a consent lives and cannot be renewed: too early, or it names another account than the linked one.
        TicketInvalid, TicketOfAnother, TicketConsumed, TicketExpired: as `presentations.spend_ticket`.
    """
    shown = await presentations.spend_ticket(keyring, person, ticket, at)
    purpose, counterpart = Purpose(shown.purpose), shown.counterpart
    await _require_unchanged_notice(shown, at)
    await record_end(person, purpose, counterpart, at)
    previous = await _previous(person, purpose, counterpart)
    renewed = previous is not None and previous.state == State.GIVEN
    if previous is not None and renewed:
        await _supersede(person, previous, shown, at)
    consent = await _record(person, shown, State.GIVEN, at, previous.consent_id if previous else None)
    await withdrawal_copies.delete_for(person, purpose, counterpart)
    await persons.raise_epoch(person.person_id)
    account = presentations.account_in(person, shown)
    if account is None:
        return consent
    consent_id = consent.grant.consent_id
    if renewed and await account_links.renew_link(keyring, person, counterpart, account, consent_id):
        return consent
    stopped = None if previous is None else grant_from_row(previous, NO_CHANGES)
    if (
        stopped is not None
        and stopped.state is State.WITHDRAWN
        and stopped.consent_id == shown.previous_id
        and await account_links.restore_link(keyring, person, stopped, account, consent_id, at)
    ):
        return consent
    return replace(consent, link=await account_links.open_link(keyring, person, consent_id, counterpart, account, at))


async def _require_unchanged_notice(shown: Presentation, at: datetime) -> None:
    current = await lifecycle.in_force(DocumentKind.NOTICES, shown.notice_id, at)
    if current is None:
        raise NotInForce("the notice is not in force")
    changed = await versions.versions_between(
        DocumentKind.NOTICES, shown.notice_id, shown.notice_version, current.version
    )
    purpose, shown_at = Purpose(shown.purpose), queries.from_micros(shown.shown_at)
    # The notice names the counterpart: a person who read an older name has not agreed with the one of today.
    renamed = await recipients.changed_since(COUNTERPART_KIND[purpose], shown.counterpart, shown_at, at)
    if renamed or any(version.body["material"] for version in changed):
        language = presentations.language_in(shown)
        notice = await presentations.current_notice(purpose, shown.counterpart, language, at)
        raise NoticeChanged(asdict(notice))


async def _previous(person: Person, purpose: Purpose, counterpart: str) -> StoredConsent | None:
    """Return the consent that a new one follows: the live one, else the one given last."""
    given = StoredConsent.filter(person_id=person.person_id, purpose=purpose, counterpart=counterpart)
    return (
        await given.filter(state="given").first()
        or await given.exclude(state="refused").order_by("-given_at", "consent_id").first()
    )


async def refuse(keyring: Keyring, person: Person, ticket: str, at: datetime) -> ConsentForPerson:
    """Answer a shown notice with no: spend the ticket, store the refusal, write `consent.refused`. It costs nothing.

    Runs in the caller's transaction with the person's row locked. Raises as `presentations.spend_ticket`.
    """
    shown = await presentations.spend_ticket(keyring, person, ticket, at)
    return await _record(person, shown, State.REFUSED, at, None)


async def withdraw(person: Person, consent_id: str, at: datetime) -> ConsentForPerson:
    """End a consent now and delete the records that came under it; repeating it returns the same consent.

    A sealed copy stays for UNDO_LIFE, for `undo` and the person's export alone (`withdrawal_copies`). A part of
    `service.compliance.full_withdrawal`, which also ends what other packages made under the consent. Runs in the
    caller's transaction with the person's row locked; raises the epoch and writes `consent.withdrawn`. One that has
    ended by itself stays so. NotFound as `get`.
    """
    consent = await get(person, consent_id)
    if consent.grant.state is State.GIVEN and consent.grant.state_at(at) is not State.GIVEN:
        await record_end(person, consent.grant.purpose, consent.grant.counterpart, at)
        return await get(person, consent_id)
    if consent.grant.state is not State.GIVEN:
        return consent
    await _end(person, consent.grant, State.WITHDRAWN, at)
    return await get(person, consent_id)


async def withdraw_again(person: Person, consent_id: str, withdrawn_at: datetime, at: datetime) -> None:
    """Repeat at `at` a withdrawal of `withdrawn_at` that this copy of the database lacks; no effect where it is there.

    The consent ends at `withdrawn_at`, so that the time for its undo is not longer than it was. Runs in the caller's
    transaction with the person's row locked; raises the epoch and writes `consent.withdrawn`.
    """
    grant = (await get(person, consent_id)).grant
    if grant.state is not State.GIVEN:
        return
    # A clock may have been set back since.
    ended_at = min(max(withdrawn_at, grant.given_at), at)
    if grant.state_at(ended_at) is State.GIVEN:
        await _end(person, grant, State.WITHDRAWN, at, ended_at)
    else:
        await record_end(person, grant.purpose, grant.counterpart, at)


async def undo(keyring: Keyring, person: Person, consent_id: str, at: datetime) -> ConsentForPerson:
    """Undo a withdrawal of the last day: give its consent again, with its records and its link, until its old end.

    The new consent names the withdrawn one, which stays withdrawn in the chain of events. Runs in the caller's
    transaction with the person's row locked; raises the epoch and writes `consent.given`.

    Raises:
        NotFound: the consent was not withdrawn within UNDO_LIFE, was undone already, has expired, or its counterpart is
            another recipient now.
        AlreadyGiven: a newer consent for the same purpose and counterpart lives.
        AccountLinkedElsewhere: somebody else has or claims the account at the source now.
    """
    stopped = (await get(person, consent_id)).grant
    await record_end(person, stopped.purpose, stopped.counterpart, at)
    previous = await _previous(person, stopped.purpose, stopped.counterpart)
    if previous is not None and previous.state == State.GIVEN:
        raise AlreadyGiven("a newer consent lives")
    if not _can_be_undone(stopped, at) or previous is None or previous.consent_id != consent_id:
        raise NotFound("there is no withdrawal that can be undone")
    # Before any write: the endpoint commits what was written before AccountLinkedElsewhere.
    ended = await account_links.link_to_restore(keyring, person, stopped)
    facts = (await ledger.about_consent(person, consent_id))[0].event["facts"]
    grant = replace(stopped, consent_id=new_id(), state=State.GIVEN, given_at=at, ended_at=None)
    await _store(person, grant, previous, consent_id)
    again = {**facts, "consent_id": grant.consent_id, "previous_id": consent_id}
    await ledger.append(person, "consent.given", again, at)
    await persons.raise_epoch(person.person_id)
    given = ConsentForPerson(grant, previous.notice_id, previous.notice_version, previous.notice_sha256, consent_id)
    pending = await withdrawal_copies.restore_rows(keyring, person, consent_id)
    if ended is not None:
        await account_links.relink(keyring, person, ended, grant.consent_id, at)
    if pending is None:
        return given
    link = await account_links.open_link(keyring, person, grant.consent_id, grant.counterpart, pending, at)
    return replace(given, link=link)


def _can_be_undone(stopped: Grant, at: datetime) -> bool:
    return (
        stopped.state is State.WITHDRAWN
        and stopped.ended_at is not None
        and at < min(stopped.ended_at + UNDO_LIFE, stopped.ends_at)
    )


async def withdraw_all(person: Person, at: datetime, counterpart: str | None = None) -> list[str]:
    """End every live consent of the person, or those for one source or provider; return their ids.

    For each as `withdraw`, in the caller's transaction with the person's row locked.
    """
    live = [
        consent.grant
        for consent in await list_for(person, None, None)
        if consent.grant.state_at(at) is State.GIVEN and counterpart in (None, consent.grant.counterpart)
    ]
    for grant in live:
        await _end(person, grant, State.WITHDRAWN, at)
    return [grant.consent_id for grant in live]


async def get(person: Person, consent_id: str) -> ConsentForPerson:
    """Return a consent of this person; NotFound for any other, another person's included."""
    row = await StoredConsent.get_or_none(person_id=person.person_id, consent_id=consent_id)
    if row is None:
        raise NotFound("there is no such consent")
    return _consent(row, await recipients.load_changes())


async def list_for(person: Person, before: Cursor | None, limit: int | None) -> list[ConsentForPerson]:
    """Return the person's consents and refusals, newest first, after the cursor (given at, consent id)."""
    rows = StoredConsent.filter(
        paging.older_than(before, "given_at", "consent_id"), person_id=person.person_id
    ).order_by("-given_at", "-consent_id")
    changes = await recipients.load_changes()
    return [_consent(row, changes) for row in await (rows if limit is None else rows.limit(limit))]


async def _record(
    person: Person, shown: Presentation, state: State, at: datetime, previous_id: str | None
) -> ConsentForPerson:
    """Store a consent or a refusal and its event."""
    given = state is State.GIVEN
    grant = Grant(
        new_id(),
        Purpose(shown.purpose),
        shown.counterpart,
        state,
        at,
        end_of_life(at, LIFE_MONTHS_MAX) if given else at,
        None if given else at,
    )
    await _store(person, grant, shown, previous_id)
    await ledger.append(
        person,
        f"consent.{state}",
        {
            "consent_id": grant.consent_id,
            "purpose": grant.purpose,
            "counterpart": grant.counterpart,
            "counterpart_version": shown.counterpart_version,
            "notice_id": shown.notice_id,
            "notice_version": shown.notice_version,
            "notice_sha256": shown.notice_sha256,
            "body_sha256": shown.body_sha256,
            "language": shown.language,
            "expires_at": rfc3339(grant.expires_at) if given else None,
            "previous_id": previous_id,
        },
        at,
    )
    return ConsentForPerson(grant, shown.notice_id, shown.notice_version, shown.notice_sha256, previous_id)


async def _store(person: Person, grant: Grant, answered: Presentation | StoredConsent, previous_id: str | None) -> None:
    """Store a consent or a refusal of the notice that was shown, or of that of the consent that it continues."""
    await StoredConsent.create(
        person_id=person.person_id,
        consent_id=grant.consent_id,
        purpose=grant.purpose,
        counterpart=grant.counterpart,
        notice_id=answered.notice_id,
        notice_version=answered.notice_version,
        notice_sha256=answered.notice_sha256,
        state=grant.state,
        given_at=queries.to_micros(grant.given_at),
        expires_at=queries.to_micros(grant.expires_at),
        ended_at=None if grant.ended_at is None else queries.to_micros(grant.ended_at),
        previous_id=previous_id,
        counterpart_version=answered.counterpart_version,
    )


async def record_end(person: Person, purpose: Purpose, counterpart: str, at: datetime) -> None:
    """Record that a consent has ended by itself: its state, its event, the end of its link. No effect when none has.

    It ended with its life, or when its counterpart became another recipient: then the person is told so. Runs in the
    caller's transaction with the person's row locked.
    """
    row = await StoredConsent.filter(
        person_id=person.person_id, purpose=purpose, counterpart=counterpart, state="given"
    ).first()
    if row is None:
        return
    grant = grant_from_row(row, await recipients.load_changes())
    state = grant.state_at(at)
    if state is State.GIVEN:
        return
    await _end(person, grant, state, at)
    if state is State.TERMINATED:
        await messages.add(person, MessageKind.RECIPIENT_CHANGED, {"counterpart": counterpart}, at)


async def _supersede(person: Person, renewed: StoredConsent, shown: Presentation, at: datetime) -> None:
    """End the consent that a new one renews; its link stays. AlreadyGiven unless it ends soon or its terms changed."""
    grant = grant_from_row(renewed, NO_CHANGES)
    ends_soon = at >= grant.expires_at - timedelta(days=RENEW_DAYS)
    if not ends_soon and renewed.counterpart_version == shown.counterpart_version:
        raise AlreadyGiven("this consent already lives, and for a while yet")
    await StoredConsent.filter(person_id=person.person_id, consent_id=grant.consent_id).update(
        state="terminated", ended_at=queries.to_micros(at)
    )
    facts = {"consent_id": grant.consent_id, "purpose": grant.purpose, "counterpart": grant.counterpart}
    await ledger.append(person, "consent.terminated", facts, at)


async def _end(person: Person, grant: Grant, state: State, at: datetime, withdrawn_at: datetime | None = None) -> None:
    """End a consent by an event at `at`: at its own end, at `withdrawn_at` if that was earlier, or now."""
    by_itself = state in (State.EXPIRED, State.TERMINATED)
    ended_at = grant.ends_at if by_itself else withdrawn_at or at
    await StoredConsent.filter(person_id=person.person_id, consent_id=grant.consent_id, state="given").update(
        state=state, ended_at=queries.to_micros(ended_at)
    )
    await persons.raise_epoch(person.person_id)
    if state is State.WITHDRAWN and at < ended_at + UNDO_LIFE:
        await withdrawal_copies.store(person, grant, ended_at)
    removed = (
        await account_links.end_links(person, grant.counterpart, at if by_itself else ended_at)
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
            **({"ended_at": rfc3339(ended_at)} if state is State.TERMINATED or withdrawn_at else {}),
            **({"cause": "another_recipient"} if state is State.TERMINATED else {}),
        },
        at,
    )


def grant_from_row(row: StoredConsent, changes: RecipientChanges) -> Grant:
    """Return a stored consent as a value of the domain, with the changes of recipients that may end it."""
    purpose, given_at = Purpose(row.purpose), queries.from_micros(row.given_at)
    return Grant(
        row.consent_id,
        purpose,
        row.counterpart,
        State(row.state),
        given_at,
        queries.from_micros(row.expires_at),
        None if row.ended_at is None else queries.from_micros(row.ended_at),
        changes.first_after(purpose, row.counterpart, given_at),
    )


def _consent(row: StoredConsent, changes: RecipientChanges) -> ConsentForPerson:
    grant = grant_from_row(row, changes)
    return ConsentForPerson(grant, row.notice_id, row.notice_version, row.notice_sha256, row.previous_id)
