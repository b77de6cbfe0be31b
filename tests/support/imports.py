"""Imports of files into a city under test."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.ingest import batch, file_import
from service.ingest.batch import DeliveryContext
from service.ingest.mapping import parse_mapping
from service.ingest.report import ImportReport
from tests.support.city import City


async def run_import(town: City, path: Path, mapping: str, source_id: str = "green-travel") -> ImportReport:
    """Import a file by a mapping's text and return the report."""
    report = ImportReport()
    await file_import.import_file(
        DeliveryContext(town.app_context.keyring, town.app_context.clock, town.app_context.day_of),
        path,
        source_id,
        parse_mapping(mapping, "m.yaml"),
        report,
    )
    return report


def write_file(folder: Path, content: str | bytes, name: str = "rows.csv") -> Path:
    """Write a file unchanged, line ends included; return its path."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@contextmanager
def before_commit(number: int, act: Callable[[], Awaitable[None]]) -> Iterator[None]:
    """Run an act before the commit of this number of the batches of an import; its error is the commit's."""
    commit, calls = batch.commit, 0

    async def counted(*values: object) -> object:
        nonlocal calls
        calls += 1
        if calls == number:
            await act()
        return await commit(*values)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "commit", counted)
        yield


async def lose_database() -> None:
    """Fail as a commit does whose connection is lost."""
    raise OSError("the database went away")
