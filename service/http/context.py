"""What every request shares: settings, keys, who is trusted, the limiter, the clock. Made once by `app.create_app`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime

from benefits.catalogue import in_force as catalogue
from benefits.catalogue.in_force import InForce
from consent.crypto.vault import Keyring
from consent.rights.tombstones import Tombstones
from service.auth.access_tokens import Verifier
from service.http.rate_limits import Limiter
from service.settings import Settings

Clock = Callable[[], Awaitable[datetime]]


@dataclass(slots=True)
class CatalogueCache:
    """What a process keeps of the catalogue between requests; believed only while it holds."""

    in_force: InForce | None = None


@dataclass(frozen=True, slots=True)
class AppContext:
    """The service's fixed surroundings. `clock` is the database's own; tests may pass another."""

    settings: Settings
    verifier: Verifier
    limiter: Limiter
    clock: Clock
    kept: CatalogueCache = field(default_factory=CatalogueCache)

    def seen_at(self, moment: datetime) -> datetime:
        """The clock's time at a moment that the database has read from its own."""
        moved: Callable[[datetime], datetime] | None = getattr(self.clock, "moved", None)
        return moment if moved is None else moved(moment)

    async def read_in_force(self, at: datetime) -> InForce:
        """What is in force, read anew and kept. Not inside a transaction that changes documents."""
        self.kept.in_force = found = await catalogue.load(at)
        return found

    @property
    def keyring(self) -> Keyring:
        """The keys of the vault and the blind indexes."""
        return self.settings.keyring

    @property
    def tombstones(self) -> Tombstones:
        """What ended, kept beside the last published checkpoints."""
        return Tombstones(self.settings.publisher.folder)

    def day_of(self, at: datetime) -> date:
        """The city's civil day at a moment."""
        return at.astimezone(self.settings.city_zone).date()

    def hour_of(self, at: datetime) -> int:
        """The city's hour at a moment, 0 to 23."""
        return at.astimezone(self.settings.city_zone).hour

    def day_and_hour_of(self, at: datetime) -> tuple[date, int]:
        """The city's civil day and hour at a moment."""
        local = at.astimezone(self.settings.city_zone)
        return local.date(), local.hour
