"""A person's account at a source, proven by a short code that the person types into the source's own app.

Anybody can type somebody else's card number here; only its holder is signed in over there. At most one confirmed link
stands for an account, a second claim changes nothing, and sources learn nothing of who else uses this service.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from consent import persons
from consent.consents import link_codes
from consent.consents.link_codes import PendingLink
from consent.crypto import vault
from consent.crypto.blind_index import IndexUse, blind_index, new_id, normal_code
from consent.crypto.vault import Keyring, Place
from consent.database import queries
from consent.domain.grants import UNDO_LIFE, Grant
from consent.domain.purposes import Purpose
from consent.events import ledger, messages
from consent.events.messages import MessageKind
from consent.kernel.errors import AccountLinkedElsewhere, AlreadyGiven, CodeUnknown, NotFound
from consent.persons import Person
from consent.records.gate import covered


@dataclass(frozen=True, slots=True)
class LinkForSource:
    """A link as its source sees it."""

    link_id: str
    account: str
    state: str
    since: datetime


async def open_link(
    keyring: Keyring, person: Person, consent_id: str, source_id: str, account: str, at: datetime
) -> PendingLink:
    """Make a pending link and its code, in the transaction that gives the consent."""
    link_id = await _put(keyring, person, consent_id, source_id, account, "pending", at)
    account_index = blind_index(keyring, IndexUse.ACCOUNT, source_id, account)
    return await link_codes.create(keyring, person, source_id, account_index, link_id, at)


async def _put(
    keyring: Keyring, person: Person, consent_id: str, source_id: str, account: str, state: str, at: datetime
) -> str:
    link_id = new_id()
    await queries.execute(
        "INSERT INTO account_link (person_id, link_id, consent_id, source_id, account_index, sealed_account, state,"
        " since) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        person.person_id,
        link_id,
        consent_id,
        source_id,
        blind_index(keyring, IndexUse.ACCOUNT, source_id, account),
        person.seal("account_link", "sealed_account", link_id, account.encode()),
        state,
        queries.to_micros(at),
    )
    return link_id


async def reissue_code(keyring: Keyring, person: Person, consent_id: str, at: datetime) -> PendingLink:
    """A new code for the link that waits under this consent; the one before is no longer good.

    NotFound when nothing waits there: the account is proven already, or the consent has ended. In force is what was
    agreed to: account and source stay, only the proof is tried again.
    """
    waiting = await queries.fetch_one(
        "SELECT link_id, source_id, account_index FROM account_link WHERE person_id = $1 AND consent_id = $2"
        " AND state = 'pending'",
        person.person_id,
        consent_id,
    )
    if waiting is None or not await covered(person.person_id, Purpose.POINTS_COMPUTE, waiting["source_id"], at):
        raise NotFound("no link of this consent waits for a code")
    return await link_codes.create(
        keyring, person, waiting["source_id"], waiting["account_index"], waiting["link_id"], at
    )


async def pending_links(person: Person, at: datetime) -> dict[str, PendingLink]:
    """The person's links whose code can still be typed, by the consent that each is for."""
    codes = await link_codes.list_for(person, at)
    if not codes:
        return {}
    # One table a question: each lies by its own key.
    found = await queries.fetch_all(
        "SELECT link_id, consent_id FROM account_link WHERE person_id = $1 AND state = 'pending'", person.person_id
    )
    return {row["consent_id"]: codes[row["link_id"]] for row in found if row["link_id"] in codes}


async def account_of(person: Person, consent_id: str) -> str | None:
    """The account that a consent was last linked with, proven or ended; None when none is kept."""
    row = await queries.fetch_one(
        "SELECT link_id, sealed_account FROM account_link WHERE person_id = $1 AND consent_id = $2"
        " ORDER BY since DESC, link_id LIMIT 1",
        person.person_id,
        consent_id,
    )
    if row is None:
        return None
    return person.open("account_link", "sealed_account", row["link_id"], bytes(row["sealed_account"])).decode()


