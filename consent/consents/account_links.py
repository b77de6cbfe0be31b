"""A person's account at a source, proven by a short code that the person types into the source's own app.

Anybody can type somebody else's card number here; only the account holder is signed in at the source. An account has at
most one confirmed link, a second claim changes nothing, and a source learns of nobody who uses this service otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tortoise.expressions import Q

from consent import index_versions, persons
from consent.consents import link_codes
from consent.consents.link_codes import PendingLink
from consent.crypto.blind_index import IndexUse, blind_index, blind_indexes, new_id, normal_code
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.domain.grants import PROOF_LIFE, Grant
from consent.domain.objections import CONSENT_ENDED
from consent.domain.purposes import Purpose
from consent.events import ledger, messages
from consent.events.messages import MessageKind
from consent.kernel.errors import AccountLinkedElsewhere, AlreadyGiven, CodeUnknown, NotFound
from consent.models import (
    AccountLink,
    LinkCode,
    LinkedAccount,
    LinkReview,
    RecordKey,
    ReplacedRecord,
    StoredObjection,
    StoredRecord,
)
from consent.persons import Person
from consent.records.gate import covered

NO_PENDING_LINK = "no link is waiting for this code and account"
"""One message for every reason, so that a source cannot tell a wrong code from a code of somebody else."""


@dataclass(frozen=True, slots=True)
class _Account:
    source_id: str
    account: str
    index: str
    """Under the keyring's current index key; `indexes` under each of its keys."""
    indexes: tuple[str, ...]


def _account(keyring: Keyring, source_id: str, account: str) -> _Account:
    index = blind_index(keyring, IndexUse.ACCOUNT, source_id, account)
    return _Account(source_id, account, index, tuple(blind_indexes(keyring, IndexUse.ACCOUNT, source_id, account)))


async def open_link(
    keyring: Keyring, person: Person, consent_id: str, source_id: str, account: str, at: datetime
) -> PendingLink:
    """Create a pending link and its code, in the transaction that gives the consent."""
    named = _account(keyring, source_id, account)
    link_id = await _insert(person, consent_id, named, "pending", at)
    return await link_codes.create(keyring, person, source_id, named.index, link_id, at)


async def _insert(person: Person, consent_id: str, account: _Account, state: str, at: datetime) -> str:
    link_id = new_id()
    await AccountLink.create(
        person_id=person.person_id,
        link_id=link_id,
        consent_id=consent_id,
        source_id=account.source_id,
        account_index=account.index,
        sealed_account=person.seal("account_link", "sealed_account", link_id, account.account.encode()),
        state=state,
        since=queries.to_micros(at),
    )
    return link_id


async def _claim(keyring: Keyring, account: _Account, person_id: str, link_id: str) -> bool:
    """Make a link the account's confirmed one, under every index key; return False when another link has it already.

    Raises:
        IndexKeyMissing: as `index_versions.for_writing`.
    """
    written: list[str] = []
    for each in await index_versions.for_writing(keyring):
        index = blind_index(each, IndexUse.ACCOUNT, account.source_id, account.account)
        row = LinkedAccount(
            source_id=account.source_id,
            account_index=index,
            person_id=person_id,
            link_id=link_id,
            index_version=each.index_version,
        )
        if not await row.insert_if_absent():
            await LinkedAccount.filter(source_id=account.source_id, account_index__in=written).delete()
            return False
        written.append(index)
    return True


async def reissue_code(keyring: Keyring, person: Person, consent_id: str, at: datetime) -> PendingLink:
    """Make a new code for the pending link of this consent; the code before stops working.

    Account and source stay what was consented to. Needs a transaction.

    Raises:
        NotFound: the consent has no pending link (the account is proven already), or it has ended.
    """
    link = await AccountLink.filter(person_id=person.person_id, consent_id=consent_id, state="pending").first()
    if link is None or not await covered(person.person_id, Purpose.POINTS_COMPUTE, link.source_id, at):
        raise NotFound("no link of this consent waits for a code")
    return await link_codes.create(keyring, person, link.source_id, link.account_index, link.link_id, at)


async def pending_links(person: Person, at: datetime) -> dict[str, PendingLink]:
    """Return the person's links whose code can still be typed, by consent id."""
    codes = await link_codes.list_for(person, at)
    if not codes:
        return {}
    # Two queries instead of a join: on Citus the tables are distributed by different columns.
    rows = await AccountLink.filter(person_id=person.person_id, state="pending").values("link_id", "consent_id")
    return {row["consent_id"]: codes[row["link_id"]] for row in rows if row["link_id"] in codes}


