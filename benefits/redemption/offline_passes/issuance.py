"""Issue of offline passes, decided as a ticket is, and the deletion of old ones.

A pass stands for the day it was issued for: points that fall later end it no more than they end a redemption. The end
of the consent, of the person's data or of the benefit does, by the status list. Quotas bind at the issue, where there
is a network: nobody has more open passes than they have uses left. A total quota is not reserved, or passes that
nobody uses would take it from others.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from tortoise.expressions import Q

from benefits.catalogue.model import InForce, LiveBenefit
from benefits.errors import BenefitNotAvailable, NoOfflinePass, NoPositionForPass, PassKeyUsed
from benefits.models import OfflinePass
from benefits.passes import claims, cwt, jose, sd_jwt
from benefits.passes.claims import HOUR_SECONDS, PASSES_OF_A_LIST, PassClaims, StatusReference
from benefits.passes.jose import PrivateKey, PublicKey
from benefits.redemption import quotas, tickets
from benefits.redemption.decision import CivilTime
from benefits.redemption.eligibility import Choice, establish_eligibility
from benefits.redemption.offline_passes import status_list_steps
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.kernel.errors import Conflict
from consent.kernel.instants import rfc3339
from consent.persons import Person
from consent.records import gate
from consent.records.gate import Use

PASSES_MAX = 10
"""Passes of one request: a day's worth for the busiest benefit, few enough to be shown in a list."""
OPEN_PASSES_MAX = 20
"""Open passes of a person for one benefit, also without a quota: two requests. The lists of a day have positions for
200,000 people with as many."""
POSITION_DRAWS_MAX = 50
"""Positions that are drawn for a pass: with lists that are half full, one pass of 10**15 finds none."""
LIFETIME = timedelta(seconds=claims.LIFETIME_MAX_SECONDS)
UPLOAD_WINDOW = timedelta(days=3)
"""Time after its expiry in which the use of a pass can be uploaded: a long weekend without a network."""
UPLOADABLE = LIFETIME + UPLOAD_WINDOW
"""Time after a use in which it can be uploaded, at most. The counters of its day stay for as long, and a day more."""
SECOND_MICROS = 1_000_000
LISTS_PATH = "/v1/public/status-lists/"
"""The path of status lists; the number of a list follows."""
ISSUED_FOR_OTHER_CITY = "issued_for_other_city"
"""Outcome of an issue for a venue of another city, whose redemption this city never learns (R19)."""


@dataclass(frozen=True, slots=True)
class PassSigner:
    """The issuer of passes: its address (`iss`) and its key."""

    url: str
    key: PrivateKey

    def list_url(self, number: int) -> str:
        """Return the address of a status list."""
        return f"{self.url}{LISTS_PATH}{number}"


@dataclass(frozen=True, slots=True)
class PassRequest:
    """A request for passes: the benefit, the venue and the accepted terms, and a device key for each pass."""

    choice: Choice
    keys: Sequence[PublicKey]


@dataclass(frozen=True, slots=True)
class IssuedPass:
    """A signed pass and its end; `compact` is the same as a CWT for a QR code, None where it would not fit."""

    claims: PassClaims
    signed: str
    compact: bytes | None
    expires_at: datetime


class _Venue(NamedTuple):
    """The venue that passes are for: its id, the address of its city, and that city's id if it is another one."""

    venue_id: str
    city_url: str
    issuer_id: str | None


@dataclass(frozen=True, slots=True)
class _Shared:
    """The members that all passes of one request have in common."""

    keyring: Keyring
    person: Person
    benefit: LiveBenefit
    venue: _Venue
    consent_given_at: int
    signer: PassSigner
    now: CivilTime


