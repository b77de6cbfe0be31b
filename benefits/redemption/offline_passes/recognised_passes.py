"""Passes of other cities that count as a benefit here (R19): verified by what the venue brings, each used once.

The service calls nobody. The venue brings the other city's key set and status list with the pass: the key set counts if
its hash is the one that was reviewed, the list if one of these keys has signed it. Of the person nothing is stored; a
keyed hash of the pass stays until no use of it can be uploaded any more. A limit for each resident cannot be counted:
each pass is one use, and it counts on the limits for all together.

Raw SQL: INSERT … ON CONFLICT DO NOTHING, because two uploads of one pass may arrive at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from benefits.catalogue.model import InForce, LiveBenefit, is_offered_at
from benefits.models import RecognisedUse
from benefits.passes import cwt, issuers, jose, sd_jwt, status_list, verifier
from benefits.passes.claims import LEEWAY_SECONDS, PassClaims, venue_url
from benefits.passes.issuers import PassIssuer
from benefits.passes.refusals import PassFault, PassRefused
from benefits.passes.status_list import StatusList
from benefits.passes.verifier import Trust, VerifiedPass
from benefits.redemption import quotas, tickets
from benefits.redemption.decision import CivilTime
from benefits.redemption.offline_passes import redemption_rows
from benefits.redemption.offline_passes.issuance import UPLOAD_WINDOW
from benefits.redemption.offline_passes.reported_use import (
    RecognisedIssuers,
    RecordedUse,
    ReportedUse,
    UploadResult,
    VenuePassContext,
)
from consent.crypto.blind_index import IndexUse, period_index
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.domain import divisions

ISSUERS_MAX = 8
"""Key sets of one request: a venue meets people of a few cities a day."""
STATUS_LISTS_MAX = 32
"""Status lists of one request: the four of a day of each of ISSUERS_MAX cities, or of two days of half as many."""


class BroughtTexts(NamedTuple):
    """The texts that a venue brings: issuer metadata (`/.well-known/jwt-vc-issuer`), and signed status lists."""

    issuers: Sequence[str]
    status_lists: Sequence[str]


class _RecognisedPass(NamedTuple):
    """A verified pass: its claims, and the benefit here that it counts as."""

    claims: PassClaims
    benefit: LiveBenefit


def read_issuers(catalogue: InForce, city_url: str, brought: BroughtTexts) -> RecognisedIssuers:
    """Return the recognised issuers among the brought texts; texts of no recognised issuer are ignored.

    This city itself is left out: its passes are decided by their stored rows.
    """
    trusted: dict[str, PassIssuer] = {}
    for text in brought.issuers:
        issuer = _read_issuer(catalogue, text)
        if issuer is not None and issuer.url != city_url:
            trusted[issuer.url] = issuer
    read = (_read_list(text, trusted.values()) for text in brought.status_lists)
    lists = [status for status in read if status is not None]
    return RecognisedIssuers(trusted, sorted(lists, key=lambda status: status.issued_at))


def _read_issuer(catalogue: InForce, text: str) -> PassIssuer | None:
    """Return the issuer of metadata; None for an unknown one, and for another key set than the reviewed one."""
    try:
        url = jose.read_json(text.encode()).get("issuer")
        document = catalogue.issuer_by_url.get(url) if isinstance(url, str) else None
        if document is None:
            return None
        read = issuers.read_metadata(text.encode(), document["url"])
    except (PassRefused, UnicodeEncodeError):
        return None
    return read if issuers.key_set_sha256(read.keys) == document["keys_sha256"] else None


def _read_list(text: str, trusted: Iterable[PassIssuer]) -> StatusList | None:
    """Return a status list that one of the issuers has signed, without checking that it is valid now.

    None for any other text.
    """
    for issuer in trusted:
        try:
            # Read at its own `iat`: an upload brings the list of the time of use.
            issued_at = jose.Unverified(text, status_list.TYPE, longest=status_list.TOKEN_LENGTH_MAX).claims.get("iat")
            return status_list.read(text, issuer, jose.natural_of(issued_at))
        except PassRefused:
            continue
    return None


def is_of_another_city(use: ReportedUse, city_url: str) -> bool:
    """Report whether a use names another issuer than this city.

    False for a pass that cannot be read; the caller refuses it.
    """
    try:
        if use.key_binding is None:
            issuer = cwt.take_apart(use.signed_pass).claims.issuer
        else:
            issuer = sd_jwt.take_apart(use.signed_pass)[1].issuer
    except PassRefused:
        return False
    return issuer != city_url


async def record(context: VenuePassContext, use: ReportedUse, used: CivilTime, at: datetime) -> RecordedUse:
    """Record the use of a pass of another city in the running transaction, once.

    `used` is the city's time of the use, `at` the time of the upload.
    """
    try:
        shown = _verify(context, use, used.today)
    except PassRefused:
        return RecordedUse(UploadResult.REFUSED)
    delete_from = datetime.fromtimestamp(shown.claims.expires_at, UTC) + UPLOAD_WINDOW
    # The hash of an earlier use is no longer here.
    if at >= delete_from:
        return RecordedUse(UploadResult.REFUSED)
    index, showing = _indexes(context.keyring, shown.claims, use.at)
    new = await queries.execute(
        "INSERT INTO recognised_use (use_index, showing_index, delete_from) VALUES ($1, $2, $3)"
        " ON CONFLICT (use_index) DO NOTHING",
        index,
        showing,
        queries.to_micros(delete_from),
    )
    if not new:
        return await _recorded_before(index, showing)
    # No person of this city is known here, so limits for each resident are not counted.
    counted = replace(shown.benefit, limits=tuple(limit for limit in shown.benefit.limits if not limit.per_resident))
    keys = quotas.keys_of_subject(context.keyring, "", counted)
    if not await quotas.take_all(keys, counted):
        return RecordedUse(UploadResult.VENUE_BEARS)
    runs_until = used.today + timedelta(days=counted.period_days)
    redeemed = redemption_rows.RedeemedPass(index, context.venue["venue_id"], counted.benefit_id, counted.version)
    redemption_id = await redemption_rows.store(redeemed, used, runs_until)
    await RecognisedUse.filter(use_index=index).update(
        redemption_id=redemption_id, counters=tickets.counters_column(keys)
    )
    return RecordedUse(UploadResult.REDEEMED, redemption_id, runs_until, shown.benefit)


async def _recorded_before(index: str, showing: str) -> RecordedUse:
    """Return the result for a pass that was used before; a second showing gives VENUE_BEARS."""
    row = await RecognisedUse.get(use_index=index)
    if row.showing_index != showing or row.redemption_id is None:
        return RecordedUse(UploadResult.VENUE_BEARS)
    return await redemption_rows.redeemed_before(row.redemption_id)


def _verify(context: VenuePassContext, use: ReportedUse, day: date) -> _RecognisedPass:
    """Return a pass that holds at the venue at its use, and the benefit it counts as; PassRefused otherwise."""
    at = int(use.at.timestamp())
    benefits = _benefit_types(context, day)
    # The newest list of each address that existed at the use: later ones replace earlier ones.
    lists = {read.uri: read for read in context.recognised.lists if read.issued_at <= at + LEEWAY_SECONDS}
    venue = venue_url(context.city_url, context.venue["venue_id"])
    trust = Trust(venue, benefits.keys(), context.recognised.issuers, lists)
    if use.key_binding is None:
        pass_claims = cwt.verify(use.signed_pass, trust, at).claims
    else:
        pass_claims = verifier.verify_signed(use.signed_pass, trust, at)
        # The venue made this nonce and has compared it; the service does not know it.
        verifier.verify_key_binding(use.key_binding, use.signed_pass, pass_claims, at)
    # A type is of the issuer that lists it: another recognised city cannot issue passes of it.
    issuer_url, benefit = benefits[pass_claims.benefit_type]
    if pass_claims.issuer != issuer_url:
        raise PassRefused(PassFault.OTHER_BENEFIT)
    return _RecognisedPass(pass_claims, benefit)


def _benefit_types(context: VenuePassContext, day: date) -> dict[str, tuple[str, LiveBenefit]]:
    """Return the types of pass that count at the venue on a day, with the issuer's address and the benefit of each."""
    venue, types = context.venue, {}
    for url in context.recognised.issuers:
        document = context.catalogue.issuer_by_url[url]
        if not divisions.contains(document["division"], venue["division"]):
            continue
        for row in document["recognises"]:
            benefit = context.catalogue.benefit(row["benefit_id"], day)
            if benefit is not None and is_offered_at(benefit, venue) and can_stand_for(benefit):
                types[row["vct"]] = url, benefit
    return types


def can_stand_for(benefit: LiveBenefit) -> bool:
    """Report whether a pass can stand for a benefit: not for added places, nor where there is a commitment."""
    return not benefit.adds_places and not benefit.has_commitment


def _indexes(keyring: Keyring, pass_claims: PassClaims, at: datetime) -> tuple[str, str]:
    """Return the keyed hashes of a pass, and of its showing at a second.

    By the key of the period that the pass begins in: a rotation of the index key does not admit a second use.
    """
    begins_on = datetime.fromtimestamp(pass_claims.issued_at, UTC).date()
    of_verifier = VerifiedPass(pass_claims).pass_id
    index = period_index(keyring, IndexUse.QUOTA, begins_on, "recognised pass", of_verifier)
    showing = period_index(
        keyring, IndexUse.QUOTA, begins_on, "recognised showing", of_verifier, str(int(at.timestamp()))
    )
    return index, showing


async def delete_old(at: datetime) -> int:
    """Delete the hashes of passes of which no use can be uploaded any more; return their number."""
    async with queries.transaction():
        deleted = await RecognisedUse.filter(delete_from__lte=queries.to_micros(at)).delete()
        if deleted:
            await tickets.unlink_redemptions()
    return deleted
