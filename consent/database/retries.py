"""Repetition of a whole transaction after an error that another try resolves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from consent.database.failures import CommitUncertain
from consent.database.queries import RETRYABLE_ERRORS
from consent.database.write_plan import WriteConflict

TRANSIENT_ERRORS: Final = (WriteConflict, *RETRYABLE_ERRORS)
ATTEMPTS_MAX: Final = 3
"""Tries in all. Two deliveries of one new record can meet at its unique key; the second try reads it. A lost connection
takes one more, since the pool then opens new ones."""

Result = TypeVar("Result")


async def repeat(attempt: Callable[[], Awaitable[Result]], *, also_uncertain: bool = False) -> Result:
    """Run `attempt` until it succeeds, at most ATTEMPTS_MAX times; return its result.

    `attempt` must undo or find what an earlier try has written: it is one transaction, or it stores its answer. With
    `also_uncertain` it finds what a COMMIT has written whose answer was lost.

    Raises:
        CommitUncertain: a COMMIT may have taken place.
    """
    errors = (*TRANSIENT_ERRORS, CommitUncertain) if also_uncertain else TRANSIENT_ERRORS
    for _ in range(ATTEMPTS_MAX - 1):
        try:
            return await attempt()
        except errors:
            continue
    return await attempt()
