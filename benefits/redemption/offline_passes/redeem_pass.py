"""Uploads of passes that a venue honoured without a network: each is recorded once.

A use counts on the quotas of its own day. Beyond a quota, after a stop, a withdrawal or an erasure, or where one pass
was honoured twice, the venue bears it: no counter changes; the only event is that the pass was used. The venue gets one
answer for all of these reasons (R6).
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

from benefits.catalogue.model import LiveBenefit
from benefits.models import OfflinePass
from benefits.passes import claims, cwt, jose, sd_jwt, verifier
from benefits.passes.claims import PassClaims
from benefits.passes.refusals import PassFault, PassRefused
from benefits.redemption import quotas, tickets
from benefits.redemption.decision import CivilTime
from benefits.redemption.offline_passes import recognised_passes, redemption_rows
from benefits.redemption.offline_passes.issuance import UPLOADABLE, stored_pass_id_at
from benefits.redemption.offline_passes.reported_use import (
    Asked,
    RecordedUse,
    ReportedUse,
    UploadResult,
    VenuePassContext,
)
from consent import persons
from consent.crypto.vault import Keyring
from consent.database import write_plan
from consent.documents.change_number import still_unchanged
from consent.kernel.errors import NotFound
from consent.persons import Person
from consent.records import past_uses, withholding

UPLOADS_MAX = 100
"""Uses of one request: each takes a dozen statements, all in one transaction."""


async def record_all(
    context: VenuePassContext, uses: Sequence[tuple[ReportedUse, CivilTime | None]], at: datetime
) -> list[RecordedUse]:
    """Record uploaded uses in the running transaction, in their order; each comes with the city's time of its use.

    None for a time that no calendar has: such a use is refused.

    Locks every person of theirs first, in the order of ids.

    Raises:
        RecordsWithheld: nothing may be used now; raised for every pass alike.
    """
    await withholding.require_usable()
    rows = [None if moment is None else await _stored_pass(context, use, at) for use, moment in uses]
    await persons.lock_many(sorted({row.person_id for row in rows if row is not None and row.person_id is not None}))
    return [
        RecordedUse(UploadResult.REFUSED) if moment is None else await _record_either(context, use, row, moment, at)
        for row, (use, moment) in zip(rows, uses, strict=True)
    ]


async def _record_either(
    context: VenuePassContext, use: ReportedUse, row: OfflinePass | None, moment: CivilTime, at: datetime
) -> RecordedUse:
    """Record a use of this city's pass by its stored row, or of another city's by what the venue brought."""
    if row is not None:
        return await _record(context, row.pass_id, use.is_shown, moment)
    # A wallet request is answered only by this city's passes.
    if (
        use.asked is not None
        or not _is_in_time(use, at)
        or not recognised_passes.is_of_another_city(use, context.city_url)
    ):
        return RecordedUse(UploadResult.REFUSED)
    return await recognised_passes.record(context, use, moment, at)


async def redeem_shown(context: VenuePassContext, use: ReportedUse, now: CivilTime) -> RecordedUse | None:
    """Redeem a pass that is shown at a venue now, in the running transaction; None for every "no".

    It is redeemed as an upload would be, before the venue honours it: the venue bears nothing. A stop and a
    new version of the benefit count at once, while venues without a network learn of them later. A "no" after the
    pass was verified spends it: one of this city for any reason, one of another city where a limit is used up.

    Raises:
        RecordsWithheld: as `record_all`.
        WriteConflict: the catalogue has changed meanwhile; nothing must be committed.
    """
    (recorded,) = await record_all(context, [(use._replace(is_shown=True), now)], now.at)
    if recorded.result is not UploadResult.REDEEMED:
        return None
    # Last, when every lock is granted: a change of the catalogue while this waited undoes the decision by the old one,
    # and so does a frozen log.
    await write_plan.apply((withholding.NOT_WITHHELD, still_unchanged(context.catalogue.changes)))
    return recorded


def _is_in_time(use: ReportedUse, at: datetime) -> bool:
    return at - UPLOADABLE < use.at <= at + timedelta(seconds=claims.LEEWAY_SECONDS)


async def _stored_pass(context: VenuePassContext, use: ReportedUse, at: datetime) -> OfflinePass | None:
    """Return the stored pass of a use that was valid at its venue and time.

    None where it was not, or is not of this city.
    """
    if not _is_in_time(use, at):
        return None
    try:
        pass_claims = _verify(context, use)
    except PassRefused:
        return None
    row = await OfflinePass.get_or_none(pass_id=stored_pass_id_at(context.city_url, pass_claims.status))
    thumbprint = jose.encode(jose.thumbprint(pass_claims.device_key))
    return row if row is not None and row.key_thumbprint == thumbprint else None


def _verify(context: VenuePassContext, use: ReportedUse) -> PassClaims:
    if use.key_binding is None:
        return _verify_scanned(context, use)
    unverified, pass_claims = sd_jwt.take_apart(use.signed_pass)
    # Keys of the past too: a use may be uploaded after its key was removed. A pass counts by its stored row alone.
    key, seconds = context.issuer_keys.get(unverified.key_id), int(use.at.timestamp())
    if key is None:
        raise PassRefused(PassFault.UNKNOWN_KEY)
    unverified.check_signature(key)
    _require_for(context, pass_claims, seconds)
    if use.asked is None:
        # The venue made this nonce and has compared it; the service does not know it.
        verifier.verify_key_binding(use.key_binding, use.signed_pass, pass_claims, seconds)
    else:
        _verify_answer(context, use.asked, pass_claims, use, seconds)
    return pass_claims


def _verify_answer(context: VenuePassContext, asked: Asked, pass_claims: PassClaims, use: ReportedUse, at: int) -> None:
    """Raise PassRefused unless a pass of the benefit that was asked for is bound to the request."""
    assert use.key_binding is not None
    key_binding = verifier.verify_key_binding(use.key_binding, use.signed_pass, pass_claims, at, asked.audience)
    if not hmac.compare_digest(key_binding.nonce, asked.nonce):
        raise PassRefused(PassFault.WRONG_KEY_BINDING, "another nonce")
    if not pass_claims.benefit_type.startswith(claims.benefit_types_of(context.city_url, asked.benefit_id)):
        raise PassRefused(PassFault.OTHER_BENEFIT)


def _verify_scanned(context: VenuePassContext, use: ReportedUse) -> PassClaims:
    showing, seconds = cwt.take_apart(use.signed_pass), int(use.at.timestamp())
    cwt.verify_signed(showing, context.issuer_keys)
    _require_for(context, showing.claims, seconds)
    verifier.require_fresh(showing.shown_at, seconds)
    return showing.claims


def _require_for(context: VenuePassContext, pass_claims: PassClaims, at: int) -> None:
    """Raise PassRefused unless claims are of this city, for this venue, and valid at `at` (seconds)."""
    if pass_claims.issuer != context.city_url:
        raise PassRefused(PassFault.UNKNOWN_ISSUER)
    if pass_claims.venue != claims.venue_url(context.city_url, context.venue["venue_id"]):
        raise PassRefused(PassFault.OTHER_VENUE)
    claims.require_valid(pass_claims, at)


async def _record(context: VenuePassContext, pass_id: str, is_shown: bool, used: CivilTime) -> RecordedUse:
    """Record the use of a stored pass, whose person is locked."""
    row = await OfflinePass.get(pass_id=pass_id)
    if row.used_at is not None:
        return await _recorded_before(row, used)
    person = await _person_of(context.keyring, row)
    benefit = context.catalogue.benefit(row.benefit_id, used.today)
    if person is not None:
        await past_uses.record_pass_use(person, row.provider_id, row.benefit_id, used.at)
    if (
        person is None
        or benefit is None
        or (row.revoked_from is not None and (is_shown or row.revoked_from <= used.micros))
        or (is_shown and not _stands_for(row, benefit))
        or not await past_uses.was_covered(row.person_id or "", row.provider_id, row.consent_given_at, used.at)
    ):
        return await _borne(row, used)
    keys = await quotas.keys_of_person(context.keyring, person, benefit)
    if not await quotas.take_all(keys, benefit):
        return await _borne(row, used)
    runs_until = used.today + timedelta(days=benefit.period_days)
    # Without a network the venue honoured the version that the pass names; with one it is told the present version.
    version = benefit.version if is_shown else row.benefit_version
    redeemed = redemption_rows.RedeemedPass(row.pass_id, row.venue_id, row.benefit_id, version)
    redemption_id = await redemption_rows.store(redeemed, used, runs_until)
    await OfflinePass.filter(pass_id=pass_id).update(
        used_at=used.micros, redemption_id=redemption_id, counters=tickets.counters_column(keys)
    )
    return RecordedUse(UploadResult.REDEEMED, redemption_id, runs_until, benefit)


def _stands_for(row: OfflinePass, benefit: LiveBenefit) -> bool:
    """Report whether a pass stands for the present version of its benefit.

    A commitment binds nobody who has not read it, and no pass has a place.
    """
    return not benefit.adds_places and (not benefit.has_commitment or row.benefit_version == benefit.version)


async def _recorded_before(row: OfflinePass, used: CivilTime) -> RecordedUse:
    """Return the result for a pass whose use was uploaded before; a second use, at another time, gives VENUE_BEARS."""
    if row.used_at != used.micros or row.redemption_id is None:
        return RecordedUse(UploadResult.VENUE_BEARS)
    return await redemption_rows.redeemed_before(row.redemption_id)


async def _borne(row: OfflinePass, used: CivilTime) -> RecordedUse:
    await OfflinePass.filter(pass_id=row.pass_id).update(used_at=used.micros)
    return RecordedUse(UploadResult.VENUE_BEARS)


async def _person_of(keyring: Keyring, row: OfflinePass) -> Person | None:
    if row.person_id is None:
        return None
    try:
        return await persons.lock(keyring, row.person_id)
    except NotFound:
        return None
