"""Tombstones on disk: records, segments with one writer each, full disks, the file of earlier versions."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.database import queries
from consent.kernel import atomic_file
from consent.kernel.errors import OutcomeUnknown
from consent.kernel.instants import from_micros, to_micros
from consent.rights import tombstone_records, tombstones
from consent.rights.tombstone_records import RECORD_BYTES, Tombstone, TombstoneKind, TombstoneState
from consent.rights.tombstone_segments import Segment
from consent.rights.tombstones import Tombstones
from service.storage import database

pytestmark = pytest.mark.anyio

AT = datetime(2026, 11, 23, 8, 30, 15, 123456, tzinfo=UTC)
WITHDRAWN = [Tombstone(TombstoneKind.WITHDRAWN, f"{number:032x}", "a" * 32, AT) for number in range(5)]
ids = st.text("0123456789abcdef", min_size=1, max_size=tombstone_records.ID_CHARACTERS)
stones = st.builds(
    Tombstone,
    st.sampled_from([TombstoneKind.WITHDRAWN, TombstoneKind.ERASED]),
    ids,
    ids,
    st.integers(0, 10**16 - 1).map(from_micros),
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Tombstones]:
    """A store next to an open, empty database, whose transactions are real."""
    (tmp_path / "published").mkdir()
    await database.open_database(f"sqlite://{tmp_path / 'empty.sqlite3'}")
    opened = Tombstones(tmp_path / "published")
    try:
        yield opened
    finally:
        opened.close()
        await database.close_database()


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Refuse every write beyond `size` bytes of a file, as a full disk would: a part of it may be written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def record(store: Tombstones, *names: str) -> None:
    async with store.transaction():
        store.withdrawn("a" * 32, names, AT)


async def fail_after(store: Tombstones, *names: str, disk: Callable[[Segment], None] = lambda _: None) -> None:
    """Record withdrawals in a transaction that fails; `disk` is called in between with the segment."""
    async with store.transaction():
        store.withdrawn("a" * 32, names, AT)
        assert store.segment is not None
        disk(store.segment)
        raise ZeroDivisionError


def make_read_only(segment: Segment) -> None:
    """Let every further write to the segment fail."""
    read_only = os.open(segment.path, os.O_RDONLY)
    os.dup2(read_only, segment.descriptor)
    os.close(read_only)


@contextmanager
def small_file_system(folder: Path) -> Iterator[Path]:
    """Mount 64 kB of memory as a file system."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def names_in(store: Tombstones) -> list[str]:
    return [stone.name for stone in store.read_all()]


@given(stones, st.sampled_from(list(TombstoneState)))
def test_a_record_is_read_as_written_in_any_state(stone: Tombstone, state: TombstoneState) -> None:
    encoded = tombstone_records.encode(stone, state)
    assert len(encoded) == RECORD_BYTES
    assert tombstone_records.decode(encoded) == (state, stone)


@given(stones, st.integers(0, RECORD_BYTES - 2), st.integers(1, 255))
def test_a_damaged_record_is_no_record(stone: Tombstone, place: int, flipped: int) -> None:
    damaged = bytearray(tombstone_records.encode(stone, TombstoneState.OPEN))
    damaged[place] ^= flipped
    decoded = tombstone_records.decode(bytes(damaged))
    if place == 0:
        assert decoded is None or decoded[1] == stone
    else:
        assert decoded is None or (place >= 119 and decoded[1] == stone)  # a digit of the CRC in the other case


def test_an_id_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        tombstone_records.encode(Tombstone(TombstoneKind.WITHDRAWN, "a" * 49, "", AT), TombstoneState.OPEN)


