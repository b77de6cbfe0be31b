"""`credit-easy` as an operator uses it: real commands, real files, real exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx2
import pytest

from service.deployment import bill_of_materials
from service.runtime.exit_codes import ExitCode
from tests.support import servers
from tests.support.command_line import run_command, start_demo, stop_process
from tests.support.deadlines import WAIT_SECONDS
from tests.support.environment import settings_environment
from tests.support.processes import free_port, wait_until_ready

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[3]


def test_the_demo_keeps_its_data_and_takes_its_tokens(tmp_path: Path) -> None:
    folder, port = tmp_path / "city", free_port()
    base = f"http://127.0.0.1:{port}"
    running = start_demo(folder, port)
    try:
        wait_until_ready(base, running)
        minted = run_command("token", "--data-dir", str(folder), "--audience", "resident", "--subject", "resident-1")
        assert minted.returncode == 0
        headers = {"Authorization": f"Bearer {minted.stdout.strip()}", "Idempotency-Key": "k"}
        points = httpx2.get(base + "/v1/me/points", headers=headers).json()
        assert points["total"] >= 120
        shown = httpx2.post(
            base + "/v1/me/consent-requests",
            json={"purpose": "benefit.check", "provider_id": "city-bikes", "language": "en"},
            headers=headers,
        ).json()
        given = httpx2.post(base + "/v1/me/consents", json={"ticket": shown["ticket"]}, headers=headers)
        assert given.status_code == 201
        doctor = run_command("doctor", "--data-dir", str(folder))
        lines = doctor.stdout.splitlines()
        assert (doctor.returncode, [line[19:21] for line in lines]) == (0, ["ok"] * len(lines)), doctor.stdout
    finally:
        printed = stop_process(running)
    assert "new in" in printed
    assert base in printed
    running = start_demo(folder, port)
    try:
        wait_until_ready(base, running)
        again = httpx2.get(base + "/v1/me/consents?limit=200", headers=headers).json()["data"]
        assert given.json()["consent_id"] in [consent["consent_id"] for consent in again]
        assert httpx2.get(base + "/v1/me/points", headers=headers).json()["total"] == points["total"]
    finally:
        printed = stop_process(running)
    assert "as you left it" in printed
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir() if path.suffix in (".pem", ".json")} == {0}


def test_an_import_for_the_demo_city_runs_twice(tmp_path: Path) -> None:
    folder, port = tmp_path / "city", free_port()
    running = start_demo(folder, port)
    wait_until_ready(f"http://127.0.0.1:{port}", running)
    stop_process(running)
    rows = tmp_path / "rows.csv"
    rows.write_text("id,bike,day\nx-1,607,2025-02-01\nx-2,607,2025-02-02\nx-3,999999,2025-02-02\n")
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(
        "format: csv\ncolumns: {record_id: id, account: bike, occurred_on: day}\n"
        "kind: bike_trip\nquantity: 1\naccount_prefix: bike-\n"
    )
    command = ("import", str(rows), "--source", "green-travel", "--mapping", str(mapping), "--data-dir", str(folder))
    first, second = run_command(*command), run_command(*command)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert json.loads(first.stdout)["accepted"] == 2
    assert json.loads(first.stdout)["examples"] == [{"line": 4, "record_id": "x-3", "code": "not_authorised"}]
    assert (json.loads(second.stdout)["accepted"], json.loads(second.stdout)["duplicates"]) == (0, 2)
    assert "nobody with a live consent has linked these accounts" in first.stderr
    mapping.write_text("format: csv\n")
    assert run_command(*command).returncode == 2


def test_an_import_ends_with_a_code_for_what_was_refused(tmp_path: Path) -> None:
    """A10: a file of which nothing was taken is no success, and neither is one with bad rows."""
    folder, port = tmp_path / "city", free_port()
    running = start_demo(folder, port)
    wait_until_ready(f"http://127.0.0.1:{port}", running)
    stop_process(running)
    rows, mapping = tmp_path / "rows.csv", tmp_path / "mapping.yaml"
    mapping.write_text(
        "format: csv\ncolumns: {record_id: id, account: bike, occurred_on: day}\n"
        "kind: bike_trip\nquantity: 1\naccount_prefix: bike-\n"
    )
    command = ("import", str(rows), "--source", "green-travel", "--mapping", str(mapping), "--data-dir", str(folder))
    good, bad, stranger = "y-1,607,2025-02-01\n", "y-2,607,1/2/2025\n", "y-3,999999,2025-02-02\n"
    for lines, code in (
        (good + bad, ExitCode.ROWS_REFUSED),
        (good + stranger, 0),
        (bad + bad, ExitCode.NOTHING_TAKEN),
        (stranger, ExitCode.NOTHING_TAKEN),
        ("", 0),
    ):
        rows.write_text("id,bike,day\n" + lines)
        done = run_command(*command)
        assert (done.returncode, lines) == (code, lines), done.stderr
    rows.write_text("id,bike,day\n" + good + bad)
    done = run_command(*command)
    assert json.loads(done.stdout)["examples"] == [
        {
            "line": 3,
            "record_id": "y-2",
            "code": "invalid_date",
            "column": "day",
            "message": "the text fits no format in `date_format`; add one that reads it",
        }
    ]
    assert "1 refused as invalid_date, first line 3, column day: the text fits no format" in done.stderr
    nothing_named = run_command("import", str(rows), "--data-dir", str(folder))
    assert (nothing_named.returncode, "needs --source and --mapping" in nothing_named.stderr) == (2, True)


def test_a_check_needs_no_city_and_writes_the_mapping_that_it_guesses(tmp_path: Path) -> None:
    rows, mapping = tmp_path / "trips.csv", tmp_path / "trips.yaml"
    rows.write_text("ride id,card no,start,hours\nr-1,c-1,2025-02-01 08:00,1\nr-2,c-1,2025-02-28 09:00,\n")
    first = run_command("import", str(rows), "--check", "--mapping", str(mapping))
    assert first.returncode == ExitCode.ROWS_REFUSED, first.stderr
    assert f"wrote {mapping}, guessed from the file" in first.stdout
    written = mapping.read_text(encoding="utf-8")
    assert 'occurred_on: "start"' in written
    second = run_command("import", str(rows), "--check", "--mapping", str(mapping))
    assert (second.returncode, "wrote" in second.stdout) == (ExitCode.ROWS_REFUSED, False)
    assert "2 rows: 1 records of 1 accounts, 1 refused" in second.stdout
    assert "line 2: id r-1, account c-1, bike_trip, 60, 2025-02-01" in second.stdout
    assert "line 3, id r-2, column hours: invalid_quantity" in second.stdout
    assert second.stdout.endswith("nothing was sent\n")
    assert mapping.read_text(encoding="utf-8") == written
    absent = run_command("import", str(tmp_path / "absent.csv"), "--check")
    assert (absent.returncode, "absent.csv" in absent.stderr) == (2, True)


def test_commands_say_what_is_wrong_and_do_nothing(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent")
    for command in (
        ("serve",),
        ("migrate",),
        ("doctor", "--data-dir", absent),
        ("token", "--data-dir", absent, "--door", "resident", "--subject", "x"),
        ("import", "x.csv", "--source", "x", "--mapping", "x", "--data-dir", absent),
    ):
        done = run_command(*command)
        assert done.returncode == 2, command
        assert done.stderr.strip(), command
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "absent").exists()
    doctor = run_command("doctor")
    assert (doctor.returncode, doctor.stderr) == (1, "")
    assert "CREDIT_EASY_DATABASE_URL is not set" in doctor.stdout
    assert doctor.stdout.splitlines()[-1] == "first: settings: correct CREDIT_EASY_DATABASE_URL"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--door", "resident", "--subject", "x", "--birthdate", "yesterday"),
        ("--door", "venue", "--subject", "x", "--birthdate", "1990-01-01"),
        ("--door", "venue", "--subject", "x", "--staff-id", "s"),
        ("--door", "nobody", "--subject", "x"),
        ("--door", "resident", "--subject", ""),
    ],
)
def test_the_token_command_refuses_claims_that_no_audience_accepts(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run_command("token", "--data-dir", str(tmp_path), *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_the_printed_document_is_the_served_one() -> None:
    from service import app

    assert json.loads(run_command("openapi").stdout) == app.document()
    assert json.loads(run_command("sbom").stdout) == bill_of_materials.document()


def test_serve_refuses_the_demonstration_and_runs_on_postgresql(tmp_path: Path, postgres: servers.Postgres) -> None:
    settings = settings_environment(tmp_path, DATABASE_URL=postgres.create(), ALLOWED_HOSTS="127.0.0.1")
    refused = run_command("serve", env={**settings, "CREDIT_EASY_ISSUERS": settings["CREDIT_EASY_ISSUERS"].replace(
        "https://id.city.example", "https://demo.credit-easy.invalid")})  # fmt: skip
    assert refused.returncode == 2
    assert "demonstration" in refused.stderr
    behind = run_command("doctor", env=settings)
    assert (behind.returncode, "migrations         failed: missing: consent/0001" in behind.stdout) == (1, True)
    applied = run_command("migrate", env=settings)
    assert applied.returncode == 0
    assert "consent/0001_initial.sql" in applied.stdout
    assert run_command("migrate", env=settings).stdout.strip() == "nothing to do"
    assert "migrations         ok" in run_command("doctor", env=settings).stdout
    port = free_port()
    running = subprocess.Popen(
        [sys.executable, "-m", "service.cli.main", "serve", "--port", str(port)],
        env={**os.environ, **settings},
        stderr=subprocess.PIPE,
    )
    try:
        base = f"http://127.0.0.1:{port}"
        wait_until_ready(base, running, "/healthz")
        assert httpx2.get(base + "/healthz").json() == {"status": "ok"}
        # Its identity provider cannot be reached: it says so, and lets nobody in.
        ready = httpx2.get(base + "/readyz")
        assert (ready.status_code, ready.json()["checks"]["token_keys"]) == (503, False)
        asked = httpx2.get(base + "/v1/me/points", headers={"Authorization": "Bearer x.y.z"})
        assert asked.status_code in (401, 503)
        assert httpx2.get(base + "/healthz", headers={"Host": "evil.example"}).status_code == 400
    finally:
        running.terminate()
        _, written = running.communicate(timeout=WAIT_SECONDS)
    lines = [json.loads(line) for line in written.decode().splitlines()]
    operations = {line.get("operation") for line in lines}
    assert "readReadiness" in operations
    assert "readHealth" not in operations  # what went well is counted, not written down


def test_the_version_is_the_one_of_the_project() -> None:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    printed = run_command("--version")
    assert (printed.returncode, printed.stdout) == (0, f"credit-easy {stated}\n")
