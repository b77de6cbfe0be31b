"""Strict JSON bodies, JSON answers with ETags, and query parameters and headers that several calls share.

Input is never echoed: a fault is a JSON pointer and a code. Duplicate members, a byte-order mark, NaN and deep nesting
are refused before a model reads the body.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final, NoReturn, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from consent.database import queries
from consent.database.paging import Cursor
from consent.kernel.ascii_text import parse_digits
from consent.kernel.civil_day import parse_civil_day
from consent.kernel.faults import pointer_to
from consent.kernel.instants import parse_instant
from consent.kernel.instants import rfc3339 as rfc3339
from service.http.bodies import header, media_type
from service.http.problems import Problem

DEPTH_MAX = 32
"""Levels of a JSON body; no model is deeper than ten."""
VALUES_MAX = 20_000
"""Values of a JSON body: texts, numbers, lists and objects. The largest honest one, a thousand records, has 6,000; to
read 300,000 empty objects takes as long as a hundred requests, and the pages of all others wait for it."""
CONTAINERS = (dict, list)
ERRORS_MAX = 20
"""Faults named in one answer; `more_errors` says that there are others."""
LIMIT_MAX, LIMIT_DEFAULT = 200, 50
"""Rows of a page: the most, and the number without `?limit=`."""
CURSOR_MAX = 512
"""Characters of a cursor."""
LAST_DAY_NUMBER = 9999_12_31
"""The last civil day as a number."""
KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
"""An Idempotency-Key: visible ASCII."""
JSON_TYPES = frozenset({"application/json"})
JSON_TYPE = (b"content-type", b"application/json")
REVALIDATED: Final[Mapping[str, str]] = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Accept-Language"}
"""Headers of an answer with an ETag: the client stores it and asks each time if it is still current."""
_REVALIDATED = tuple((name.lower().encode(), value.encode()) for name, value in REVALIDATED.items())
CODES: Final[Mapping[str, str]] = {
    "extra_forbidden": "unknown_field",
    "missing": "required",
    "json_invalid": "not_unicode",
}
"""Public codes of faults, by pydantic's names, where the two differ. After `check_json` pydantic's `json_invalid` can
only be a lone surrogate: Python's decoder accepts one."""

Model = TypeVar("Model", bound=BaseModel)
Row = TypeVar("Row")
CursorValues = tuple[str | int | datetime, ...]
"""The sort values of a row, after which the next page begins."""


class ApiModel(BaseModel):
    """Base of request bodies and answers: strict types, no unknown members, frozen.

    Members whose default is None are left out of an answer while they are None; all others are always present.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class OptionalBody(ApiModel):
    """A body that a client may leave out: the handler then receives None."""


def parse_json(request: Request, raw: bytes, model: type[Model]) -> Model:
    """Parse a body into a model.

    Problems: not_json (415); malformed_json, duplicate_key, too_deep (400); body_too_large (413); body_invalid (422).
    """
    if media_type(request) not in JSON_TYPES:
        raise Problem("not_json")
    return parse_line(raw, model)


def parse_line(raw: bytes, model: type[Model], values_max: int = VALUES_MAX) -> Model:
    """Parse one JSON text, as `parse_json` does but without a media type: a line of NDJSON."""
    check_json(raw, values_max)
    try:
        # Validated from the text: in strict mode pydantic accepts JSON strings for enumerations only there.
        return model.model_validate_json(raw)
    except ValidationError as error:
        more = {"more_errors": True} if error.error_count() > ERRORS_MAX else {}
        raise Problem("body_invalid", errors=list_faults(error), members=more) from None


def list_faults(error: ValidationError) -> list[dict[str, str]]:
    """Return the first ERRORS_MAX faults of pydantic as pointers, codes and sentences, without the values."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)[:ERRORS_MAX]
    return [_fault(pointer_to(fault["loc"]), CODES.get(fault["type"], fault["type"]), fault["msg"]) for fault in faults]


