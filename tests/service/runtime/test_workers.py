"""The parent of workers: a silent worker is replaced after a while that a busy machine does not use up."""

from __future__ import annotations

import time

import pytest
from starlette.applications import Starlette

from service.runtime.workers import HANG_SECONDS, START_SECONDS, Worker


@pytest.fixture
def worker() -> Worker:
    """A worker whose process was not started: the test answers in its place."""
    return Worker(Starlette, {}, [], 0)


def test_a_worker_may_start_slowly(worker: Worker) -> None:
    worker.answered_at = time.monotonic() - HANG_SECONDS - 1
    assert not worker.hangs()


def test_a_worker_that_never_starts_is_replaced(worker: Worker) -> None:
    worker.answered_at = time.monotonic() - START_SECONDS - 1
    assert worker.hangs()


def test_a_serving_worker_that_is_silent_is_replaced(worker: Worker) -> None:
    worker.served = True
    worker.answered_at = time.monotonic() - HANG_SECONDS - 1
    assert worker.hangs()


@pytest.mark.parametrize("listens", [True, False])
def test_an_answer_says_whether_the_worker_serves(worker: Worker, listens: bool) -> None:
    worker.answered_at = time.monotonic() - START_SECONDS - 1
    worker.child_conn.send(listens)
    assert not worker.hangs()
    assert worker.served is listens


def test_a_worker_that_has_served_still_does_when_an_answer_comes_late(worker: Worker) -> None:
    worker.served = True
    worker.child_conn.send(False)
    assert not worker.hangs()
    assert worker.served