async def test_records_name_nobody_and_only_their_owner_reads_them(store: Tombstones) -> None:
    await record(store, "c1", "c2")
    async with store.transaction():
        store.erased("p1", AT)
    assert [(stone.kind, stone.name, stone.person_id) for stone in store.read_all()] == [
        ("withdrawn", "c1", "a" * 32), ("withdrawn", "c2", "a" * 32), ("erased", "", "p1"),
    ]  # fmt: skip
    (name,) = store.files()
    path = store.folder / name
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    assert path.read_text().split("\n")[0].split()[:-1] == ["+", "W", "c1", "a" * 32, f"{to_micros(AT):016d}"]


async def test_a_transaction_that_fails_cancels_its_records(store: Tombstones) -> None:
    await record(store, "c1")
    with pytest.raises(ZeroDivisionError):
        await fail_after(store, "c2", "c3")
    await record(store, "c4")
    assert names_in(store) == ["c1", "c4"]


async def test_a_transaction_that_is_cancelled_during_its_commit_leaves_its_record(store: Tombstones) -> None:
    async def withdraw() -> None:
        async with store.transaction():
            store.withdrawn("a" * 32, ["c1"], AT)
            await queries.execute("CREATE TABLE written (number INTEGER)")
            task.cancel()  # arrives at the next wait, that for the answer to COMMIT

    task = asyncio.create_task(withdraw())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names_in(store) == ["c1"]


async def test_a_tombstone_outside_of_a_transaction_is_a_mistake(store: Tombstones) -> None:
    with pytest.raises(RuntimeError):
        store.erased("p1", AT)
    async with store.transaction():
        store.withdrawn("p1", [], AT)
    assert store.files() == []


async def test_a_record_that_cannot_be_cancelled_counts_and_its_outcome_is_unknown(store: Tombstones) -> None:
    with pytest.raises(OutcomeUnknown):
        await fail_after(store, "c1", disk=make_read_only)
    assert names_in(store) == ["c1"]
    batch = store.read(store.files()[0], 0)
    assert (list(batch.unsettled), batch.waiting) == ([0], False)


async def test_a_full_disk_refuses_the_whole_record_and_the_next_one_is_whole(store: Tombstones) -> None:
    await record(store, "c1")
    assert store.segment is not None
    path = store.segment.path
    for cut in (1, 40, RECORD_BYTES - 1, RECORD_BYTES + 1):
        assert store.segment is not None
        with file_size_limit(store.segment.end + cut), pytest.raises(OSError):
            await record(store, "refused-1", "refused-2")
        assert store.segment.path.stat().st_size == store.segment.end
        await record(store, f"after-{cut}")
        assert store.segment.path != path
    assert sorted(names_in(store)) == sorted(["c1", "after-1", "after-40", "after-127", "after-129"])


async def test_confirming_and_cancelling_need_no_space(store: Tombstones) -> None:
    await record(store, "c0")
    assert store.segment is not None
    with file_size_limit(3 * RECORD_BYTES):
        await record(store, "c1")
        with pytest.raises(ZeroDivisionError):
            await fail_after(store, "c2")
    content = store.segment.path.read_bytes()
    assert [chr(content[place]) for place in range(0, len(content), RECORD_BYTES)] == ["+", "+", "-"]


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="a full file system needs root")
@pytest.mark.campaign
async def test_a_real_full_file_system(store: Tombstones, tmp_path: Path) -> None:
    with small_file_system(tmp_path / "small") as folder:
        full = Tombstones(folder)
        written = 0
        with pytest.raises(OSError):  # noqa: PT012
            while written < 1_000:
                await record(full, *(f"c{written + number}" for number in range(7)))
                written += 7
        assert len(names_in(full)) == written
        present = entries(folder)
        with pytest.raises(OSError):
            atomic_file.replace(folder / "consent.checkpoint", bytes(65_536))
        assert entries(folder) == present
        full.close()


def test_a_draft_that_does_not_fit_is_removed(tmp_path: Path) -> None:
    with file_size_limit(10), pytest.raises(OSError):
        atomic_file.replace(tmp_path / "file", b"more than ten bytes")
    assert list(tmp_path.iterdir()) == []
    atomic_file.create(tmp_path / "file", b"first")
    with pytest.raises(FileExistsError):
        atomic_file.create(tmp_path / "file", b"second")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"first")]


