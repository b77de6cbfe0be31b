"""Modules that can reach the network: a short list, each with the addresses it asks."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

from tests.structure import syntax

ROOT = Path(__file__).parents[2]
FETCHING: Final = {
    "service/auth/jwks.py": "key sets of the configured issuers",
    "service/web/auth/oidc.py": "token endpoint of the configured identity providers",
    "service/web/api_client.py": "the API inside the process",
    "service/web/routes.py": "the client of the identity provider",
    "service/deployment/identity_provider_metadata.py": "metadata of the provider that the operator of `init` names",
    "service/observability/telemetry.py": "the collector of traces and metrics that the operator names",
    "service/logs/witness.py": "logs that a witness is configured to watch",
}
"""Modules that may send requests, and their targets. No address in a token, document or form is among these."""
LISTENING: Final = "service/runtime/"
"""The processes that listen for requests open sockets, and ask nobody."""
NETWORK: Final = frozenset({"httpx2", "urllib.request", "http.client", "socket", "requests", "aiohttp", "ftplib"})


def imported(path: Path) -> set[str]:
    """Return the modules that a file imports; none where its text has no word of a module that sends requests."""
    text = path.read_text(encoding="utf-8")
    if not any(name.partition(".")[0] in text for name in NETWORK):
        return set()
    names = set()
    for node in syntax.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.slow
def test_no_module_but_the_named_ones_can_fetch_an_address() -> None:
    """Server-side request forgery (API7) needs a request; only these modules send any."""
    for package in ("consent", "benefits", "service"):
        for path in (ROOT / package).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            listens = {"socket"} if name.startswith(LISTENING) else set()
            assert name in FETCHING or not imported(path) & NETWORK - listens, name


def test_every_named_module_is_there() -> None:
    assert [name for name in FETCHING if not (ROOT / name).exists()] == []
