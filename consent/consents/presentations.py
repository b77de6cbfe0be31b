"""Notices shown to a person, each with the one-time ticket that may answer it, and exactly what was shown."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from consent.consents import account_links, notices, presentation_ticket
from consent.consents.notices import Notice
from consent.crypto.blind_index import IndexUse, blind_index, new_id
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.documents import lifecycle
from consent.documents.schema import Language
from consent.domain.document_kinds import DocumentKind
from consent.domain.grants import PRESENTATION_LIFE
from consent.domain.purposes import Purpose
from consent.kernel.errors import AccountForbidden, AccountRequired, NotFound, NotInForce, TicketConsumed, TicketExpired
from consent.persons import Person

NOTICE_OF_PURPOSE = {Purpose.POINTS_COMPUTE: "points-compute", Purpose.BENEFIT_CHECK: "benefit-check"}
COUNTERPART_KIND = {Purpose.POINTS_COMPUTE: DocumentKind.SOURCES, Purpose.BENEFIT_CHECK: DocumentKind.PROVIDERS}
ANSWERED = "this notice was answered before; ask to see it again"


@dataclass(frozen=True, slots=True)
class ShownNotice:
    """A notice as shown, with the ticket that may answer it until `expires_at`."""

    request_id: str
    ticket: str
    expires_at: datetime
    notice: Notice
    purpose: Purpose
    counterpart: str
    account: str | None
    """The account at the source that a yes is about."""


async def show(
    keyring: Keyring,
    person: Person,
    purpose: Purpose,
    counterpart: str,
    account: str | None,
    language: Language,
    at: datetime,
    previous_id: str | None = None,
) -> ShownNotice:
    """Show the notice in force for this purpose and counterpart, and remember exactly what was shown.

    `previous_id` names the person's ended consent that is to be taken up again: its account is asked for no more, as
    long as it is kept. NotFound when it is about something else.
    """
    if previous_id is not None:
        account = account or await _account_before(person, purpose, counterpart, previous_id)
    _check_account(purpose, account)
    named = await lifecycle.in_force(COUNTERPART_KIND[purpose], counterpart, at)
    notice = await current_notice(purpose, counterpart, language, at)
    assert named is not None
    presentation_id = new_id()
    expires_at = at + PRESENTATION_LIFE
    await queries.execute(
        "INSERT INTO presentation (person_id, presentation_id, purpose, counterpart, notice_id, notice_version,"
        " notice_sha256, body_sha256, language, account_index, sealed_account, shown_at, expires_at,"
        " counterpart_version, previous_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
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
        queries.to_micros(at),
        queries.to_micros(expires_at),
        named.version,
        previous_id,
    )
    ticket = presentation_ticket.sign(keyring, presentation_id, person.person_id)
    return ShownNotice(presentation_id, ticket, expires_at, notice, purpose, counterpart, account)


async def show_again(keyring: Keyring, person: Person, request_id: str, at: datetime) -> ShownNotice:
    """A notice as it was shown to this person, with its ticket, while it can still be answered.

    NotFound for another person's, TicketConsumed and TicketExpired as an answer to it would be told.
    """
    shown = await _waiting(person, request_id, at)
    if shown is None:
        raise NotFound("no such notice was shown")
    purpose, counterpart = Purpose(shown["purpose"]), shown["counterpart"]
    notice = await lifecycle.get(DocumentKind.NOTICES, shown["notice_id"], shown["notice_version"])
    named = await lifecycle.get(COUNTERPART_KIND[purpose], counterpart, shown["counterpart_version"])
    account = shown["sealed_account"]
    return ShownNotice(
        request_id,
        presentation_ticket.sign(keyring, request_id, person.person_id),
        queries.from_micros(shown["expires_at"]),
        notices.render_notice(notice, named.body, shown["language"]),
        purpose,
        counterpart,
        None if account is None else person.open("presentation", "sealed_account", request_id, bytes(account)).decode(),
    )


async def spend_ticket(keyring: Keyring, person: Person, ticket: str, at: datetime) -> queries.Row:
    """Spend the ticket of a shown notice; the row of what was shown."""
    presentation_id = presentation_ticket.check(keyring, ticket, person.person_id)
    shown = await _waiting(person, presentation_id, at)
    if shown is None:
        raise TicketConsumed(ANSWERED)
    await queries.execute(
        "UPDATE presentation SET answered_at = $3 WHERE person_id = $1 AND presentation_id = $2",
        person.person_id,
        presentation_id,
        queries.to_micros(at),
    )
    return shown


async def current_notice(purpose: Purpose, counterpart: str, language: Language, at: datetime) -> Notice:
    """The notice in force for this purpose, written out for the counterpart; NotInForce where either is not."""
    named = await lifecycle.in_force(COUNTERPART_KIND[purpose], counterpart, at)
    notice = await lifecycle.in_force(DocumentKind.NOTICES, NOTICE_OF_PURPOSE[purpose], at)
    if named is None or notice is None:
        raise NotInForce("there is no such counterpart, or it is not active")
    return notices.render_notice(notice, named.body, language)


def _check_account(purpose: Purpose, account: str | None) -> None:
    if purpose is Purpose.POINTS_COMPUTE and account is None:
        raise AccountRequired("points.compute names your account at the source")
    if purpose is Purpose.BENEFIT_CHECK and account is not None:
        raise AccountForbidden("benefit.check needs no account, so none may be sent")


async def _waiting(person: Person, presentation_id: str, at: datetime) -> queries.Row | None:
    shown = await queries.fetch_one(
        "SELECT * FROM presentation WHERE person_id = $1 AND presentation_id = $2", person.person_id, presentation_id
    )
    if shown is None:
        return None
    if shown["answered_at"] is not None:
        raise TicketConsumed(ANSWERED)
    if queries.to_micros(at) >= shown["expires_at"]:
        raise TicketExpired("the notice was shown too long ago; ask to see it again")
    return shown


async def _account_before(person: Person, purpose: Purpose, counterpart: str, consent_id: str) -> str | None:
    """The account of an ended consent: that of its link, or of a link nobody proved, what was typed for its notice."""
    row = await queries.fetch_one(
        "SELECT given_at FROM consent WHERE person_id = $1 AND consent_id = $2 AND purpose = $3 AND counterpart = $4"
        " AND state <> 'refused'",
        person.person_id,
        consent_id,
        purpose,
        counterpart,
    )
    if row is None:
        raise NotFound("there is no such consent")
    if purpose is not Purpose.POINTS_COMPUTE:
        return None
    if (kept := await account_links.account_of(person, consent_id)) is not None:
        return kept
    typed = await queries.fetch_one(
        "SELECT presentation_id, sealed_account FROM presentation WHERE person_id = $1 AND purpose = $2"
        " AND counterpart = $3 AND answered_at = $4 AND sealed_account IS NOT NULL",
        person.person_id,
        purpose,
        counterpart,
        row["given_at"],
    )
    if typed is None:
        return None
    return person.open(
        "presentation", "sealed_account", typed["presentation_id"], bytes(typed["sealed_account"])
    ).decode()
