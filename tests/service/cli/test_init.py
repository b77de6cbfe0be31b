"""`credit-easy init`, as an operator runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import run_command

pytestmark = pytest.mark.processes


def test_init_prints_what_to_do_next_and_overwrites_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "city"
    done = run_command("init", str(folder), "--host", "city.example")
    assert done.returncode == 0, done.stderr
    assert f"wrote {folder}/keyring.json" in done.stdout
    assert f"cp {folder}/systemd/* /etc/systemd/system/" in done.stdout
    key = (folder / "keyring.json").read_bytes()
    assert key.hex() not in done.stdout
    again = run_command("init", str(folder), "--host", "city.example")
    assert again.returncode == 2
    assert "exists, and nothing is overwritten" in again.stderr
    assert (folder / "keyring.json").read_bytes() == key


def test_init_marks_guesses_when_the_provider_is_away(tmp_path: Path) -> None:
    folder = tmp_path / "city"
    done = run_command("init", str(folder), "--host", "city.example", "--issuer", "http://127.0.0.1:9")
    assert done.returncode == 0
    assert "marked FILL IN" in done.stderr
    assert "FILL IN" in (folder / "credit-easy.env").read_text()


@pytest.mark.parametrize(
    "options",
    [["--host", "https://city.example"], ["--host", "c.example", "--database-url", "mysql://a@b/c"],
     ["--host", "c.example", "--issuer", "http://login.city.example"]],
)  # fmt: skip
def test_init_names_the_option_that_cannot_be_used(tmp_path: Path, options: list[str]) -> None:
    done = run_command("init", str(tmp_path / "city"), *options)
    assert done.returncode == 2
    assert done.stderr.startswith("--")
    assert not (tmp_path / "city").exists()