async def account_of(person: Person, consent_id: str) -> str | None:
    """Return the account of the consent's latest link in any state; None when no link is stored."""
    link = (
        await AccountLink.filter(person_id=person.person_id, consent_id=consent_id)
        .order_by("-since", "link_id")
        .first()
    )
    return None if link is None else open_account(person, link.link_id, link.sealed_account)


def open_account(person: Person, link_id: str, sealed_account: bytes) -> str:
    """Decrypt the account of a link."""
    return person.open("account_link", "sealed_account", link_id, sealed_account).decode()


async def restore_link(
    keyring: Keyring, person: Person, stopped: Grant, account: str, consent_id: str, at: datetime
) -> bool:
    """Give a new consent a confirmed link without a code, when it undoes a withdrawal; return whether it did.

    The holder has proved this account to this source, so the proof is reused only while nothing else has happened: the
    withdrawal of `stopped` ended the link at most PROOF_LIFE ago, its source has not acknowledged the end, and nobody
    else claims or has the account. The ended link stays ended; its records are deleted. Needs a transaction.
    """
    if stopped.ended_at is None or at >= stopped.ended_at + PROOF_LIFE:
        return False
    named = _account(keyring, stopped.counterpart, account)
    ended = await AccountLink.filter(
        person_id=person.person_id,
        consent_id=stopped.consent_id,
        account_index__in=named.indexes,
        state="ended",
        since=queries.to_micros(stopped.ended_at),
        acknowledged_at__isnull=True,
    ).first()
    if ended is None or await LinkReview.filter(standing_link_id=ended.link_id, state="open").exists():
        return False
    link_id = await _insert(person, consent_id, named, "confirmed", at)
    claimed = await _claim(keyring, named, person.person_id, link_id)
    if not claimed:
        await AccountLink.filter(person_id=person.person_id, link_id=link_id).delete()
    return claimed


async def link_to_restore(keyring: Keyring, person: Person, stopped: Grant) -> AccountLink | None:
    """Return the link that a withdrawal ended, for its undo; None where the account was never proven.

    Raises:
        AccountLinkedElsewhere: somebody else has or claims the account now, or an officer has decided that it is not
            this person's.
    """
    if stopped.ended_at is None:
        return None
    since = queries.to_micros(stopped.ended_at)
    ended = await AccountLink.filter(
        person_id=person.person_id, consent_id=stopped.consent_id, state="ended", since=since
    ).first()
    if ended is None:
        return None
    contested = await LinkReview.filter(
        Q(state="open") | Q(decision="approve"), standing_link_id=ended.link_id
    ).exists()
    # By every index key: while one replaces another, `ended` may have been written under one that is not used any more.
    named = _account(keyring, ended.source_id, open_account(person, ended.link_id, ended.sealed_account))
    linked = LinkedAccount.filter(source_id=ended.source_id, account_index__in=named.indexes)
    if contested or await linked.exists():
        raise AccountLinkedElsewhere("the account has another link or is claimed by somebody else")
    return ended


async def relink(keyring: Keyring, person: Person, ended: AccountLink, consent_id: str, at: datetime) -> None:
    """Give the consent that undoes a withdrawal a confirmed link to the account of `ended`. Needs a transaction.

    Raises:
        NotFound: another link took the account at this moment.
    """
    named = _account(keyring, ended.source_id, open_account(person, ended.link_id, ended.sealed_account))
    link_id = await _insert(person, consent_id, named, "confirmed", at)
    if not await _claim(keyring, named, person.person_id, link_id):
        raise NotFound("another link took the account")


async def confirm_link(keyring: Keyring, source_id: str, code: str, account: str, at: datetime) -> str:
    """Confirm the pending link whose code the account holder typed into the source's app; return its id.

    Runs in the caller's transaction and locks the person's row.

    Raises:
        CodeUnknown: the code is wrong, expired, of another source or of another account (one error for all four).
        AccountLinkedElsewhere: the account already has a confirmed link. That link stays, a review is opened and both
            residents are told; the endpoint commits these writes (`keeps_writes`).
    """
    named = _account(keyring, source_id, account)
    code_indexes = blind_indexes(keyring, IndexUse.LINK_CODE, source_id, normal_code(code))
    pending = await LinkCode.filter(code_index__in=code_indexes).first()
    if pending is None or pending.account_index not in named.indexes or pending.expires_at <= queries.to_micros(at):
        raise CodeUnknown(NO_PENDING_LINK)
    person = await persons.lock(keyring, pending.person_id)
    if not await covered(person.person_id, Purpose.POINTS_COMPUTE, source_id, at):
        raise CodeUnknown(NO_PENDING_LINK)
    # Two confirmations may arrive at once: only the one whose DELETE removes the row continues.
    if not await LinkCode.filter(code_index=pending.code_index).delete():
        raise CodeUnknown(NO_PENDING_LINK)
    if not await _claim(keyring, named, person.person_id, pending.link_id):
        await _open_review(keyring, person, pending, named, at)
        raise AccountLinkedElsewhere("the account already has a confirmed link, which stands; both sides are told")
    await AccountLink.filter(person_id=person.person_id, link_id=pending.link_id).update(
        state="confirmed", since=queries.to_micros(at)
    )
    await messages.add(person, MessageKind.LINK_CONFIRMED, {"source_id": source_id}, at)
    return pending.link_id


