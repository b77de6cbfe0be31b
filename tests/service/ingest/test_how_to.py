"""docs/how-to/import-a-file.md is true: it names every field, and its examples print what it says."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from service.ingest import cells, encodings, preview, text_rows, workbook
from service.ingest.mapping import DATE_WORDS, DELIMITERS, ColumnNames, FileMapping, RowFilter, parse_mapping
from service.ingest.table import LINE_CHARACTERS_MAX

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "import-a-file.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```csv\n(.*?)```\s+```yaml\n(.*?)```\s+```text\n(.*?)```", PAGE, re.S)


@pytest.mark.parametrize(("rows", "mapping", "printed"), EXAMPLES, ids=[str(n) for n in range(len(EXAMPLES))])
def test_an_example_prints_what_the_page_says(tmp_path: Path, rows: str, mapping: str, printed: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(rows, encoding="utf-8")
    understood = preview.check_file(
        path,
        parse_mapping(mapping, "the page"),
        lambda at: at.astimezone(ZoneInfo("Asia/Shanghai")).date(),
        datetime(2026, 11, 29, tzinfo=UTC),
    )
    assert "\n".join(understood.lines()) == printed.rstrip("\n")


def test_the_page_has_five_examples_and_every_code_block_of_a_mapping_is_in_one() -> None:
    assert len(EXAMPLES) == PAGE.count("```yaml") == 5


def test_the_page_names_every_field_and_no_other() -> None:
    table = PAGE.partition("## Fields")[2].partition("A date format uses")[0]
    named = {name for row in re.findall(r"^\| (`.+?) \|", table, re.M) for name in re.findall(r"`([\w.]+)`", row)}
    fields = {name for name in FileMapping.model_fields if name not in ("columns", "where")}
    fields |= {f"columns.{name}" for name in ColumnNames.model_fields}
    fields |= {f"where.{name}" for name in RowFilter.model_fields}
    assert named == fields


def test_the_page_names_every_word_of_a_date_a_delimiter_and_an_encoding() -> None:
    for word in (*DATE_WORDS, *DELIMITERS, *encodings.ENCODINGS):
        assert f"`{word}`" in PAGE or word == "utf8", word


def test_the_page_states_the_limits() -> None:
    text = " ".join(PAGE.split())
    assert f"{LINE_CHARACTERS_MAX:,} characters and a CSV row {text_rows.ROW_LINES_MAX} lines" in text
    assert f"{workbook.FILE_BYTES_MAX // 2**20} MiB, {workbook.UNPACKED_BYTES_MAX // 2**20} MiB unpacked" in text
    assert f"{workbook.ROWS_MAX:,} rows" in text


def test_the_id_of_several_columns_is_computed_as_the_page_says() -> None:
    assert f"`{cells.hashed_id(['bike-7', '2025-09-01', '08:15'])}`" in PAGE
