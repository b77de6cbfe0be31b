"""Sessions that a venue adds for a benefit of added places: offered, listed, returned to everybody.

Until RETURN_BEFORE a session begins, its places are booked (`bookings`); from then on the free ones are everybody's,
and the venue reads how many.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tortoise.expressions import Q
from tortoise.functions import Sum

from benefits.catalogue.limits import period_of
from benefits.catalogue.model import InForce, LiveBenefit, is_offered_at
from benefits.errors import BookingNeeded, SessionNotPossible
from benefits.models import AddedSession
from benefits.redemption.decision import CivilTime
from consent.crypto.blind_index import new_id
from consent.database import named_locks, queries
from consent.domain.document_kinds import Body
from consent.kernel.errors import NotFound

RETURN_BEFORE = timedelta(hours=24)
"""R10: from so long before its beginning the free places of a session are everybody's."""
AHEAD_MAX = timedelta(days=92)
"""The farthest beginning of a session: a quarter can be planned, and the places of a period stay countable."""
LENGTH_MAX = timedelta(hours=12)
"""The longest session: longer ones are two."""
PLACES_MAX = 1_000
"""Places of one session: above the 200 that a benefit can add, so that a larger number is a mistyped one."""
CAPACITY_PERIOD = "week"
"""The period of a capacity whose service names none."""


@dataclass(frozen=True, slots=True)
class VenueSession:
    """A session with its places: `free` can be booked now, `returned` are everybody's since `returned_at`."""

    session_id: str
    venue_id: str
    benefit_id: str
    begins_at: datetime
    ends_at: datetime
    places: int
    taken: int
    returned_at: datetime
    is_returned: bool

    @property
    def free(self) -> int:
        """Places that can be booked now."""
        return 0 if self.is_returned else self.places - self.taken

    @property
    def returned(self) -> int:
        """Places that everybody can have now."""
        return self.places - self.taken if self.is_returned else 0


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """A session as its venue asks for it."""

    benefit_id: str
    begins_at: datetime
    ends_at: datetime
    places: int


async def offer(catalogue: InForce, venue: Body, plan: SessionPlan, now: CivilTime, zone: ZoneInfo) -> VenueSession:
    """Store a session of a venue, in the caller's transaction; `zone` is the city's.

    The places of all sessions of a benefit that begin in a period of the service's capacity are at most the added
    places, which publication has limited to their share of the capacity (R10).

    Raises:
        NotFound: the venue has no benefit of this id that adds places.
        SessionNotPossible: begins too early or too late, lasts too long, or is over the added places.
    """
    benefit = catalogue.benefit(plan.benefit_id, now.today)
    if benefit is None or not is_offered_at(benefit, venue) or not benefit.adds_places:
        raise NotFound("this venue has no such benefit with added places")
    if not now.at + RETURN_BEFORE < plan.begins_at <= now.at + AHEAD_MAX:
        raise SessionNotPossible("a session begins in more than 24 hours and within a quarter")
    if not plan.begins_at < plan.ends_at <= plan.begins_at + LENGTH_MAX:
        raise SessionNotPossible("a session ends after its beginning, within twelve hours")
    period = benefit.service.get("capacity_period") or CAPACITY_PERIOD
    _, first, last = period_of(period, plan.begins_at.astimezone(zone).date())
    # Two requests at once would both count before either is stored.
    await named_locks.acquire(f"added-session|{plan.benefit_id}")
    begins, ends = _midnight(first, zone), _midnight(last + timedelta(days=1), zone)
    of_period = AddedSession.filter(benefit_id=plan.benefit_id, begins_at__gte=begins, begins_at__lt=ends)
    (added,) = await of_period.annotate(all_places=Sum("places")).values("all_places")
    if int(added["all_places"] or 0) + plan.places > int(benefit.body["effect"]["extra_capacity"]):
        raise SessionNotPossible("the sessions of a period have no more places than the benefit adds")
    stored = await AddedSession.create(
        session_id=new_id(),
        venue_id=venue["venue_id"],
        benefit_id=plan.benefit_id,
        begins_at=queries.to_micros(plan.begins_at),
        ends_at=queries.to_micros(plan.ends_at),
        places=plan.places,
        taken=0,
    )
    return _session(stored, now)


def _midnight(day: date, zone: ZoneInfo) -> int:
    """Return the beginning of a civil day in a zone, in microseconds."""
    return queries.to_micros(datetime.combine(day, time.min, zone))


def require_no_session(benefit: LiveBenefit) -> None:
    """Raise BookingNeeded for a benefit with added places: a slip or binding would not know its session."""
    if benefit.adds_places:
        raise BookingNeeded("added places are booked by session")


async def list_of_venue(venue_id: str, now: CivilTime, after: tuple[int, str], limit: int) -> list[VenueSession]:
    """Return a venue's sessions that have not ended, the earliest first, after (microseconds, id)."""
    later = Q(begins_at__gt=after[0]) | Q(begins_at=after[0], session_id__gt=after[1])
    rows = AddedSession.filter(later, venue_id=venue_id, ends_at__gt=now.micros)
    return [_session(row, now) for row in await rows.order_by("begins_at", "session_id").limit(limit)]


async def list_of_benefit(benefit_id: str, now: CivilTime) -> list[VenueSession]:
    """Return the sessions of a benefit in which a place can be booked now, the earliest first."""
    rows = await AddedSession.filter(
        benefit_id=benefit_id, begins_at__gt=queries.to_micros(now.at + RETURN_BEFORE)
    ).order_by("begins_at", "session_id")
    return [session for session in (_session(row, now) for row in rows) if session.free]


def _session(row: AddedSession, now: CivilTime) -> VenueSession:
    begins_at = queries.from_micros(row.begins_at)
    returned_at = begins_at - RETURN_BEFORE
    return VenueSession(
        row.session_id,
        row.venue_id,
        row.benefit_id,
        begins_at,
        queries.from_micros(row.ends_at),
        row.places,
        row.taken,
        returned_at,
        now.at >= returned_at,
    )


async def delete_old(at: datetime) -> int:
    """Delete sessions a quarter after their end; return their number."""
    return int(await AddedSession.filter(ends_at__lt=queries.to_micros(at - AHEAD_MAX)).delete())
