"""Imports of files into a city under test."""

from __future__ import annotations

from pathlib import Path

from service.ingest import file_import
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