async def issue(
    keyring: Keyring, person: Person, catalogue: InForce, request: PassRequest, signer: PassSigner, now: CivilTime
) -> list[IssuedPass]:
    """Issue passes for a benefit that applies to the (locked) person now, in the running transaction.

    One pass for each of the first keys, as many as the person has uses left in the period; at least one.

    Raises as `establish_eligibility`, and:
        BenefitNotAvailable: no use is left in the period.
        NoOfflinePass: the benefit gives places.
        PassKeyUsed: a key comes twice, or has a pass already.
        Conflict: the person has OPEN_PASSES_MAX for this benefit.
        NoPositionForPass: the status lists of the day are nearly full.
    """
    benefit, _ = await establish_eligibility(person, catalogue, request.choice, now)
    counters = await quotas.open_counters(keyring, person, benefit)
    if counters is None:
        raise BenefitNotAvailable(quota_used=True)
    require_passes(benefit)
    thumbprints = [jose.encode(jose.thumbprint(key)) for key in request.keys]
    if len({*thumbprints}) < len(thumbprints) or await OfflinePass.exists(key_thumbprint__in=thumbprints):
        raise PassKeyUsed("each pass needs a key of its own")
    keys = list(zip(request.keys, thumbprints, strict=True))[: await _uses_left(person, benefit, counters, now)]
    if not keys:
        raise BenefitNotAvailable(quota_used=True)
    issuer_id = request.choice.issuer_id
    outcome = "issued" if issuer_id is None else ISSUED_FOR_OTHER_CITY
    use = Use("pass.issued", benefit.provider_id, benefit.benefit_id, outcome)
    given_at = await gate.permit(person, benefit.provider_id, now.at, use)
    city_url = signer.url if issuer_id is None else catalogue.issuer_url(issuer_id)
    venue = _Venue(request.choice.venue_id, city_url, issuer_id)
    shared = _Shared(keyring, person, benefit, venue, given_at, signer, now)
    if issuer_id is not None:
        await _count_uses(counters, benefit, len(keys))
    return [await _issue_one(shared, *key) for key in keys]


def require_passes(benefit: LiveBenefit) -> None:
    """Raise NoOfflinePass for a benefit with added places."""
    if benefit.adds_places:
        raise NoOfflinePass("this benefit gives places, which a pass cannot count")


async def _count_uses(counters: Sequence[str], benefit: LiveBenefit, uses: int) -> None:
    """Count passes for another city on the limits for each resident when they are taken: no use is reported from there.

    `counters` are the keys of the limits, in their order.
    """
    limits = [(key, limit) for key, limit in zip(counters, benefit.limits, strict=True) if limit.per_resident]
    counted = replace(benefit, limits=tuple(limit for _, limit in limits))
    for _ in range(uses):
        # The person is locked and had as many uses left.
        await quotas.take_all([key for key, _ in limits], counted)


async def _uses_left(person: Person, benefit: LiveBenefit, counters: Sequence[str], now: CivilTime) -> int:
    """Return the uses that the person has left in the period: those of the limit, less those taken and open passes.

    Raises:
        Conflict: as `issue`.
    """
    still_open = OfflinePass.filter(
        person_id=person.person_id, benefit_id=benefit.benefit_id, expires_at__gt=now.micros, used_at=None
    )
    open_passes = await still_open.count()
    if open_passes >= OPEN_PASSES_MAX:
        raise Conflict(f"at most {OPEN_PASSES_MAX} open passes for a benefit; they end within a day")
    taken = await quotas.read_taken(counters)
    left = [limit.most - used for limit, used in zip(benefit.limits, taken, strict=True) if limit.per_resident]
    # Those for another city are counted already.
    uncounted = await still_open.filter(issuer_id=None).count()
    return max(0, min([OPEN_PASSES_MAX - open_passes, *(uses - uncounted for uses in left)]))


