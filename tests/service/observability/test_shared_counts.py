"""Shared counts: their space is reserved before the first count, suffices for every series, and never stops a start."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client import Gauge
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from starlette.routing import BaseRoute, Mount, Route

from service.app import create_app
from service.demo import seed
from service.http.problems import STATUS
from service.observability import metrics, shared_counts

USUAL_STATUSES = {200, 201, 204, 303, 304, 307, 400, 404, 405, 500}


def names(routes: list[BaseRoute]) -> Iterator[str]:
    for route in routes:
        if isinstance(route, Mount):
            yield from names(route.routes)
        elif isinstance(route, Route):
            yield route.name


def test_the_reserved_space_is_enough_for_every_operation_and_status(tmp_path: Path) -> None:
    settings = seed.settings_of(tmp_path / "city")
    issuer = seed.issuer_of(tmp_path / "city")
    app = create_app(settings, issuer.verifier(), issuer=issuer)
    operations = {*names(app.routes), "unmatched"}
    assert len(operations) > 100
    assert shared_counts.reserve(tmp_path, 0)
    counters = MmapedDict(str(tmp_path / "counter_0.db"))  # type: ignore[no-untyped-call]
    histograms = MmapedDict(str(tmp_path / "histogram_0.db"))  # type: ignore[no-untyped-call]
    buckets = [*map(str, metrics.SECONDS._upper_bounds), "sum", "count"]
    for name in operations:
        for status in {*STATUS.values(), *USUAL_STATUSES}:
            labels = ["POST", name, str(status)]
            key = mmap_key(
                "credit_easy_requests", "credit_easy_requests_total", ["method", "route", "status"], labels, "x" * 40
            )
            counters.write_value(key, 1.0, 0.0)  # type: ignore[no-untyped-call]
        for bucket in buckets:
            name_of_series = "credit_easy_request_seconds_bucket"
            key = mmap_key("credit_easy_request_seconds", name_of_series, ["route", "le"], [name, bucket], "x" * 40)
            histograms.write_value(key, 1.0, 0.0)  # type: ignore[no-untyped-call]
    counters.close()  # type: ignore[no-untyped-call]
    histograms.close()  # type: ignore[no-untyped-call]
    for kind, size in shared_counts.FILE_BYTES.items():
        assert (tmp_path / f"{kind}_0.db").stat().st_size == size


def test_every_kind_of_metric_has_reserved_space() -> None:
    for collector in metrics.REGISTRY._collector_to_names:
        kind = str(collector._type)  # type: ignore[attr-defined]
        mode = f"_{collector._multiprocess_mode}" if isinstance(collector, Gauge) else ""
        assert kind + mode in shared_counts.FILE_BYTES


def test_reserved_files_have_no_holes(tmp_path: Path) -> None:
    assert shared_counts.reserve(tmp_path, 3)
    for kind, size in shared_counts.FILE_BYTES.items():
        assert (tmp_path / f"{kind}_3.db").stat().st_blocks * 512 >= size
    (tmp_path / "counter_3.db").write_bytes(b"counts of before")
    assert shared_counts.reserve(tmp_path, 3)
    assert (tmp_path / "counter_3.db").read_bytes() == b"counts of before"


@contextmanager
def mounted(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A file system of a few kilobytes; skips where this user may mount none."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)], check=False)
    if done.returncode:
        pytest.skip("mounting needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_nothing_and_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mounted(tmp_path / "full", 256) as full:
        monkeypatch.setattr(shared_counts, "MEMORY", full)
        monkeypatch.setattr(shared_counts, "_temporary", lambda: full)
        assert shared_counts.create_folder() is None
        assert [*full.iterdir()] == []


def test_a_full_memory_folder_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mounted(tmp_path / "full", 256) as full:
        monkeypatch.setattr(shared_counts, "MEMORY", full)
        monkeypatch.setattr(shared_counts, "_temporary", lambda: tmp_path)
        created = shared_counts.create_folder()
        assert created is not None
        assert created.parent == tmp_path


def test_folders_of_processes_that_are_gone_are_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for owner in (gone.pid, os.getppid()):
        (tmp_path / f"{shared_counts.FOLDER_PREFIX}{owner}-x").mkdir()
    (tmp_path / f"{shared_counts.FOLDER_PREFIX}of-somebody-else").mkdir()
    monkeypatch.setattr(shared_counts, "MEMORY", tmp_path)
    created = shared_counts.create_folder()
    assert created is not None
    shared_counts.remove_folder(created)
    left = {path.name.removeprefix(shared_counts.FOLDER_PREFIX) for path in tmp_path.iterdir()}
    assert left == {f"{os.getppid()}-x", "of-somebody-else"}