async def restore_link(
    keyring: Keyring, person: Person, stopped: Grant, account: str, consent_id: str, at: datetime
) -> bool:
    """Give a new consent a confirmed link of its own where what was stopped a moment ago had one; whether it did.

    The holder proved this very account to this very source, and nothing has happened since but their own tap: the link
    ended with that withdrawal and by nothing else, its source has not dealt with the end yet, nobody else has claimed
    the account, and no more than UNDO_LIFE has passed. The ended link stays ended, and its records are gone.
    """
    ended = await queries.fetch_one(
        "SELECT link_id FROM account_link WHERE person_id = $1 AND consent_id = $2 AND account_index = $3"
        " AND state = 'ended' AND since = $4 AND acknowledged_at IS NULL",
        person.person_id,
        stopped.consent_id,
        blind_index(keyring, IndexUse.ACCOUNT, stopped.counterpart, account),
        None if stopped.ended_at is None else queries.to_micros(stopped.ended_at),
    )
    if ended is None or stopped.ended_at is None or at >= stopped.ended_at + UNDO_LIFE:
        return False
    if await queries.fetch_one(
        "SELECT 1 AS claimed FROM link_review WHERE standing_link_id = $1 AND state = 'open'", ended["link_id"]
    ):
        return False
    link_id = await _put(keyring, person, consent_id, stopped.counterpart, account, "confirmed", at)
    claimed = await queries.execute(
        "INSERT INTO linked_account (source_id, account_index, person_id, link_id) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING",
        stopped.counterpart,
        blind_index(keyring, IndexUse.ACCOUNT, stopped.counterpart, account),
        person.person_id,
        link_id,
    )
    if not claimed:
        await queries.execute(
            "DELETE FROM account_link WHERE person_id = $1 AND link_id = $2", person.person_id, link_id
        )
    return bool(claimed)


async def confirm_link(keyring: Keyring, source_id: str, code: str, account: str, at: datetime) -> str:
    """Confirm the link whose code was typed by the account's holder; its id.

    CodeUnknown for a wrong, expired or foreign code, all alike. AccountLinkedElsewhere when the account already has a
    confirmed link: that one stands, a review opens and both are told (these writes are kept).
    """
    code_index = blind_index(keyring, IndexUse.LINK_CODE, source_id, normal_code(code))
    account_index = blind_index(keyring, IndexUse.ACCOUNT, source_id, account)
    waiting = await queries.fetch_one("SELECT * FROM link_code WHERE code_index = $1", code_index)
    if waiting is None or waiting["account_index"] != account_index or waiting["expires_at"] <= queries.to_micros(at):
        raise CodeUnknown("no link is waiting for this code and account")
    person = await persons.lock(keyring, waiting["person_id"])
    if not await covered(person.person_id, Purpose.POINTS_COMPUTE, source_id, at):
        raise CodeUnknown("no link is waiting for this code and account")
    if not await queries.execute("DELETE FROM link_code WHERE code_index = $1", code_index):
        raise CodeUnknown("no link is waiting for this code and account")
    claimed = await queries.execute(
        "INSERT INTO linked_account (source_id, account_index, person_id, link_id) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING",
        source_id,
        account_index,
        person.person_id,
        waiting["link_id"],
    )
    if not claimed:
        await _contested(keyring, person, source_id, account_index, waiting["link_id"], at)
    await queries.execute(
        "UPDATE account_link SET state = 'confirmed', since = $3 WHERE person_id = $1 AND link_id = $2",
        person.person_id,
        waiting["link_id"],
        queries.to_micros(at),
    )
    return str(waiting["link_id"])


async def confirmed_sources(person: Person) -> set[str]:
    """The sources at which an account of this person is proven."""
    found = await queries.fetch_all(
        "SELECT source_id FROM account_link WHERE person_id = $1 AND state = 'confirmed'", person.person_id
    )
    return {row["source_id"] for row in found}


