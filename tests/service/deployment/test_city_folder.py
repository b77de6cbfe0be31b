"""The folder of a new city: modes, nothing overwritten, and each file accepted by the program that reads it."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from service import settings
from service.auth.access_tokens import Audience
from service.deployment import city_folder
from service.deployment.city_folder import FILES, KEY_FILES, FolderInUse
from service.deployment.identity_provider_metadata import guess_identity_provider
from service.deployment.plan import PAGE_AUDIENCES, CityPlan, DatabasePlan, PlanInvalid, plan_database
from tests.support import new_city, servers
from tests.support.deadlines import WAIT_SECONDS

ROOT = Path(__file__).parents[3]
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
ISSUER = "https://login.city.example"


def plan_of(folder: Path, database_url: str | None = None, issuer: str | None = ISSUER) -> CityPlan:
    program = shutil.which("true")
    assert program
    return CityPlan(folder, "city.example", plan_database(database_url), guess_identity_provider(issuer), program, 2026)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    written = tmp_path / "city"
    city_folder.write_city_folder(plan_of(written))
    return written


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_secrets_are_for_their_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    folder = tmp_path / "city"
    city_folder.write_city_folder(plan_of(folder))
    assert (mode(folder), mode(folder / "published")) == (0o700, 0o700)
    assert all(mode(folder / name) == 0o600 for name in KEY_FILES)
    assert {name: mode(folder / name) for name in FILES} == FILES
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert present == {*KEY_FILES, *FILES}


def test_no_file_that_others_may_read_has_a_secret(tmp_path: Path) -> None:
    plan = plan_of(tmp_path / "city", "postgres://credit_easy:correct-horse@db.city.example:5433/points")
    city_folder.write_city_folder(plan)
    secrets = ("correct-horse", plan.database.owner_password)
    texts = {name: (plan.folder / name).read_text(encoding="utf-8") for name in FILES}
    assert all(secret in texts["credit-easy.env"] + texts["owner.env"] for secret in secrets)
    for name, text in texts.items():
        assert FILES[name] == 0o600 or not any(secret in text for secret in secrets), name
    assert plan.database.owner_password not in texts["credit-easy.env"], "the service never has the owner's role"


@pytest.mark.parametrize("name", ["keyring.json", "credit-easy.env", "proxy/nginx.conf"])
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    there = tmp_path / name
    there.parent.mkdir(exist_ok=True)
    there.write_text("mine")
    with pytest.raises(FolderInUse, match=re.escape(name)):
        city_folder.write_city_folder(plan_of(tmp_path))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [there]
    assert there.read_text() == "mine"


def variables_of(file: Path) -> dict[str, str]:
    """Read a settings file as the documentation says, in a shell."""
    command = ["bash", "-euc", f"set -a; . {file}; env -0"]
    printed = subprocess.run(command, capture_output=True, check=True, text=True, env={}, timeout=WAIT_SECONDS).stdout
    return dict(line.split("=", 1) for line in printed.split("\0") if line)


def test_the_settings_are_read_as_written(folder: Path) -> None:
    read = settings.read(variables_of(folder / "credit-easy.env"))
    assert read.token_issuers[Audience.VENUE].audience == "https://city.example/v1/venue"
    assert set(read.pages) == set(PAGE_AUDIENCES)
    assert (read.public_url, read.allowed_hosts) == ("https://city.example", ("city.example",))
    assert read.publisher.folder == folder / "published"


def test_a_quoted_value_is_the_same_for_systemd_and_a_shell(folder: Path) -> None:
    """Both take what stands between single quotes unchanged; nothing else needs quotes."""
    for line in (folder / "credit-easy.env").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            value = line.split("=", 1)[1]
            assert re.fullmatch(r"'[^'\\]*'|[A-Za-z0-9:/@._,%-]+", value), line


def test_every_setting_is_there_with_its_meaning(folder: Path) -> None:
    documented = set(re.findall(r"^\| `(CREDIT_EASY_\w+)` \|", SETTINGS, re.M))
    lines = (folder / "credit-easy.env").read_text(encoding="utf-8").splitlines()
    explained = {line.split("=")[0] for above, line in itertools.pairwise(lines) if above.startswith("# ")}
    # `migrate` alone reads the one, and the other is refused.
    assert documented <= explained | {"CREDIT_EASY_SERVICE_ROLE", "CREDIT_EASY_SANDBOX"}


def test_what_only_the_city_knows_is_marked(tmp_path: Path) -> None:
    city_folder.write_city_folder(plan_of(tmp_path / "city", issuer=None))
    text = (tmp_path / "city" / "credit-easy.env").read_text(encoding="utf-8")
    marks = re.findall(r"^# FILL IN.*\n(CREDIT_EASY_\w+)=", text, re.M)
    assert marks == ["CREDIT_EASY_ISSUERS", "CREDIT_EASY_PAGES"]


def test_the_how_to_names_the_number_of_files() -> None:
    how_to = (ROOT / "docs" / "how-to" / "start-a-city.md").read_text(encoding="utf-8")
    assert f": {len(FILES) + len(KEY_FILES)} files, all written by" in how_to


@pytest.mark.parametrize("name", ["prometheus-rules.yaml", "grafana-dashboard.json"])
def test_alerts_and_dashboard_are_of_this_version(folder: Path, name: str) -> None:
    assert (folder / "monitoring" / name).read_bytes() == (ROOT / "service" / "deployment" / name).read_bytes()


def test_prometheus_gets_the_rules_the_job_and_the_address(folder: Path) -> None:
    configuration = yaml.safe_load((folder / "monitoring" / "prometheus.yml").read_text(encoding="utf-8"))
    assert [(folder / "monitoring" / name).is_file() for name in configuration["rule_files"]] == [True]
    (job,) = configuration["scrape_configs"]
    assert job["job_name"] == "credit-easy"
    assert job["static_configs"] == [{"targets": [settings.OPERATIONS_ADDRESS]}]


@pytest.mark.parametrize(("port", "option"), [(5432, ""), (5433, " --port 5433")])
def test_psql_gets_the_port_unless_it_is_the_usual_one(tmp_path: Path, port: int, option: str) -> None:
    city_folder.write_city_folder(plan_of(tmp_path / "city", f"postgres://credit_easy@127.0.0.1:{port}/credit_easy"))
    for name in ("database/roles.sql", "NEXT-STEPS.md"):
        text = (tmp_path / "city" / name).read_text(encoding="utf-8")
        assert f"-- psql{option} --set ON_ERROR_STOP=1" in text, name
    assert f"{port} (PostgreSQL)" in text


def test_the_how_to_says_how_many_minutes_give_the_points_of_the_first_benefit(folder: Path) -> None:
    catalogue = yaml.safe_load((folder / "starter-catalogue.yaml").read_text(encoding="utf-8"))["catalogue"]
    assert catalogue["benefits"][0]["condition"] == {"measure": "total", "at_least": new_city.POINTS}
    how_to = " ".join((ROOT / "docs" / "how-to" / "start-a-city.md").read_text(encoding="utf-8").split())
    assert f"asks for {new_city.POINTS} points: {new_city.MINUTES:,} minutes" in how_to


@pytest.mark.skipif(not shutil.which("nginx"), reason="needs nginx")
@pytest.mark.parametrize("name", ["proxy/nginx.conf", "containers/nginx.conf"])
def test_nginx_accepts_its_file(folder: Path, tmp_path: Path, name: str) -> None:
    certificate, key = self_signed(tmp_path)
    text = re.sub(r"ssl_certificate_key \S+;", f"ssl_certificate_key {key};", (folder / name).read_text())
    text = re.sub(r"ssl_certificate /\S+;", f"ssl_certificate {certificate};", text)
    text = text.replace("server service:8000;", "server 127.0.0.1:8000;").replace("/var/log/nginx", str(tmp_path))
    (tmp_path / "site.conf").write_text(text)
    whole = tmp_path / "nginx.conf"
    whole.write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; include {tmp_path}/site.conf; }}"
    )
    command = ["nginx", "-t", "-c", str(whole), "-p", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_SECONDS)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Return a certificate and its key, made with openssl."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=city.example", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True, timeout=WAIT_SECONDS,
    )  # fmt: skip
    return certificate, key


@pytest.mark.skipif(not shutil.which("caddy"), reason="needs Caddy")
def test_caddy_accepts_its_file(folder: Path) -> None:
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", str(folder / "proxy" / "Caddyfile")]
    environment = {**os.environ, "HOME": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=WAIT_SECONDS)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_accepts_the_units(folder: Path) -> None:
    units = sorted(str(path) for path in (folder / "systemd").iterdir())
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units],
        capture_output=True, text=True, check=False, timeout=WAIT_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # Some versions name unknown settings and still end with 0.
    assert not [line for line in done.stderr.splitlines() if "credit-easy" in line], done.stderr


def test_the_containers_fit_together(folder: Path) -> None:
    compose = yaml.safe_load((folder / "containers" / "compose.yaml").read_text(encoding="utf-8"))
    services = compose["services"]
    assert set(services) == {"postgres", "redis", "migrate", "service", "proxy"}
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    for service in services.values():
        for file in service.get("env_file", []):
            assert (folder / "containers" / file).is_file(), file
    assert "owner.env" not in services["service"]["env_file"]
    read: dict[str, str] = {}
    for file in services["service"]["env_file"]:
        read |= variables_of(folder / "containers" / file)
    assert settings.read(read).database_url.endswith("@postgres:5432/credit_easy")
    assert "USER 10001:10001" in (folder / "containers" / "Containerfile").read_text()


def test_postgres_creates_the_roles(tmp_path: Path, postgres: servers.Postgres) -> None:
    plan = plan_of(tmp_path / "city", "postgres://points_service:correct-horse@127.0.0.1/points_city")
    city_folder.write_city_folder(plan)
    url = postgres.create()
    try:
        postgres.run_file(plan.folder / "database" / "roles.sql")
        rows = postgres.psql(
            "SELECT rolname, rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls FROM pg_roles"
            " WHERE rolname LIKE 'points_service%' ORDER BY 1"
        )
        powers = dict(re.findall(r"(points_service\w*) +\| (\w)", rows))
        assert powers == {"points_service": "f", "points_service_owner": "f"}
        granted = postgres.psql(
            "SELECT has_database_privilege('points_service', 'points_city', 'CONNECT, CREATE, TEMPORARY') AS any_of,"
            " has_database_privilege('points_service', 'points_city', 'CREATE') AS may_create"
        )
        assert re.findall(r"(\w) +\| (\w)", granted)[-1] == ("t", "f")
        stored = postgres.psql("SELECT rolpassword FROM pg_authid WHERE rolname = 'points_service'")
        assert "SCRAM-SHA-256$4096:" in stored
    finally:
        postgres.psql("DROP DATABASE IF EXISTS points_city")
        postgres.psql("DROP ROLE IF EXISTS points_service")
        postgres.psql("DROP ROLE IF EXISTS points_service_owner")
        postgres.drop(url)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://a@b/c",
        "postgres://a@b:99999/c",
        "postgres:///c",
        "postgres://Upper@b/c",
        "postgres://a@b/c-d",
        "postgres://a@b/c?sslmode=require",
        "postgres://a@b/",
    ],
)
def test_an_address_of_a_database_that_the_files_could_not_name_is_refused(url: str) -> None:
    with pytest.raises(PlanInvalid, match="--database-url"):
        plan_database(url)


def test_passwords_are_random_and_stay_out_of_representations() -> None:
    first, second = plan_database(None), plan_database(None)
    assert len({first.service_password, first.owner_password, second.service_password, second.owner_password}) == 4
    assert first.service_password not in repr(first)
    given = DatabasePlan("db", 5432, "points", "points", "p@ss:word/", "o")
    assert given.service_url() == "postgres://points:p%40ss%3Aword%2F@db:5432/points"


@pytest.mark.parametrize(("folder", "host"), [("/a b", "city.example"), ("/a", "https://city.example"), ("/a", "City")])
def test_a_folder_or_host_that_the_files_could_not_name_is_refused(folder: str, host: str) -> None:
    with pytest.raises(PlanInvalid):
        CityPlan(Path(folder), host, plan_database(None), guess_identity_provider(None), "/bin/true", 2026)