async def _issue_one(shared: _Shared, key: PublicKey, thumbprint: str) -> IssuedPass:
    benefit, signer = shared.benefit, shared.signer
    number, position = await _unused_position(shared.keyring, shared.person, shared.now)
    begins = int(shared.now.at.timestamp()) // HOUR_SECONDS * HOUR_SECONDS
    pass_claims = PassClaims(
        issuer=signer.url,
        benefit_type=claims.benefit_type(signer.url, benefit.benefit_id, benefit.version),
        venue=claims.venue_url(shared.venue.city_url, shared.venue.venue_id),
        issued_at=begins,
        expires_at=begins + claims.LIFETIME_MAX_SECONDS,
        device_key=key,
        status=StatusReference(signer.list_url(number), position),
    )
    await OfflinePass.create(
        pass_id=stored_pass_id(number, position),
        list_number=number,
        place=position,
        key_thumbprint=thumbprint,
        person_id=shared.person.person_id,
        provider_id=benefit.provider_id,
        benefit_id=benefit.benefit_id,
        benefit_version=benefit.version,
        venue_id=shared.venue.venue_id,
        issuer_id=shared.venue.issuer_id,
        issued_at=pass_claims.issued_at * SECOND_MICROS,
        expires_at=pass_claims.expires_at * SECOND_MICROS,
        consent_given_at=shared.consent_given_at,
    )
    expires_at = queries.from_micros(pass_claims.expires_at * SECOND_MICROS)
    compact = cwt.sign_pass(signer.key, pass_claims)
    return IssuedPass(
        pass_claims, sd_jwt.sign_pass(signer.key, pass_claims), compact if cwt.fits(compact) else None, expires_at
    )


async def _unused_position(keyring: Keyring, person: Person, now: CivilTime) -> tuple[int, int]:
    """Return the number of a list of this day, and a random position in it that no pass has and that is no decoy bit.

    Nor has a pass of the person the position in another list: no value of two of their passes is the same.
    """
    for _ in range(POSITION_DRAWS_MAX):
        number = status_list_steps.first_list(now.at) + secrets.randbelow(status_list_steps.LISTS_A_DAY)
        position = secrets.randbelow(PASSES_OF_A_LIST)
        same = Q(pass_id=stored_pass_id(number, position)) | Q(person_id=person.person_id, place=position)
        if position not in status_list_steps.decoy_bits(keyring, number) and not await OfflinePass.exists(same):
            return number, position
    raise NoPositionForPass("no free position came up")


def stored_pass_id(number: int | str, position: int) -> str:
    """Return the id of the pass at a position in a list."""
    return f"{number}.{position}"


def stored_pass_id_at(city_url: str, status: StatusReference) -> str:
    """Return the id of the pass at a position in a list of this city; of any other address an id that no pass has."""
    return stored_pass_id(status.uri.removeprefix(city_url + LISTS_PATH), status.index)


async def export(person: Person) -> list[dict[str, str | None]]:
    """Return the person's passes as JSON-ready values: `used_at` once a venue has uploaded the use, `stopped_at`."""
    rows = await OfflinePass.filter(person_id=person.person_id).order_by("issued_at", "pass_id")
    return [
        {
            "venue_id": row.venue_id,
            "issuer_id": row.issuer_id,
            "benefit_id": row.benefit_id,
            "issued_at": rfc3339(queries.from_micros(row.issued_at)),
            "expires_at": rfc3339(queries.from_micros(row.expires_at)),
            "used_at": None if row.used_at is None else rfc3339(queries.from_micros(row.used_at)),
            "stopped_at": None if row.revoked_from is None else rfc3339(queries.from_micros(row.revoked_from)),
        }
        for row in rows
    ]


def first_uploadable_day(today: date) -> date:
    """Return the first civil day whose uses can still be uploaded, with a day more for the hours of the day."""
    return today - UPLOADABLE - timedelta(days=1)


async def delete_old(at: datetime) -> int:
    """Delete the passes whose upload is no longer possible, and unlink their redemptions; return their number."""
    limit = queries.to_micros(at - UPLOAD_WINDOW)
    async with queries.transaction():
        deleted = await OfflinePass.filter(expires_at__lte=limit).delete()
        if deleted:
            await tickets.unlink_redemptions()
    return deleted


async def unlink_person(person_id: str, at: datetime) -> None:
    """Remove a person's id from all of their passes, which revokes them from the next step of the lists on.

    Those that were stopped before stay revoked from then on.
    """
    revoked_from = queries.to_micros(status_list_steps.next_step(at))
    await OfflinePass.filter(person_id=person_id, revoked_from=None).update(revoked_from=revoked_from)
    await OfflinePass.filter(person_id=person_id).update(person_id=None)
