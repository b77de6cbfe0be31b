"""Every parser of text or bytes that come from outside, with samples to change and the errors it may raise.

A parser raises nothing but its named errors, and ends within HANG_SECONDS of processor time on any input.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import openpyxl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from tortoise.exceptions import ConfigurationError

from consent.consents import presentation_ticket
from consent.crypto.vault import Keyring
from consent.documents.schema import Division
from consent.kernel.civil_day import parse_civil_day
from consent.kernel.errors import TicketInvalid, TicketOfAnother
from consent.rights import tombstone_records
from consent.rights.tombstone_records import Tombstone, TombstoneKind, TombstoneState
from consent.transparency import checkpoint, merkle
from consent.transparency.checkpoint import Checkpoint, NoteInvalid, NoteKey, NoteSigner
from consent.transparency.log_epoch_start import LogEpochStart
from consent.transparency.logs import Log
from service import settings as service_settings
from service.api.admin import yaml_import
from service.api.source.schemas import RecordBody, RecordsBody
from service.auth.access_tokens import Audience, IdentityError
from service.auth.jwks import KeySet, json_object
from service.compliance import verify_receipt
from service.http import json_io
from service.http.problems import Problem
from service.i18n.message_texts import preferred_language
from service.ingest import encodings, guess, mapping, preview, table
from service.observability import tracing
from service.storage import database
from service.web.auth import sign_in_sessions
from service.web.forms import parse as forms
from tests.fuzz.parser import HANG_SECONDS, Parser, text_of
from tests.fuzz.pass_parsers import PASS_PARSERS
from tests.support import tokens
from tests.support.city import record

KEYRING: Final = Keyring({1: bytes(range(32))}, 1, bytes(range(32, 64)))
SIGNER: Final = NoteSigner("fuzz.example/consent", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
ROOT: Final = merkle.leaf_hash(b"x")
CHECKPOINT: Final = Checkpoint(SIGNER.name, 1, ROOT).text()
NOTE: Final = SIGNER.sign(CHECKPOINT)
CATALOGUE: Final = Path(service_settings.__file__).parent / "demo" / "city"


def request_of(raw: bytes, *, header: str = "", query: bool = False) -> Request:
    """Return a GET request with `raw` as one header or as its query."""
    headers = [(header.encode(), raw)] if header else []
    return Request(
        {"type": "http", "method": "GET", "path": "/", "headers": headers, "query_string": raw if query else b""}
    )


def _verify_token(raw: bytes) -> None:
    tokens.make_verifier().verify(Audience.RESIDENT, raw.decode("latin-1"), tokens.NOW)


def _read_file(raw: bytes, read: Callable[[Path], object]) -> None:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder) / "file"
        path.write_bytes(raw)
        path.chmod(0o600)
        read(path)


def _check_rows(chosen: mapping.FileMapping, path: Path) -> None:
    preview.check_file(path, chosen, datetime.date, tokens.NOW)


def _import_rows(raw: bytes) -> None:
    """Read the rows of a CSV and of an NDJSON file as the import does; a row that does not fit is a reason."""
    rides = mapping.read_mapping(CATALOGUE / "bike-trips.mapping.yaml")
    for chosen in (rides, rides.model_copy(update={"format": "ndjson"}), rides.model_copy(update={"format": "xlsx"})):
        with contextlib.suppress(mapping.MappingInvalid, encodings.FileUnreadable):
            _read_file(raw, partial(_check_rows, chosen))
    with contextlib.suppress(encodings.FileUnreadable):
        _read_file(raw, guess.guess_mapping)


def _verify_receipt(raw: bytes) -> None:
    """Run the stand-alone verifier as a person does; it answers 0 or 1, and never with a traceback."""
    jwks = json.dumps(tokens.documents()).encode()

    def verify(path: Path) -> None:
        keys = path.with_name("jwks")
        keys.write_bytes(jwks)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            for arguments in ([str(path), "--jwks", str(keys)], [str(keys), "--jwks", str(path)]):
                assert verify_receipt.main([*arguments, "--log-key", SIGNER.key.text()]) in (0, 1)

    _read_file(raw, verify)


def _check_proofs(raw: bytes) -> None:
    """Check an inclusion and a consistency proof whose numbers and hashes are the input."""
    index, size = raw[0] if raw else 0, int.from_bytes(raw[1:9], "big")
    hashes = [raw[start : start + 32] for start in range(9, len(raw), 32)]
    with contextlib.suppress(merkle.ProofInvalid):
        merkle.check_inclusion(ROOT, index, size, hashes, ROOT)
    with contextlib.suppress(merkle.ProofInvalid):
        merkle.check_consistency(index, size, ROOT, ROOT, hashes)


def _form(raw: bytes) -> dict[str, Any]:
    parts = (member.partition("=") for member in text_of(raw).split("&"))
    return forms.to_document((name, value) for name, _, value in parts)


def _pages(raw: bytes) -> None:
    variables = {"PAGES": text_of(raw), "PUBLIC_URL": "https://points.example"}
    service_settings._pages({service_settings.PREFIX + name: value for name, value in variables.items()})


def _yaml(raw: bytes) -> None:
    yaml_import.to_json(raw, 20_000, time.monotonic() + 60 * HANG_SECONDS)


def _epoch_start(raw: bytes) -> None:
    start = LogEpochStart.parse(text_of(raw))
    assert (start.first_lost, start.published, start.leaves) >= (0, 0, 0)


def _workbook() -> bytes:
    """A small .xlsx file."""
    book, file = openpyxl.Workbook(), io.BytesIO()
    for cells in (("id", "bike_id", "start_date"), ("1", "7", "12/1/14 0:04")):
        book.active.append(cells)
    book.save(file)
    return file.getvalue()


RECORD: Final = record("r-1", "bike-1")
STONE: Final = Tombstone(TombstoneKind.WITHDRAWN, "c" * 32, "p" * 32, datetime(2026, 1, 1, tzinfo=UTC))
RECEIPT: Final = {
    "receipt": {"record_id": "c", "state": "given", "events": [{"kind": "k", "at": "t", "leaf_hash": "AA=="}]},
    "events": [{"event": {"kind": "k", "at": "t", "facts": {}}, "salt": "00", "leaf_hash": "AA==", "proof": NOTE}],
    "jws": "e30..AA",
}
START: Final = LogEpochStart(Log.CONSENT, 2, "2026-11-29T02:00:00Z", "lost", NOTE, None, NOTE)
DEEP: Final = b"[" * 20_000

PARSERS: Final = (
    Parser(
        "JSON body",
        (json.dumps({"records": [RECORD]}).encode(), DEEP, b'{"a":' * 9_000),
        lambda raw: json_io.parse_line(raw, RecordsBody),
        (Problem,),
    ),
    Parser("NDJSON line", (json.dumps(RECORD).encode(),), lambda raw: json_io.parse_line(raw, RecordBody), (Problem,)),
    Parser(
        "YAML catalogue",
        (
            (CATALOGUE / "venues.yaml").read_bytes()[:2_000],
            b"a: &a [*a]",
            DEEP,
            b"? [a]\n: 1",
            b"!!python/name:os.system",
        ),
        _yaml,
        (yaml_import.YamlUnfit, yaml_import.TooManyValues, TimeoutError),
    ),
    Parser(
        "mapping of an import",
        ((CATALOGUE / "bike-trips.mapping.yaml").read_bytes(), DEEP[:2_000], b"a: &a [*a]", b"1: 2025-99-99"),
        lambda raw: _read_file(raw, mapping.read_mapping),
        (mapping.MappingInvalid,),
    ),
    Parser(
        "rows of an import",
        (
            *((CATALOGUE / "bike-trips.csv").read_bytes()[:1_000], b'id,bike_id,start_date\n"', b"x" * 70_000),
            *(_workbook(), _workbook()[1:]),
        ),
        _import_rows,
    ),
    Parser(
        "cursor",
        (json_io.encode_cursor((1, "a")).encode(), b"W1tbW1tb"),
        lambda raw: json_io.read_cursor(request_of(b"cursor=" + raw, query=True), int, str),
        (Problem,),
    ),
    Parser("limit", (b"20",), lambda raw: json_io.read_limit(request_of(b"limit=" + raw, query=True)), (Problem,)),
    Parser(
        "instant",
        (b"2026-01-01T00:00:00%2B08:00", b"0001-01-01T00:00:00%2B23:59"),
        lambda raw: json_io.read_moment(request_of(b"at=" + raw, query=True), "at", tokens.NOW),
        (Problem,),
    ),
    Parser("civil day", (b"2026-02-28",), lambda raw: parse_civil_day(text_of(raw))),
    Parser("access token", (tokens.token().encode(), b"e30.e30.e30"), _verify_token, (IdentityError,)),
    Parser(
        "key set",
        (json.dumps(tokens.documents()).encode(), b'{"keys":[{"kty":"RSA","kid":"a","n":"AA","e":"AA"}]}', DEEP),
        lambda raw: KeySet.read(json_object(raw)),
        (ValueError,),
    ),
    Parser(
        "signed note",
        (NOTE.encode(), NOTE.replace("\n\n", "\n\n\n").encode()),
        lambda raw: Checkpoint.parse(checkpoint.open_note(text_of(raw), SIGNER.key)),
        (NoteInvalid,),
    ),
    Parser("checkpoint", (CHECKPOINT.encode(),), lambda raw: Checkpoint.parse(text_of(raw)), (NoteInvalid,)),
    Parser("key of a note", (SIGNER.key.text().encode(),), lambda raw: NoteKey.parse(text_of(raw)), (NoteInvalid,)),
    Parser(
        "path of a tile", (b"x001/x234/067.p/3",), lambda raw: checkpoint.parse_tile_path(text_of(raw)), (ValueError,)
    ),
    Parser("proofs of a log", (bytes([0]) + (2**60).to_bytes(8, "big") + ROOT * 60,), _check_proofs),
    Parser("tombstone", (tombstone_records.encode(STONE, TombstoneState.OPEN),), tombstone_records.decode),
    Parser(
        "tombstone line",
        (b'{"kind":"withdrawn","name":"c","at":"2026-01-01T00:00:00+00:00"}', DEEP),
        tombstone_records.decode_line,
    ),
    Parser(
        "keyring",
        (
            json.dumps(
                {"current": 1, "encryption_keys": {"1": bytes(range(32)).hex()}, "index_key": "ab" * 32}
            ).encode(),
            DEEP,
            b'{"current": 1, "encryption_keys": [], "index_key": 5}',
        ),
        lambda raw: _read_file(raw, service_settings.read_keyring),
        (service_settings.SettingsInvalid,),
    ),
    Parser(
        "issuers",
        (b'{"resident": {"issuer": "a", "audience": "b", "jwks_url": "https://c", "algorithms": ["ES256"]}}', DEEP),
        lambda raw: service_settings._issuers(text_of(raw)),
        (service_settings.SettingsInvalid,),
    ),
    Parser(
        "pages",
        (b'{"resident": {"client_id": "a", "authorize_url": "https://b", "token_url": "https://c"}}', DEEP),
        _pages,
        (service_settings.SettingsInvalid,),
    ),
    Parser("form", (b"s:/title/en=Title&n:/quota/total/count=5&c:/exclusions=a", b"s:/a/0/1/2=x&s:/a=y"), _form),
    Parser("Accept-Language", (b"en-GB,en;q=0.8,zh;q=0.5",), lambda raw: preferred_language(text_of(raw))),
    Parser(
        "If-None-Match",
        (b'W/"a", "b"', b"*"),
        lambda raw: json_io.respond_with_etag(request_of(raw, header="if-none-match"), {"a": 1}),
    ),
    Parser(
        "Idempotency-Key",
        (b"key-1",),
        lambda raw: json_io.idempotency_key(request_of(raw, header="idempotency-key")),
        (Problem,),
    ),
    Parser(
        "division", (b"210102",), lambda raw: TypeAdapter(Division).validate_python(text_of(raw)), (ValidationError,)
    ),
    Parser(
        "database URL",
        (b"postgres://u:p@a:5432,b:5433/city?maxsize=5", b"sqlite:///city.sqlite3", b"postgres://[::1/x"),
        lambda raw: database.database_config(text_of(raw)),
        (ValueError, ConfigurationError),
    ),
    Parser(
        "receipt",
        (json.dumps(RECEIPT).encode(), DEEP, b'{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}'),
        _verify_receipt,
    ),
    Parser(
        "ticket of a notice",
        (presentation_ticket.sign(KEYRING, "0" * 32, "person").encode(),),
        lambda raw: presentation_ticket.check(KEYRING, text_of(raw), "person"),
        (TicketInvalid, TicketOfAnother),
    ),
    Parser(
        "cookie",
        (sign_in_sessions.seal(KEYRING, "session", b"{}").encode(),),
        lambda raw: sign_in_sessions.unseal(KEYRING, "session", text_of(raw)),
    ),
    Parser("start of an epoch", (json.dumps(START.document()).encode(),), _epoch_start, (NoteInvalid,)),
    Parser("trace context", (b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01",), tracing.parse_traceparent),
    *PASS_PARSERS,
)
"""Every parser that reads what others send, store or configure."""
assert sys.getrecursionlimit() < len(DEEP), "the samples must be deeper than Python's recursion"
csv.field_size_limit(table.LINE_CHARACTERS_MAX)
