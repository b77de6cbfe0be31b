"""The application context that every request shares: settings, keys, token verifier, limiter, clock, catalogue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import TYPE_CHECKING

from benefits.catalogue.in_force import CatalogueCache
from benefits.redemption.decision import CivilTime
from benefits.redemption.offline_passes.status_lists import ListCache
from consent.crypto.vault import Keyring
from consent.kernel.instants import from_micros, to_micros
from consent.rights.tombstones import Tombstones
from service.auth.access_tokens import TokenVerifier
from service.http.rate_limits import Limiter
from service.settings import Settings

if TYPE_CHECKING:
    from service.observability.telemetry import Telemetry

Clock = Callable[[], Awaitable[datetime]]


class InstantOutOfRange(ValueError):
    """An instant that lies on no day of the city's calendar; a request's text can state it."""


@dataclass(frozen=True, slots=True)
class AppContext:
    """The objects that every request shares; one for the process, made by `app.create_app`.

    `clock` returns the database's time; tests pass a clock that they can move.
    """

    settings: Settings
    verifier: TokenVerifier
    limiter: Limiter
    clock: Clock
    catalogue: CatalogueCache = field(default_factory=CatalogueCache)
    status_lists: ListCache = field(default_factory=ListCache)
    erased: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by an erasure; SQLite's write-ahead log is then emptied (`service.storage.write_ahead_log`)."""
    telemetry: Telemetry | None = None
    """The sender of traces and metrics; None where no collector is set."""
    tombstones: Tombstones = field(init=False)
    """Records of withdrawals and erasures, in the folder of the published checkpoints."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "tombstones", Tombstones(self.settings.publisher.folder))

    def civil_time(self, micros: int) -> CivilTime:
        """Return the city's time at an instant (microseconds) that a query has read from the database's clock.

        A clock of tests that was moved moves this instant equally.
        """
        at = from_micros(micros)
        moved: Callable[[datetime], datetime] | None = getattr(self.clock, "moved", None)
        if moved is not None:
            return self.civil_time_at(moved(at))
        local = at.astimezone(self.settings.city_zone)
        return CivilTime(at, micros, local.date(), local.hour)

    def civil_time_at(self, at: datetime) -> CivilTime:
        """Return the city's time at a moment of `clock`, or one that a request states.

        Raises:
            InstantOutOfRange: the city's calendar has no such day, before the year 1 or after 9999.
        """
        try:
            local = at.astimezone(self.settings.city_zone)
        except OverflowError:
            raise InstantOutOfRange from None
        return CivilTime(at, to_micros(at), local.date(), local.hour)

    @property
    def keyring(self) -> Keyring:
        """The keys of the vault and the blind indexes."""
        return self.settings.keyring

    def day_of(self, at: datetime) -> date:
        """Return the city's civil day at a moment."""
        return at.astimezone(self.settings.city_zone).date()

    def midnight_of(self, day: date) -> datetime:
        """Return the moment at which a civil day begins in the city."""
        return datetime.combine(day, time(), self.settings.city_zone)
