"""The docs are true: the walk runs as pasted, links lead somewhere, names exist, decisions are whole."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tortoise.models import Model

from benefits import models as benefits_models
from consent import models as consent_models
from consent.database.fields import Sealed
from service import app
from service import models as service_models
from service.auth.demo_token_issuer import DEMO_ISSUER
from service.cli.main import cli
from service.demo import seed
from service.web.i18n import formatting
from tests.support.command_line import start_demo, stop_process
from tests.support.deadlines import WAIT_SECONDS
from tests.support.processes import free_port, wait_until_ready

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FOLDERS = sorted({page.parent for page in PAGES})
"""A test of each page takes longer to start than to run: it is called for the pages of a folder."""
README = (ROOT / "README.md").read_text(encoding="utf-8")
HOW_TOS = sorted((ROOT / "docs" / "how-to").glob("*.md"))


def block(heading: str) -> str:
    match = re.search(rf"^#+ {heading}\b.*?```\w*\n(.*?)```", README, re.S | re.M)
    assert match, heading
    return match[1]


@pytest.mark.parametrize("heading", ["Run it", "Test it"])
def test_readme_headings_have_one_command_each(heading: str) -> None:
    section = re.search(rf"^## {heading}\n(.*?)^## ", README, re.S | re.M)
    assert section
    assert section[1].count("```") == 2
    assert len(block(heading).strip().splitlines()) == 1


@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="the walk needs curl and bash")
@pytest.mark.processes
def test_the_walk_runs_as_pasted(tmp_path: Path) -> None:
    folder, port = tmp_path / "city", free_port()
    command = f"{sys.executable} -m service.cli.main"
    walk = block("A walk with curl")
    for written, here in (
        ("http://127.0.0.1:8000", f"http://127.0.0.1:{port}"),
        (".venv/bin/credit-easy", command),
        ("demo-city", str(folder)),
        ("python3 -c", f"{sys.executable} -c"),
    ):
        assert written in walk
        walk = walk.replace(written, here)
    running = start_demo(folder, port)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", running)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", walk],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            timeout=WAIT_SECONDS,
        )
    finally:
        stop_process(running)
    assert done.returncode == 0, done.stderr
    confirmed, delivered, explained, state, first, second, log, stopped, total = done.stdout.strip().splitlines()
    assert json.loads(confirmed)["state"] == "confirmed"
    assert json.loads(delivered)["accepted"] == 1
    assert json.loads(explained)["total"] == 65
    assert state == "given"
    assert json.loads(first)["applies"] is True
    assert second == '{"applies":false}'
    assert json.loads(log)["data"][0]["organisation"] == "city-library"
    assert json.loads(stopped) == {"withdrawn": 2}
    assert total == "0"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_every_link_leads_somewhere(folder: Path) -> None:
    for page in pages_in(folder):
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            path, _, anchor = target.partition("#")
            if path.startswith("http"):
                continue
            linked = folder / path if path else page
            assert linked.exists(), (page, target)
            if anchor:
                assert anchor in anchors_of(linked), (page, target)


def pages_in(folder: Path) -> list[Path]:
    """Return the pages of one folder."""
    return [page for page in PAGES if page.parent == folder]


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_every_file_that_docs_name_exists(folder: Path) -> None:
    """A path with a placeholder (`<audience>`) or a pattern (`*`) is not checked."""
    for page in pages_in(folder):
        for path in re.findall(
            r"(?<![\w/.-])((?:consent|benefits|service|tests|loadtests|docs)/[\w./-]*[\w/])(?![\w<*{-])",
            page.read_text(encoding="utf-8"),
        ):
            assert (ROOT / path).exists(), (page, path)


@pytest.mark.parametrize("page", HOW_TOS, ids=lambda page: page.stem)
def test_a_how_to_was_tried_and_names_its_command(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.search(r"^Tried on \d{4}-\d\d-\d\d: \d+ files?\b", text, re.M)
    assert "## Shows that it works" in text
    assert "## In a running city" in text


def test_the_index_lists_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([\w./-]+\.md)\)", index))
    present = {str(page.relative_to(ROOT / "docs")) for page in PAGES[1:] if page.parent.name != "decisions"}
    assert linked == present - {"index.md"} | {"../README.md"}


def test_the_tutorial_quotes_texts_of_the_pages() -> None:
    """Each bold text is an English text of the pages; brackets after it hold its Chinese translation."""
    tutorial = " ".join((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8").split())
    chinese = formatting.translations(formatting.PAGE_TEXTS)
    quoted = re.findall(r"\*\*([A-Z].*?)\*\*(?: \(([^()]*)\))?", tutorial)
    assert len(quoted) > 40
    for english, translation in quoted:
        assert english in chinese, english
        assert translation in ("", chinese[english]), english


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda page: page.stem)
def test_a_decision_has_its_five_headings(page: Path) -> None:
    headings = re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.M)
    assert headings == ["Context", "Decision", "Why", "Consequences", "Status"]


def test_the_architecture_names_every_folder_and_top_module() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for package in ("consent", "benefits", "service"):
        section = text.partition(f"### {package}\n")[2].partition("\n#")[0]
        rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section, re.M)
        documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
        present = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
        present |= {path.stem for path in (ROOT / package).glob("*.py")} - {"__init__"}
        assert documented == present, package


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_calls_and_commands_that_docs_name_exist(folder: Path) -> None:
    paths = {re.sub(r"\{\w+\}", "{}", path) for path in app.document()["paths"]}
    commands = {command.name for command in cli.registered_commands}
    for page in pages_in(folder):
        text = page.read_text(encoding="utf-8")
        for called in re.findall(r"`(?:[A-Z]+ )?(/(?:v1|log)/[^`?\s]+)", text):
            assert re.sub(r"\{\w+\}", "{}", called) in paths, (page, called)
        for command in re.findall(r"credit-easy ([a-z]+(?:-[a-z]+)*)", text):
            assert command in commands, (page, command)


def test_names_in_the_glossary_exist_in_the_code() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for package in ("consent", "benefits", "service")
        for path in (ROOT / package).rglob("*.py")
    )
    for name in re.findall(r"`([a-z_.]+)`", text):
        assert name.split(".")[-1] in code, name


def test_the_committed_document_is_the_served_one() -> None:
    committed = (ROOT / "docs" / "openapi.json").read_text(encoding="utf-8")
    assert json.loads(committed) == app.document(), "write it again: credit-easy openapi > docs/openapi.json"


def test_docs_do_not_teach_to_trust_the_demonstration() -> None:
    assert all(DEMO_ISSUER not in page.read_text(encoding="utf-8") for page in PAGES)


def test_the_figures_of_the_rides_in_the_docs_are_true() -> None:
    rides = seed.rides_by_bike(2025)
    text = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    assert len(rides) == 12
    assert "twelve bikes" in text
    assert max(map(len, rides.values())) <= 88


def test_the_policy_lists_every_encrypted_column() -> None:
    section = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8").partition("## What is encrypted")[2]
    listed = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", section.partition("\n## ")[0]))
    models = (*consent_models.__dict__.values(), *benefits_models.__dict__.values(), *service_models.__dict__.values())
    sealed = {
        f"{model._meta.db_table}.{column}"
        for model in models
        if isinstance(model, type) and issubclass(model, Model) and model is not Model
        for column, field in model._meta.fields_map.items()
        if isinstance(field, Sealed)
    }
    assert listed == sealed


ENCRYPTED = {
    ("account_link", "sealed_account"): ("your account", "您的账号"),
    ("record", "sealed_source_record_id"): ("the source's numbers of records", "来源给记录的编号"),
    ("person", "sealed_subject"): ("your sign-in id", "您的登录标识"),
    ("message", "sealed"): ("content of messages", "消息"),
    ("objection", "sealed_statement"): ("objections", "异议"),
    ("event", "sealed"): ("history of uses", "使用经过的内容"),
}
IN_CLEAR = {
    ("record", "source_id"): ("source", "来源"),
    ("record", "kind"): ("kind", "种类"),
    ("record", "quantity"): ("quantity", "数量"),
    ("record", "occurred_on"): ("day", "日期"),
    ("consent", "counterpart"): ("what each consent is for", "授权的对象"),
    ("consent", "given_at"): ("began", "起"),
    ("consent", "ended_at"): ("ended", "止时间"),
    ("message", "kind"): ("kind and time of messages", "消息"),
    ("event", "at"): ("uses", "使用的类别与时间"),
    ("snapshot", "total"): ("your points", "您的积分"),
}
"""Columns by table and name, and the words by which a notice names them, in English and in Chinese."""
NOTICE_FILES = ("service/demo/city/notices.yaml", "service/deployment/templates/starter-catalogue.yaml")


@pytest.mark.parametrize("file", NOTICE_FILES)
def test_a_notice_says_what_is_encrypted_and_what_is_not(file: str) -> None:
    models = (*consent_models.__dict__.values(), *benefits_models.__dict__.values())
    columns = {
        (model._meta.db_table, field.source_field or name): field
        for model in models
        if isinstance(model, type) and issubclass(model, Model) and model is not Model
        for name, field in model._meta.fields_map.items()
    }
    assert all(isinstance(columns[column], Sealed) for column in ENCRYPTED)
    assert not any(isinstance(columns[column], Sealed) for column in IN_CLEAR)
    methods = re.findall(r"^ +method: (.+)$", (ROOT / file).read_text(encoding="utf-8"), re.M)
    assert len(methods) == 4
    for text in methods:
        chinese = "不加密的是" in text
        encrypted, _, clear = text.partition("不加密的是" if chinese else "Not encrypted are")
        assert clear, text
        assert not re.search(r"(everything|all data)[^.]*encrypted|全部加密|均加密", text)
        counts_records = "record" in text or "记录" in encrypted
        for place, lists in ((encrypted, ENCRYPTED), (clear, IN_CLEAR)):
            for (table, name), words in lists.items():
                if counts_records or table not in ("record", "account_link", "person", "objection"):
                    assert words[chinese] in place, (file, table, name)
