"""Presentations: notices shown to a person, each with the one-time ticket that answers it, and its exact text."""

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
from consent.domain.recipients import COUNTERPART_KIND
from consent.kernel.errors import AccountForbidden, AccountRequired, NotFound, NotInForce, TicketConsumed, TicketExpired
from consent.models import Presentation, StoredConsent
from consent.persons import ActingPerson, Person

NOTICE_OF_PURPOSE = {Purpose.POINTS_COMPUTE: "points-compute", Purpose.BENEFIT_CHECK: "benefit-check"}
ANSWERED = "this notice was answered before; ask to see it again"


@dataclass(frozen=True, slots=True)
class NoticeRequest:
    """The consent that a person wants to read about.

    `counterpart` is a source or provider id, `account` the person's account at the source. `previous_id` names an ended
    consent that the new one would follow; its account is then used unless another one is given.
    """

    purpose: Purpose
    counterpart: str
    language: Language
    account: str | None = None
    previous_id: str | None = None


@dataclass(frozen=True, slots=True)
class ShownNotice:
    """A notice as shown, with the ticket that answers it before `expires_at`; `account` is the one a yes is about."""

    request_id: str
    ticket: str
    expires_at: datetime
    notice: Notice
    purpose: Purpose
    counterpart: str
    account: str | None


async def show(actor: ActingPerson, request: NoticeRequest) -> ShownNotice:
    """Show the notice in force for a purpose and counterpart, and store the hash of its exact text.

    Raises:
        NotFound: `previous_id` is no consent of this person for this purpose and counterpart.
        AccountRequired, AccountForbidden: points need an account at the source, a benefit check must not name one.
        NotInForce: the counterpart, or the notice of the purpose, is not in force.
    """
    person, keyring, at = actor.person, actor.keyring, actor.at
    purpose, counterpart, account = request.purpose, request.counterpart, request.account
    if request.previous_id is not None:
        account = account or await _previous_account(person, purpose, counterpart, request.previous_id)
    _check_account(purpose, account)
    named = await lifecycle.in_force(COUNTERPART_KIND[purpose], counterpart, at)
    notice = await current_notice(purpose, counterpart, request.language, at)
    assert named is not None
    presentation_id = new_id()
    expires_at = at + PRESENTATION_LIFE
    await Presentation.create(
        person_id=person.person_id,
        presentation_id=presentation_id,
        purpose=purpose,
        counterpart=counterpart,
        notice_id=notice.notice_id,
        notice_version=notice.version,
        notice_sha256=notice.sha256,
        body_sha256=hashlib.sha256(notice.body.encode()).hexdigest(),
        language=request.language,
        account_index=None if account is None else blind_index(keyring, IndexUse.ACCOUNT, counterpart, account),
        sealed_account=(
            None
            if account is None
            else person.seal("presentation", "sealed_account", presentation_id, account.encode())
        ),
        shown_at=queries.to_micros(at),
        expires_at=queries.to_micros(expires_at),
        counterpart_version=named.version,
        previous_id=request.previous_id,
    )
    ticket = presentation_ticket.sign(keyring, presentation_id, person.person_id)
    return ShownNotice(presentation_id, ticket, expires_at, notice, purpose, counterpart, account)


async def show_again(keyring: Keyring, person: Person, request_id: str, at: datetime) -> ShownNotice:
    """Return a notice as it was shown to this person, with its ticket, while it can still be answered.

    Raises:
        NotFound: nothing of this id was shown to this person.
        TicketConsumed, TicketExpired: as for an answer.
    """
    shown = await _unanswered(person, request_id, at)
    if shown is None:
        raise NotFound("no such notice was shown")
    purpose = Purpose(shown.purpose)
    notice = await lifecycle.get(DocumentKind.NOTICES, shown.notice_id, shown.notice_version)
    named = await lifecycle.get(COUNTERPART_KIND[purpose], shown.counterpart, shown.counterpart_version)
    return ShownNotice(
        request_id,
        presentation_ticket.sign(keyring, request_id, person.person_id),
        queries.from_micros(shown.expires_at),
        notices.render_notice(notice, named.body, language_in(shown)),
        purpose,
        shown.counterpart,
        account_in(person, shown),
    )


def language_in(shown: Presentation) -> Language:
    """Return the language in which a notice was shown."""
    return "zh-CN" if shown.language == "zh-CN" else "en"


def account_in(person: Person, shown: Presentation) -> str | None:
    """Return the account that a presentation is about, opened; None for a benefit check."""
    sealed = shown.sealed_account
    return (
        None
        if sealed is None
        else person.open("presentation", "sealed_account", shown.presentation_id, sealed).decode()
    )


async def spend_ticket(keyring: Keyring, person: Person, ticket: str, at: datetime) -> Presentation:
    """Spend the ticket of a shown notice; return what was shown. Needs a transaction with the person's row locked.

    Raises:
        TicketInvalid, TicketOfAnother: as `presentation_ticket.check`.
        TicketConsumed: the notice is answered, or so old that its row is deleted.
        TicketExpired: the time for an answer has passed.
    """
    presentation_id = presentation_ticket.check(keyring, ticket, person.person_id)
    shown = await _unanswered(person, presentation_id, at)
    if shown is None:
        raise TicketConsumed(ANSWERED)
    await Presentation.filter(person_id=person.person_id, presentation_id=presentation_id).update(
        answered_at=queries.to_micros(at)
    )
    return shown


async def current_notice(purpose: Purpose, counterpart: str, language: Language, at: datetime) -> Notice:
    """Return the notice in force for a purpose, written for the counterpart.

    Raises:
        NotInForce: the notice or the counterpart is not in force.
    """
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


async def _unanswered(person: Person, presentation_id: str, at: datetime) -> Presentation | None:
    shown = await Presentation.get_or_none(person_id=person.person_id, presentation_id=presentation_id)
    if shown is None:
        return None
    if shown.answered_at is not None:
        raise TicketConsumed(ANSWERED)
    if queries.to_micros(at) >= shown.expires_at:
        raise TicketExpired("the notice was shown too long ago; ask to see it again")
    return shown


async def _previous_account(person: Person, purpose: Purpose, counterpart: str, consent_id: str) -> str | None:
    """Return the account of an ended consent: that of its link, else the one typed for its notice.

    A link that was never proven is deleted when its consent ends, while its presentation stays for a day.
    """
    consent = (
        await StoredConsent.filter(
            person_id=person.person_id, consent_id=consent_id, purpose=purpose, counterpart=counterpart
        )
        .exclude(state="refused")
        .first()
    )
    if consent is None:
        raise NotFound("there is no such consent")
    if purpose is not Purpose.POINTS_COMPUTE:
        return None
    if (account := await account_links.account_of(person, consent_id)) is not None:
        return account
    shown = await Presentation.filter(
        person_id=person.person_id,
        purpose=purpose,
        counterpart=counterpart,
        answered_at=consent.given_at,
        sealed_account__isnull=False,
    ).first()
    return None if shown is None else account_in(person, shown)
