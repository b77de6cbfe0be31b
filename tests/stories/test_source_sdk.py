"""The client for sources in docs/source-sdk, against a server as a process: lost answers, a kill, ends, corrections."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.command_line import run_command, start_demo, stop_process
from tests.support.deadlines import WAIT_SECONDS
from tests.support.processes import free_port, wait_until_ready

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
SDK = ROOT / "docs" / "source-sdk" / "credit_easy_source.py"
HOW_TO = ROOT / "docs" / "how-to" / "connect-a-source.md"
LAST_YEAR = date.today().year - 1  # noqa: DTZ011


def load_sdk() -> Any:
    """Import the file as a source's program does that has copied it."""
    spec = importlib.util.spec_from_file_location("credit_easy_source", SDK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["credit_easy_source"] = module
    spec.loader.exec_module(module)
    return module


sdk = load_sdk()


class Demo:
    """A demonstration city as a process, with tokens for its actors."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.running = start_demo(folder, self.port)
        wait_until_ready(self.base, self.running)
        self.source_token = self.token("source", "green-travel")

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def token(self, audience: str, subject: str) -> str:
        minted = run_command("token", "--data-dir", str(self.folder), "--door", audience, "--subject", subject)
        assert minted.returncode == 0, minted.stderr
        return minted.stdout.strip()

    def restart(self) -> None:
        self.running.send_signal(signal.SIGKILL)
        self.running.communicate()
        self.running = start_demo(self.folder, self.port)
        wait_until_ready(self.base, self.running)

    def call(self, token: str, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": secrets.token_hex(8)}
        answer = httpx2.request(method, self.base + path, json=body, headers=headers, timeout=WAIT_SECONDS)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def consent(self, resident: str, account: str) -> tuple[str, str]:
        """Consent as a resident; return the consent's id and the code to type in the source's app."""
        asked = {"purpose": "points.compute", "source_id": "green-travel", "account": account, "language": "en"}
        ticket = self.call(resident, "POST", "/v1/me/consent-requests", asked)["ticket"]
        given = self.call(resident, "POST", "/v1/me/consents", {"ticket": ticket})
        return given["consent_id"], given["link"]["code"]


@pytest.fixture
def source(demo: Demo) -> Iterator[Any]:
    """A client of the city that tries again at once."""
    with sdk.Source(demo.base, lambda: demo.source_token, pause=no_pause) as client:
        yield client


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    running = Demo(tmp_path_factory.mktemp("sdk") / "city")
    try:
        yield running
    finally:
        stop_process(running.running)


@contextmanager
def losing_answers(demo: Demo, lost: int, pause: Callable[[float], None] | None = None) -> Iterator[Any]:
    """Yield a client whose first `lost` connections are closed when the answer has begun: the call was carried out."""
    listener = socket.create_server(("127.0.0.1", 0))
    remaining = [lost]

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", demo.port))
                threading.Thread(target=copy, args=(client, server, False), daemon=True).start()
                threading.Thread(target=copy, args=(server, client, True), daemon=True).start()

    def copy(come_from: socket.socket, go_to: socket.socket, is_answer: bool) -> None:
        with suppress(OSError):
            while data := come_from.recv(65_536):
                if is_answer and remaining[0]:
                    remaining[0] -= 1
                    break
                go_to.sendall(data)
        for end in (come_from, go_to):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    threading.Thread(target=serve, daemon=True).start()
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        with sdk.Source(base, lambda: demo.source_token, pause=pause or no_pause) as client:
            yield client
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def rides(account: str, count: int) -> list[Any]:
    return [sdk.Record(f"{account}.{n}", account, "bike_trip", 1, date(LAST_YEAR, 6, 1 + n % 28)) for n in range(count)]


def no_pause(_: float) -> None:
    """Try again at once."""


def test_the_client_needs_the_standard_library_alone() -> None:
    tree = ast.parse(SDK.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_a_link_is_followed_from_its_code_to_its_end(demo: Demo, source: Any) -> None:
    me, account = demo.token("resident", "sdk-1"), "bike-sdk-1"
    consent_id, code = demo.consent(me, account)
    with pytest.raises(sdk.Refused) as refused:
        source.confirm_link("AAAA2222", account)
    assert (refused.value.status, refused.value.code) == (404, "code_unknown")
    assert refused.value.request_id
    assert source.confirm_link(code, account)
    accounts = source.follow_links(ended=lambda link: None)
    assert account in accounts
    delivery = source.deliver([*rides(account, 4), *rides("bike-nobody", 3)], accounts)
    assert (delivery.accepted, delivery.left_out, delivery.refused) == (4, 3, [])
    demo.call(me, "POST", f"/v1/me/consents/{consent_id}/withdraw")
    # The list of accounts is old now: the service refuses, and says no more than that.
    late = source.deliver(rides(account, 5), accounts)
    assert late.refused == [(f"{account}.{n}", "not_authorised") for n in range(5)]
    seen: list[str] = []

    def failing(link: Any) -> None:
        seen.append(link.account)
        raise RuntimeError("our own database is away")

    with pytest.raises(RuntimeError):
        source.follow_links(ended=failing)
    again = source.follow_links(ended=lambda link: seen.append(link.account))
    assert seen == [account, account]
    assert account not in again
    assert list(source.links("ended")) == []


def test_lost_answers_store_nothing_twice(demo: Demo, source: Any) -> None:
    me, account = demo.token("resident", "sdk-2"), "bike-sdk-2"
    _, code = demo.consent(me, account)
    pauses: list[float] = []
    with losing_answers(demo, 3, pauses.append) as unlucky:
        # Confirmed, but the answer was lost: the repeated call has the same key, and gets the same answer.
        link_id = unlucky.confirm_link(code, account)
    assert len(pauses) == 3
    assert link_id in {link.link_id for link in source.links("confirmed")}
    with losing_answers(demo, 1) as unlucky:
        delivery = unlucky.deliver(iter(rides(account, 2_500)), frozenset({account}))
    assert (delivery.accepted, delivery.duplicates, delivery.refused) == (1_500, 1_000, [])
    with losing_answers(demo, 1) as unlucky:
        unlucky.correct(f"{account}.0", "counted_wrong", quantity=7)
    with losing_answers(demo, 1) as unlucky:
        unlucky.retract(f"{account}.1", "counted_twice")
    kinds = [message["kind"] for message in demo.call(me, "GET", "/v1/me/messages?limit=200")["data"]]
    assert (kinds.count("record_corrected"), kinds.count("record_retracted")) == (1, 1), kinds


def test_a_killed_server_loses_and_doubles_nothing(demo: Demo, source: Any) -> None:
    me, account = demo.token("resident", "sdk-3"), "bike-sdk-3"
    _, code = demo.consent(me, account)
    source.confirm_link(code, account)

    def interrupted() -> Iterator[Any]:
        for place, record in enumerate(rides(account, 3_000)):
            if place == 1_500:
                demo.restart()
            yield record

    delivery = source.deliver(interrupted(), frozenset({account}))
    assert (delivery.accepted + delivery.duplicates, delivery.refused) == (3_000, [])
    again = source.deliver(rides(account, 3_000), frozenset({account}))
    assert (again.accepted, again.duplicates) == (0, 3_000)


def test_a_correction_by_an_officer_is_applied_and_then_acknowledged(demo: Demo, source: Any) -> None:
    me, account = demo.token("resident", "sdk-4"), "bike-sdk-4"
    source.confirm_link(demo.consent(me, account)[1], account)
    source.deliver(rides(account, 1), frozenset({account}))
    (record,) = demo.call(me, "GET", "/v1/me/records")["data"]
    objection = demo.call(
        me,
        "POST",
        f"/v1/me/records/{record['record_id']}/objections",
        {"reason_code": "wrong_quantity", "statement": "Two rides.", "claim": {"quantity": 2}},
    )["objection_id"]
    assert objection in {row["objection_id"] for row in source.objections()}
    source.state_about(objection, "Two rides, one was read late.")
    officer = demo.token("privacy", "officer-1")
    demo.call(
        officer,
        "POST",
        f"/v1/privacy/objections/{objection}/decision",
        {"decision": "upheld", "reason": "The source agrees.", "correction": {"quantity": 2}},
    )
    applied: list[Any] = []
    assert source.follow_corrections(applied.append) == 1
    (correction,) = applied
    assert (correction.record_id, correction.outcome, correction.quantity) == (f"{account}.0", "corrected", 2)
    assert source.follow_corrections(applied.append) == 0


def test_the_program_of_the_how_to_runs(demo: Demo, source: Any) -> None:
    me = demo.token("resident", "sdk-5")
    source.confirm_link(demo.consent(me, "bike-sdk-5")[1], "bike-sdk-5")
    with_at = "li.wei+bike@example.cn"
    source.confirm_link(demo.consent(demo.token("resident", "sdk-6"), with_at)[1], with_at)
    count = len(source.follow_links(ended=lambda link: None))
    (program,) = re.findall(r"```python\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.S)
    environment = {"CITY_URL": demo.base, "SOURCE_TOKEN": demo.source_token, "PYTHONPATH": str(SDK.parent)}
    outcomes = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **environment},
            timeout=WAIT_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        outcomes.append(re.findall(r"^(\d+) accepted, (\d+) duplicates, \[\]$", done.stdout, re.M))
    assert outcomes == [[(str(count), "0")], [("0", str(count))]]


def test_an_id_of_parts_is_accepted_and_hides_the_account() -> None:
    record_id = sdk.record_id_of("li.wei@example.cn", "2025-06-01", "08:30")
    assert sdk.Record(record_id, "li.wei@example.cn", "bike_trip", 1, date(2025, 6, 1)).record_id == record_id
    assert record_id == sdk.record_id_of("li.wei@example.cn", "2025-06-01", "08:30")
    others = (("li.wei@example.cn", "2025-06-01"), ("li.wei@example.cn2025-06-01", "08:30"), ("a", "b"))
    assert record_id not in {sdk.record_id_of(*parts) for parts in others}
    assert set(record_id) <= set("0123456789abcdef")


def test_what_helps_no_repetition_is_refused_at_once(demo: Demo) -> None:
    pauses: list[float] = []
    stranger = sdk.Source(demo.base, lambda: "no.token.here", pause=pauses.append)
    with stranger, pytest.raises(sdk.Refused) as refused:
        list(stranger.links("confirmed"))
    assert (refused.value.status, pauses) == (401, [])
    for url in ("http://points.example", "ftp://points.example", "points.example"):
        with pytest.raises(ValueError, match="https"):
            sdk.Source(url, lambda: "t")
    for values in (("a/b", "c", 1), ("a", "c d", 1), ("a", "c", 1.0), ("a", "c", True)):
        with pytest.raises(ValueError, match=":"):
            sdk.Record(values[0], values[1], "bike_trip", values[2], date(2025, 6, 1))


def test_a_service_that_is_away_is_named_after_all_attempts() -> None:
    pauses: list[float] = []
    source = sdk.Source(f"http://127.0.0.1:{free_port()}", lambda: "t", attempts=4, pause=pauses.append)
    with pytest.raises(sdk.Unavailable, match="4 attempts failed, the last with ConnectionRefusedError"):
        source.follow_links(ended=lambda link: None)
    assert len(pauses) == 3
    assert all(0 < pause <= sdk.PAUSE_SECONDS_MAX for pause in pauses)