async def test_a_running_request_is_waited_for_and_a_dead_one_counts(store: Tombstones) -> None:
    other = Tombstones(store.folder)
    await record(other, "c1")
    assert other.segment is not None
    name = f"{tombstones.SEGMENTS}/{other.segment.path.name}"
    other.segment.append(WITHDRAWN[:2])
    other.segment.cancel(other.segment.append(WITHDRAWN[2:3]))
    other.segment.confirm(other.segment.append(WITHDRAWN[3:4]))
    batch = store.read(name, 0)
    assert ([stone.name for stone in batch.stones], batch.end, batch.waiting) == (["c1"], RECORD_BYTES, True)
    assert store.read(name, batch.end).waiting
    impatient = store.read(name, batch.end, patient=False)
    assert list(impatient.stones) == [*WITHDRAWN[:2], WITHDRAWN[3]]
    other.close()  # as the death of its process would
    batch = store.read(name, RECORD_BYTES)
    assert (list(batch.stones), batch.waiting) == ([*WITHDRAWN[:2], WITHDRAWN[3]], False)
    assert batch.end == 5 * RECORD_BYTES
    store.settle(name, batch.unsettled)
    assert store.read(name, RECORD_BYTES).unsettled == []


async def test_a_process_knows_its_own_running_requests(store: Tombstones) -> None:
    async with store.transaction():
        store.withdrawn("a" * 32, ["c1"], AT)
        (name,) = store.files()
        assert store.read(name, 0).waiting
    batch = store.read(name, 0)
    assert ([stone.name for stone in batch.stones], batch.unsettled) == (["c1"], [])


async def test_a_record_that_a_crash_cut_off_is_no_record(store: Tombstones) -> None:
    await record(store, "c1")
    assert store.segment is not None
    with store.segment.path.open("ab") as file:
        file.write(tombstone_records.encode(WITHDRAWN[0], TombstoneState.OPEN)[:100])
    batch = store.read(store.files()[0], 0)
    assert ([stone.name for stone in batch.stones], batch.end) == (["c1"], RECORD_BYTES)


async def test_many_writers_lose_nothing(store: Tombstones) -> None:
    writers = [Tombstones(store.folder) for _ in range(4)]
    for number in range(25):
        for place, writer in enumerate(writers):
            await record(writer, f"{place}-{number}")
    assert len(store.files()) == 4
    assert sorted(names_in(store)) == sorted(f"{place}-{number}" for place in range(4) for number in range(25))
    for writer in writers:
        writer.close()


async def test_the_file_of_earlier_versions_is_read(store: Tombstones) -> None:
    lines = (
        '{"kind": "withdrawn", "name": "c1", "at": "2026-11-23T00:00:00+00:00"}\n'
        '{"kind": "withdr\n'
        "\n"
        '{"kind": "erased", "name": "i1", "at": "2026-11-23T00:00:00+00:00"}\n'
    )
    path = store.folder / tombstones.LINES_FILE
    path.write_text(lines + '{"kind": "withdrawn", "na')
    assert [(stone.kind, stone.name) for stone in store.read_all()] == [("withdrawn", "c1"), ("subject_erased", "i1")]
    # The last line may be in the middle of its write: it is read again.
    assert store.read(tombstones.LINES_FILE, 0).end == len(lines)
    path.write_text(lines + '{"kind": "withdrawn", "na\n' + lines.replace("c1", "c2"))
    assert [stone.name for stone in store.read(tombstones.LINES_FILE, len(lines)).stones] == ["c2", "i1"]


def test_a_segment_that_failed_is_written_no_more(tmp_path: Path) -> None:
    segment = Segment(tmp_path / "d")
    segment.append(WITHDRAWN[:1])
    make_read_only(segment)
    with pytest.raises(OSError):
        segment.append(WITHDRAWN[1:2])
    assert segment.broken
    segment.close()