async def _contested(
    keyring: Keyring, claimant: Person, source_id: str, account_index: str, link_id: str, at: datetime
) -> None:
    standing = await queries.fetch_one(
        "SELECT person_id, link_id FROM linked_account WHERE source_id = $1 AND account_index = $2",
        source_id,
        account_index,
    )
    if standing is None:  # ended at this very moment; the code still stands for another try
        raise CodeUnknown("no link is waiting for this code and account")
    holder = await persons.read(keyring, standing["person_id"])
    await queries.execute(
        "INSERT INTO link_review (review_id, source_id, standing_link_id, claiming_link_id, state, opened_at)"
        " VALUES ($1, $2, $3, $4, 'open', $5)",
        new_id(),
        source_id,
        standing["link_id"],
        link_id,
        queries.to_micros(at),
    )
    await messages.add(claimant, MessageKind.ACCOUNT_LINKED_ELSEWHERE, {"source_id": source_id}, at)
    await messages.add(holder, MessageKind.ACCOUNT_CLAIMED, {"source_id": source_id}, at)
    raise AccountLinkedElsewhere("the account already has a confirmed link, which stands; both sides are told")


async def renew_link(person: Person, source_id: str, shown: queries.Row, consent_id: str) -> bool:
    """Let the confirmed link go on under a renewed consent; whether there was one. Links not yet confirmed go.

    AlreadyGiven when the renewed consent names another account: a slip of the finger must not end a link.
    """
    confirmed = await queries.fetch_one(
        "SELECT link_id, account_index FROM account_link WHERE person_id = $1 AND source_id = $2"
        " AND state = 'confirmed'",
        person.person_id,
        source_id,
    )
    if confirmed is None:
        await _drop_unproven(person, source_id)
        return False
    if confirmed["account_index"] != shown["account_index"]:
        raise AlreadyGiven("this consent lives for another account; stop it first, then consent for the new one")
    await queries.execute(
        "UPDATE account_link SET consent_id = $3 WHERE person_id = $1 AND link_id = $2",
        person.person_id,
        confirmed["link_id"],
        consent_id,
    )
    return True


async def end_links(person: Person, source_id: str, at: datetime) -> int:
    """End every link of the person at the source and delete what came through it; how many records that were.

    In the withdrawal's transaction, whose event says it: so the end proves what it removed.

    A link that was never proven simply goes: the source must not hear who once typed whose account.
    """
    await _drop_unproven(person, source_id)
    await queries.execute(
        "UPDATE account_link SET state = 'ended', since = $3 WHERE person_id = $1 AND source_id = $2"
        " AND state = 'confirmed'",
        person.person_id,
        source_id,
        queries.to_micros(at),
    )
    # By the key it is found by, which is where it lies; of another person's link the condition keeps its hands.
    for link in await queries.fetch_all(
        "SELECT account_index FROM account_link WHERE person_id = $1 AND source_id = $2", person.person_id, source_id
    ):
        await queries.execute(
            "DELETE FROM linked_account WHERE source_id = $1 AND account_index = $2 AND person_id = $3",
            source_id,
            link["account_index"],
            person.person_id,
        )
    # Wherever the records' own ids have put them.
    await queries.execute("DELETE FROM record_key WHERE person_id = $1 AND source_id = $2", person.person_id, source_id)
    return await queries.execute(
        "DELETE FROM record WHERE person_id = $1 AND source_id = $2", person.person_id, source_id
    )


async def _drop_unproven(person: Person, source_id: str) -> None:
    for table, unproven in (("account_link", " AND state = 'pending'"), ("link_code", "")):
        await queries.execute(
            f"DELETE FROM {table} WHERE person_id = $1 AND source_id = $2{unproven}", person.person_id, source_id
        )


async def end_contested_link(keyring: Keyring, standing_link_id: str, at: datetime) -> None:
    """End a confirmed link that was found not to be its holder's, with what came through it; the holder is told."""
    row = await queries.fetch_one("SELECT person_id, source_id FROM account_link WHERE link_id = $1", standing_link_id)
    if row is None:
        return
    person = await persons.lock(keyring, row["person_id"])
    await end_links(person, row["source_id"], at)
    await persons.raise_epoch(person.person_id)
    await ledger.append(person, "link.released", {"link_id": standing_link_id, "source_id": row["source_id"]}, at)
    await messages.add(person, MessageKind.LINK_RELEASED, {"source_id": row["source_id"]}, at)


