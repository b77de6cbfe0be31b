"""Every call of the API is in the text of some test, so that no call is added without one."""

from __future__ import annotations

import re
from pathlib import Path

from service.api.routes import OPERATIONS

TESTS = Path(__file__).parents[1]
PARAMETER = re.compile(r"\{[^}]*\}")


def words_of(path: str) -> str:
    """Return the part of a path by which tests are searched: all of it, or what follows its parameters.

    Tests put paths with parameters together from pieces, so that only the last piece is sure to be there.
    """
    return [piece for piece in PARAMETER.split(path) if piece.startswith("/") and piece != "/"][-1]


def test_every_call_is_in_a_test() -> None:
    texts = "\n".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("*.py"))
    addresses = set(re.findall(r"/[\w/.-]+", texts))
    ends = {address[at:] for address in addresses for at in range(len(address)) if address[at] == "/"}
    missing = [
        f"{operation.operation_id} ({operation.path}): add a test in tests/service/api or tests/stories"
        for operation in OPERATIONS
        if not {words_of(operation.path), words_of(operation.path).rstrip("/")} & ends
    ]
    assert not missing, "\n".join(missing)


def test_a_call_without_a_test_is_missed() -> None:
    assert words_of("/v1/public/sources") == "/v1/public/sources"
    assert words_of("/v1/me/consents/{consent_id}/link-code") == "/link-code"
    assert words_of("/v1/me/objections/{objection_id}") == "/v1/me/objections/"