async def _open_review(keyring: Keyring, claimant: Person, claim: LinkCode, account: _Account, at: datetime) -> None:
    """Open the review of two claims on one account and tell both residents."""
    standing = await LinkedAccount.filter(source_id=claim.source_id, account_index__in=account.indexes).first()
    if standing is None:
        # The standing link has ended since the claim failed. The rollback restores the code, which can be typed again.
        raise CodeUnknown(NO_PENDING_LINK)
    holder = await persons.read(keyring, standing.person_id)
    await LinkReview.create(
        review_id=new_id(),
        source_id=claim.source_id,
        standing_link_id=standing.link_id,
        claiming_link_id=claim.link_id,
        state="open",
        opened_at=queries.to_micros(at),
    )
    await messages.add(claimant, MessageKind.ACCOUNT_LINKED_ELSEWHERE, {"source_id": claim.source_id}, at)
    await messages.add(holder, MessageKind.ACCOUNT_CLAIMED, {"source_id": claim.source_id}, at)


async def confirmed_sources(person: Person) -> set[str]:
    """Return the ids of the sources at which an account of this person is proven."""
    rows = await AccountLink.filter(person_id=person.person_id, state="confirmed").values("source_id")
    return {row["source_id"] for row in rows}


async def renew_link(keyring: Keyring, person: Person, source_id: str, account: str, consent_id: str) -> bool:
    """Move the confirmed link to the consent that renews its own; return False when none is confirmed.

    Without a confirmed link, a pending one and its code are deleted. Needs a transaction.

    Raises:
        AlreadyGiven: the renewed consent names another account; a typing mistake must not end a link.
    """
    link = await AccountLink.filter(person_id=person.person_id, source_id=source_id, state="confirmed").first()
    if link is None:
        await _delete_pending(person, source_id)
        return False
    if link.account_index not in blind_indexes(keyring, IndexUse.ACCOUNT, source_id, account):
        raise AlreadyGiven("this consent lives for another account; stop it first, then consent for the new one")
    await AccountLink.filter(person_id=person.person_id, link_id=link.link_id).update(consent_id=consent_id)
    return True


async def end_links(person: Person, source_id: str, at: datetime) -> int:
    """End the person's links at the source and delete the records that came through them; return their number.

    Runs in the transaction of the withdrawal, whose event states the number. A link that was never proven is deleted
    without a trace: the source must not hear whose account somebody once typed.
    """
    person_id = person.person_id
    await _delete_pending(person, source_id)
    await AccountLink.filter(person_id=person_id, source_id=source_id, state="confirmed").update(
        state="ended", since=queries.to_micros(at)
    )
    # Distributed by their indexes, so these two statements visit every server. The person's alone: another person may
    # have the confirmed link to the same account.
    await LinkedAccount.filter(person_id=person_id, source_id=source_id).delete()
    await RecordKey.filter(person_id=person_id, source_id=source_id).delete()
    await ReplacedRecord.filter(person_id=person_id, source_id=source_id).delete()
    # Without a consent the source may not be asked for a missing record any more.
    await StoredObjection.filter(
        person_id=person_id, source_id=source_id, asked_at__isnull=False, answered_at__isnull=True
    ).update(answered_at=queries.to_micros(at), answer_code=CONSENT_ENDED)
    return await StoredRecord.filter(person_id=person_id, source_id=source_id).delete()


async def _delete_pending(person: Person, source_id: str) -> None:
    await AccountLink.filter(person_id=person.person_id, source_id=source_id, state="pending").delete()
    await LinkCode.filter(person_id=person.person_id, source_id=source_id).delete()


async def end_contested_link(keyring: Keyring, standing_link_id: str, at: datetime) -> None:
    """End a confirmed link that, by an officer's review, is not its holder's; delete its records and tell the holder.

    Locks the holder's row, raises their epoch and writes the event `link.released`. No effect for an unknown link.
    """
    link = await AccountLink.filter(link_id=standing_link_id).first()
    if link is None:
        return
    person = await persons.lock(keyring, link.person_id)
    await end_links(person, link.source_id, at)
    await persons.raise_epoch(person.person_id)
    await ledger.append(person, "link.released", {"link_id": standing_link_id, "source_id": link.source_id}, at)
    await messages.add(person, MessageKind.LINK_RELEASED, {"source_id": link.source_id}, at)
