"""The demonstration city in an empty database, for tests and benchmarks."""

from __future__ import annotations

from consent.database import queries
from service.auth.access_tokens import TokenVerifier
from service.compliance import key_fingerprints
from service.demo import seed
from service.http.context import AppContext
from service.http.rate_limits import make_limiter
from service.settings import Settings
from service.storage import database


async def seed_database(
    settings: Settings, pieces: int | None = None, *, distributed: bool = False, service_role: str | None = None
) -> None:
    """Create the tables of the empty database of `settings`, and seed the demonstration city.

    The tables are whole by default, in `pieces` partitions each, or distributed over a Citus cluster.
    `service_role` has the rights of a serving role on them.
    """
    await database.open_database(settings.database_url)
    try:
        await database.migrate_all(service_role=service_role)
        await database.partition_tables(pieces, service_role)
        if distributed:
            await database.distribute()
        app_context = AppContext(settings, TokenVerifier({}, {}), make_limiter(None), queries.now)
        await seed.seed(app_context)
        # As at the first start; each copy of this database would store its keys again otherwise.
        await key_fingerprints.require_known(settings)
    finally:
        await database.close_database()