async def list_for_source(
    keyring: Keyring, source_id: str, state: str, at: datetime, after: tuple[int, str] | None, limit: int
) -> list[LinkForSource]:
    """Links in a state, oldest first: confirmed ones that a live consent covers, ended ones not acknowledged."""
    since, link_id = after or (-1, "")
    condition, more = "l.acknowledged_at IS NULL", []
    if state == "confirmed":
        condition = (
            "EXISTS (SELECT 1 FROM consent c WHERE c.person_id = l.person_id AND c.consent_id = l.consent_id"
            " AND c.state = 'given' AND c.expires_at > $6)"
        )
        more = [queries.to_micros(at)]
    found = await queries.fetch_all(
        "SELECT l.person_id, l.link_id, l.sealed_account, l.state, l.since, p.wrapped_key, p.epoch"
        " FROM account_link l JOIN person p ON p.person_id = l.person_id"
        " WHERE l.source_id = $1 AND l.state = $2 AND (l.since > $3 OR (l.since = $3 AND l.link_id > $4))"
        f" AND {condition} ORDER BY l.since, l.link_id LIMIT $5",
        source_id,
        state,
        since,
        link_id,
        limit,
        *more,
    )
    live = [
        LinkForSource(
            row["link_id"],
            persons.from_row(keyring, row)
            .open("account_link", "sealed_account", row["link_id"], bytes(row["sealed_account"]))
            .decode(),
            row["state"],
            queries.from_micros(row["since"]),
        )
        for row in found
    ]
    if state == "confirmed":
        return live
    gone = await _farewells(keyring, source_id, since, link_id, limit)
    return sorted([*live, *gone], key=lambda link: (link.since, link.link_id))[:limit]


async def record_link_ending(keyring: Keyring, person: Person) -> None:
    """Keep what sources must still hear of somebody whose rows and key are about to go. In the erasure itself."""
    found = await queries.fetch_all(
        "SELECT link_id, source_id, since, sealed_account FROM account_link WHERE person_id = $1 AND state = 'ended'"
        " AND acknowledged_at IS NULL",
        person.person_id,
    )
    for row in found:
        account = person.open("account_link", "sealed_account", row["link_id"], bytes(row["sealed_account"]))
        await queries.execute(
            "INSERT INTO farewell (link_id, source_id, sealed_account, since) VALUES ($1, $2, $3, $4)",
            row["link_id"],
            row["source_id"],
            vault.seal(vault.service_cipher(keyring, "farewell"), _farewell_place(row["link_id"]), account),
            row["since"],
        )


async def delete_acknowledged_endings() -> int:
    """Drop what sources have acknowledged; how many."""
    return await queries.execute("DELETE FROM farewell WHERE acknowledged_at IS NOT NULL")


async def _farewells(keyring: Keyring, source_id: str, since: int, link_id: str, limit: int) -> list[LinkForSource]:
    found = await queries.fetch_all(
        "SELECT * FROM farewell WHERE source_id = $1 AND acknowledged_at IS NULL"
        " AND (since > $2 OR (since = $2 AND link_id > $3)) ORDER BY since, link_id LIMIT $4",
        source_id,
        since,
        link_id,
        limit,
    )
    cipher = vault.service_cipher(keyring, "farewell")
    return [
        LinkForSource(
            row["link_id"],
            vault.open_sealed(cipher, _farewell_place(row["link_id"]), bytes(row["sealed_account"])).decode(),
            "ended",
            queries.from_micros(row["since"]),
        )
        for row in found
    ]


def _farewell_place(link_id: str) -> Place:
    return Place("farewell", "sealed_account", "", link_id)


async def acknowledge_ending(source_id: str, link_id: str, at: datetime) -> None:
    """The source has dealt with an ended link. Again: the same. NotFound for any other link."""
    said = await queries.execute(
        "UPDATE farewell SET acknowledged_at = $3 WHERE source_id = $1 AND link_id = $2",
        source_id,
        link_id,
        queries.to_micros(at),
    )
    if said:
        return
    row = await queries.fetch_one(
        "SELECT person_id, state FROM account_link WHERE source_id = $1 AND link_id = $2", source_id, link_id
    )
    if row is None or row["state"] != "ended":
        raise NotFound("there is no ended link of this id")
    await queries.execute(
        "UPDATE account_link SET acknowledged_at = $3 WHERE person_id = $1 AND link_id = $2"
        " AND acknowledged_at IS NULL",
        row["person_id"],
        link_id,
        queries.to_micros(at),
    )