def check_json(raw: bytes, values_max: int = VALUES_MAX) -> Any:
    """Check a JSON text and return its value, in which integers beyond 64 bits are infinite: for checks, not to store.

    Problems malformed_json, duplicate_key and too_deep, all 400; body_too_large for more than `values_max` values.
    """
    # Counted before the text is read. Commas and brackets inside of texts count too, which no honest text notices.
    commas, opened = raw.count(b","), raw.count(b"[") + raw.count(b"{")
    if commas + opened > values_max:
        raise Problem("too_deep" if opened > (commas + 1) * DEPTH_MAX else "body_too_large")
    if raw.startswith(b"\xef\xbb\xbf"):
        raise Problem("malformed_json")
    try:
        document = STRICT.decode(raw.decode("utf-8"))
    except RecursionError:
        raise Problem("too_deep") from None
    except ValueError:
        raise Problem("malformed_json") from None
    if opened > DEPTH_MAX:
        _check_depth(document)
    return document


class JsonResponse(Response):
    """A JSON answer of bytes. Starlette's Response encodes and compares every header again for each answer."""

    media_type = "application/json"

    def __init__(self, content: bytes, status: int = 200, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """`headers` are further ones, their names in lower case, and neither content type nor length."""
        self.status_code, self.body, self.background = status, content, None
        self.raw_headers = [(b"content-length", b"%d" % len(content)), JSON_TYPE, *headers]


def respond(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Make a JSON answer of a model or of JSON-ready values."""
    if not headers:
        return JsonResponse(to_bytes(body), status)
    return Response(to_bytes(body), status, media_type="application/json", headers=dict(headers))


def to_bytes(body: Any) -> bytes:
    """Return a body as UTF-8 JSON, members in the order of the model."""
    return orjson.dumps(body, default=_plain, option=orjson.OPT_NON_STR_KEYS)


def respond_with_etag(request: Request, body: Any) -> Response:
    """Make a JSON answer with an ETag over its bytes; 304 without a body when If-None-Match has that tag."""
    content = to_bytes(body)
    tag = f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'
    known = header(request.scope, b"if-none-match")
    if known and _matches(known, tag):
        return Response(status_code=304, headers={"ETag": tag, **REVALIDATED})
    return JsonResponse(content, headers=((b"etag", tag.encode()), *_REVALIDATED))


def read_limit(request: Request) -> int:
    """Return `?limit=`, 1 to LIMIT_MAX, by default LIMIT_DEFAULT; Problem bad_limit for anything else."""
    text = request.query_params.get("limit", str(LIMIT_DEFAULT))
    limit = parse_digits(text, len(str(LIMIT_MAX)))
    if limit is None or not 1 <= limit <= LIMIT_MAX:
        raise Problem("bad_limit")
    return limit


def read_flag(request: Request, name: str, default: bool) -> bool:
    """Return a query parameter `true` or `false`, or its default; Problem bad_query for anything else."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if text not in ("true", "false"):
        raise Problem("bad_query")
    return text == "true"


def read_moment(request: Request, name: str, latest: datetime) -> datetime:
    """Return a query parameter as an RFC 3339 instant not after `latest`, its default; Problem bad_query otherwise."""
    text = request.query_params.get(name)
    if text is None:
        return latest
    # A plus sign arrives as a space where it was not escaped.
    moment = parse_instant(text.replace(" ", "+"))
    if moment is None or moment > latest:
        raise Problem("bad_query")
    return moment


def encode_cursor(values: CursorValues) -> str:
    """Return the opaque cursor of a page's last row: its sort values as base64url of a JSON list.

    A datetime becomes microseconds since 1970, as `read_keyset` returns it.
    """
    plain = [queries.to_micros(value) if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(orjson.dumps(plain)).rstrip(b"=").decode()


def next_cursor(rows: Sequence[Row], limit: int, key: Callable[[Row], CursorValues]) -> str | None:
    """Return the cursor of a page's last row, or None for the last page.

    Args:
        rows: rows as read, one more than `limit` where there is a next page.
        limit: rows of a page.
        key: returns the sort values of a row.
    """
    return encode_cursor(key(rows[limit - 1])) if len(rows) > limit else None


def read_cursor(request: Request, *types: type[int] | type[str]) -> tuple[Any, ...] | None:
    """Return `?cursor=` as values of these types, or None without one; Problem bad_cursor for any other text."""
    text = request.query_params.get("cursor")
    if text is None:
        return None
    if len(text) > CURSOR_MAX or not text.isascii():
        raise Problem("bad_cursor")
    try:
        values = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise Problem("bad_cursor") from None
    if not isinstance(values, list) or [type(value) for value in values] != list(types):
        raise Problem("bad_cursor")
    if any(abs(value) >= 2**63 if isinstance(value, int) else not value.isprintable() for value in values):
        raise Problem("bad_cursor")
    return tuple(values)


def read_keyset(request: Request) -> Cursor | None:
    """Return `?cursor=` of a list ordered by a number and an id, or None; Problem bad_cursor as `read_cursor`."""
    values = read_cursor(request, int, str)
    return None if values is None else (values[0], values[1])


def read_day_keyset(request: Request) -> Cursor | None:
    """Return `?cursor=` of a list ordered by a civil day, `yyyymmdd`, and an id; Problem bad_cursor for another number.

    The columns of days have 32 bits: PostgreSQL answers a larger number with an error.
    """
    cursor = read_keyset(request)
    if cursor is not None and not 0 <= cursor[0] <= LAST_DAY_NUMBER:
        raise Problem("bad_cursor")
    return cursor


def read_day(request: Request, name: str) -> date | None:
    """Return a query parameter as a civil day, or None without it; Problem bad_query for anything but `YYYY-MM-DD`."""
    text = request.query_params.get(name)
    if text is None:
        return None
    day = parse_civil_day(text)
    if day is None:
        raise Problem("bad_query")
    return day


def idempotency_key(request: Request) -> str:
    """Return the Idempotency-Key.

    Problems: idempotency_key_required without one or with two; bad_header for other than 1 to 255 visible ASCII.
    """
    values = [value for name, value in request.scope["headers"] if name == b"idempotency-key"]
    if len(values) != 1 or not values[0]:
        raise Problem("idempotency_key_required")
    key: str = values[0].decode("latin-1")
    if not KEY.fullmatch(key):
        raise Problem("bad_header")
    return key


def fingerprint(raw: bytes) -> str:
    """Return the SHA-256 of a request's body in hex, by which a repeated Idempotency-Key is compared."""
    return hashlib.sha256(raw).hexdigest()


def _plain(value: Any) -> Any:
    """Convert a value that orjson does not know: a model, without optional members that are None, or a mapping."""
    if isinstance(value, BaseModel):
        members = value.__dict__
        optional = _optional(type(value))
        return {name: member for name, member in members.items() if member is not None or name not in optional}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


@lru_cache(maxsize=512)
def _optional(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(name for name, field in model.model_fields.items() if not field.is_required())


def _matches(header: str, tag: str) -> bool:
    return header.strip() == "*" or tag in (candidate.strip().removeprefix("W/") for candidate in header.split(","))


def _fault(pointer: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "detail": detail}


def _check_depth(document: Any) -> None:
    """Raise Problem too_deep beyond DEPTH_MAX levels; no recursion, which Python limits."""
    level = [document] if isinstance(document, CONTAINERS) else []
    for _ in range(DEPTH_MAX):
        if not level:
            return
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, CONTAINERS)
        ]
    if level:
        raise Problem("too_deep")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Problem("duplicate_key")
    return members


def _not_json(_: str) -> NoReturn:
    raise Problem("malformed_json")


def _integer(text: str) -> int | float:
    """Parse an integer; beyond 64 bits return infinity, because converting long digits takes quadratic time."""
    return int(text) if len(text) < 20 else float("inf") if not text.startswith("-") else float("-inf")


STRICT = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_not_json, parse_int=_integer)
"""Created once: `json.loads` with these hooks creates a decoder for every body."""
