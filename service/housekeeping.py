"""What is tidied in the background: expired consents written down, what has served its time deleted.

Correctness never waits for it: every decision looks at the clock. Several processes may tidy at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from benefits import quotas, tickets
from consent import links, register
from service import store
from service.city import City

logger = logging.getLogger("credit_easy.housekeeping")

EVERY_SECONDS = 60
"""Soon enough that a person is cut off a ticket within a minute of its 24 hours."""


async def tidy(city: City) -> dict[str, int]:
    """One round; how much each job did. A job that fails is logged and does not stop the others."""
    at = await city.clock()
    today = city.day_of(at)
    jobs: dict[str, Callable[[], Awaitable[int]]] = {
        "consents_expired": lambda: register.sweep(city.keyring, at),
        "presentations_dropped": lambda: register.drop_shown(at),
        "link_codes_dropped": lambda: links.drop_codes(at),
        "tickets_cut_off": lambda: tickets.cut_off(at),
        "quotas_dropped": lambda: quotas.drop_ended(today),
        "answers_dropped": lambda: store.drop_old(at),
    }
    done = {}
    for name, job in jobs.items():
        try:
            done[name] = await job()
        except Exception as error:
            logger.error("a job failed", extra={"job": name, "error": type(error).__name__})
    return done


async def keep_house(city: City, every_seconds: float = EVERY_SECONDS) -> None:
    """Tidy for ever; cancelled when the service stops."""
    while True:
        await asyncio.sleep(every_seconds)
        try:
            await tidy(city)
        except Exception as error:  # the clock itself: the database is away
            logger.error("no tidying", extra={"error": type(error).__name__})
