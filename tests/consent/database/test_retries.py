"""A transaction is repeated after an error that another try resolves, and after no other."""

from __future__ import annotations

import pytest

from consent.database import queries, retries
from consent.database.failures import CommitUncertain
from consent.database.write_plan import WriteConflict

pytestmark = pytest.mark.anyio
TRANSIENT = [WriteConflict(), queries.RETRYABLE_ERRORS[0]("a")]


class Attempts:
    """An attempt that raises each of the errors once, then succeeds; `count` are its runs."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.count = list(errors), 0

    async def run(self) -> int:
        self.count += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.count


@pytest.mark.parametrize("error", TRANSIENT, ids=lambda error: type(error).__name__)
async def test_a_conflict_is_tried_again_until_the_last_attempt(error: Exception) -> None:
    before_the_last = [error] * (retries.ATTEMPTS_MAX - 1)
    assert await retries.repeat(Attempts(*before_the_last).run) == retries.ATTEMPTS_MAX
    attempts = Attempts(*before_the_last, error)
    with pytest.raises(type(error)):
        await retries.repeat(attempts.run)
    assert attempts.count == retries.ATTEMPTS_MAX


@pytest.mark.parametrize("error", [CommitUncertain(), ValueError("wrong")], ids=lambda error: type(error).__name__)
async def test_what_another_try_does_not_resolve_is_raised_at_once(error: Exception) -> None:
    attempts = Attempts(error)
    with pytest.raises(type(error)):
        await retries.repeat(attempts.run)
    assert attempts.count == 1


async def test_an_uncertain_commit_is_tried_again_where_the_next_try_finds_its_writes() -> None:
    assert await retries.repeat(Attempts(CommitUncertain()).run, also_uncertain=True) == 2
