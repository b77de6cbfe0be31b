"""Bytes to models and models to bytes: JSON that is read strictly, cursors, ETags, idempotency keys, languages.

What comes in is never echoed: an error names the place and a code. Duplicate members, a byte-order mark, NaN and
deep nesting are refused before anything is looked at.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final, NoReturn, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Scope

from consent.database import queries
from consent.database.paging import Cursor
from consent.kernel.civil_day import parse_civil_day
from consent.kernel.faults import pointer_to
from service.http.problems import Problem

BODY_BYTES_MAX = 1024 * 1024
"""One JSON body. A thousand records are about 150 kB; larger deliveries go as NDJSON."""
DEPTH_MAX = 32
CONTAINERS = (dict, list)
"""Levels of a JSON body; nothing here is deeper than ten."""
ERRORS_MAX = 20
"""Faults named in one answer."""
LIMIT_MAX, LIMIT_DEFAULT = 200, 50
"""Rows of a page."""
CURSOR_MAX = 512
"""Characters of a cursor."""
KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
"""An Idempotency-Key: visible ASCII."""
JSON_TYPES = frozenset({"application/json"})
CODES: Final[Mapping[str, str]] = {
    "extra_forbidden": "unknown_field",
    "missing": "required",
    "json_invalid": "not_unicode",
}
"""Where the public name of a fault is not pydantic's. What Python reads and pydantic does not is a lone surrogate."""

Model = TypeVar("Model", bound=BaseModel)


class ApiModel(BaseModel):
    """A body or an answer: strict types, nothing unknown, unchangeable.

    Members whose default is None are left out of an answer while they are None; the others are always there.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


async def read_body(request: Request) -> bytes:
    """The whole body, at most BODY_BYTES_MAX; Problem body_too_large as soon as it is more."""
    check_content_length(request, BODY_BYTES_MAX)
    parts: list[bytes] = []
    size = 0
    while True:  # request.stream(), without a generator for what comes in one piece
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        size += len(part)
        if size > BODY_BYTES_MAX:
            raise Problem("body_too_large")
        if not message.get("more_body", False):
            return b"".join((*parts, part)) if parts else part
        parts.append(part)


def check_content_length(request: Request, most: int) -> None:
    """Problem body_too_large when the caller announces more than `most` bytes; nothing is read."""
    announced = header(request.scope, b"content-length") or "0"
    if announced.isascii() and announced.isdecimal() and int(announced[:20]) > most:
        raise Problem("body_too_large")


def header(scope: Scope, name: bytes) -> str:
    """The first header of this name, which is in lower case; empty without one. Asked for by every request."""
    for one, value in scope["headers"]:
        if one == name:
            return str(value, "latin-1")
    return ""


def media_type(request: Request) -> str:
    """The media type of the body in lower case without parameters; empty when there is none."""
    return header(request.scope, b"content-type").partition(";")[0].strip().lower()


def parse_json(request: Request, raw: bytes, model: type[Model]) -> Model:
    """The body as a model. Problems: not_json (415), malformed_json and its kin (400), body_invalid (422)."""
    if media_type(request) not in JSON_TYPES:
        raise Problem("not_json")
    return parse_line(raw, model)


def parse_line(raw: bytes, model: type[Model]) -> Model:
    """A JSON text as a model; the same problems but for the media type."""
    check_json(raw)
    try:
        # From the text itself, so that pydantic reads enumerations, tuples and large numbers by JSON's rules.
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise Problem("body_invalid", errors=list_faults(error)) from None


def list_faults(error: ValidationError) -> list[dict[str, str]]:
    """pydantic's faults as pointers, codes and sentences; never the value itself."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [_fault(pointer_to(one["loc"]), CODES.get(one["type"], one["type"]), one["msg"]) for one in found][
        :ERRORS_MAX
    ]


def check_json(raw: bytes) -> Any:
    """The JSON value of a text, with integers of more than 64 bits as infinite: for a look, not to be kept.

    Problems malformed_json, duplicate_key and too_deep, all 400.
    """
    if raw.startswith(b"\xef\xbb\xbf"):
        raise Problem("malformed_json")
    try:
        document = STRICT.decode(raw.decode("utf-8"))
    except RecursionError:
        raise Problem("too_deep") from None
    except ValueError:
        raise Problem("malformed_json") from None
    _check_depth(document)
    return document


def respond(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer: a model, or what is JSON-ready already."""
    return Response(to_bytes(body), status, media_type="application/json", headers=dict(headers or {}))


def to_bytes(body: Any) -> bytes:
    """The answer's bytes: UTF-8, members in the order of the model."""
    return orjson.dumps(body, default=_plain, option=orjson.OPT_NON_STR_KEYS)


def respond_with_etag(request: Request, body: Any) -> Response:
    """A JSON answer with an ETag over its bytes; 304 without a body when the caller has it already."""
    content = to_bytes(body)
    tag = f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Accept-Language"}
    if _matches(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="application/json", headers=headers)


def rfc3339(moment: datetime) -> str:
    """An aware datetime as RFC 3339 in UTC with `Z`; microseconds only where there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def micros(moment: datetime) -> int:
    """An aware datetime as microseconds since 1970, for cursors."""
    return queries.to_micros(moment)


def read_limit(request: Request) -> int:
    """`?limit=`, 1 to LIMIT_MAX; Problem bad_limit for anything else."""
    text = request.query_params.get("limit", str(LIMIT_DEFAULT))
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(LIMIT_MAX))):
        raise Problem("bad_limit")
    limit = int(text)
    if not 1 <= limit <= LIMIT_MAX:
        raise Problem("bad_limit")
    return limit


def read_moment(request: Request, name: str, latest: datetime) -> datetime:
    """`?name=` as an RFC 3339 instant not after `latest`, which it is by default; Problem bad_query otherwise."""
    text = request.query_params.get(name)
    if text is None:
        return latest
    try:
        # A plus sign arrives as a space where it was not escaped.
        moment = datetime.fromisoformat(text.replace(" ", "+"))
        if moment.tzinfo is None or moment > latest:
            raise ValueError(name)
    except (ValueError, OverflowError):
        raise Problem("bad_query") from None
    return moment


def encode_cursor(values: tuple[str | int, ...]) -> str:
    """An opaque cursor for the last row of a page."""
    return base64.urlsafe_b64encode(orjson.dumps(values)).rstrip(b"=").decode()


def read_cursor(request: Request, *types: type[int] | type[str]) -> tuple[Any, ...] | None:
    """`?cursor=` as values of these types, or None without one; Problem bad_cursor for what was not made here."""
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


def read_day(request: Request, name: str) -> date | None:
    """A civil day in the query, or None; Problem bad_query for anything but `YYYY-MM-DD`."""
    text = request.query_params.get(name)
    if text is None:
        return None
    day = parse_civil_day(text)
    if day is None:
        raise Problem("bad_query")
    return day


def idempotency_key(request: Request) -> str:
    """The Idempotency-Key; Problem idempotency_key_required without one or with two, bad_header when unusable."""
    values = [value for name, value in request.scope["headers"] if name == b"idempotency-key"]
    if len(values) != 1 or not values[0]:
        raise Problem("idempotency_key_required")
    key: str = values[0].decode("latin-1")
    if not KEY.fullmatch(key):
        raise Problem("bad_header")
    return key


def fingerprint(raw: bytes) -> str:
    """SHA-256 of a request's body: whether a repeated key came with the same request."""
    return hashlib.sha256(raw).hexdigest()


def _plain(value: Any) -> Any:
    """What orjson does not know: a model without the optional members that it lacks, or a mapping."""
    if isinstance(value, BaseModel):
        members = value.__dict__
        optional = _optional(type(value))
        return {name: member for name, member in members.items() if member is not None or name not in optional}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


@lru_cache(maxsize=512)
def _optional(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(name for name, one in model.model_fields.items() if not one.is_required())


def _matches(header: str, tag: str) -> bool:
    return header.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in header.split(","))


def _fault(pointer: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "detail": detail}


def _check_depth(document: Any) -> None:
    """Refuse deep nesting, without recursion of our own."""
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
    """Integers beyond 64 bits do not cost the time to convert them."""
    return int(text) if len(text) < 20 else float("inf") if not text.startswith("-") else float("-inf")


STRICT = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_not_json, parse_int=_integer)
"""Made once: `json.loads` would make one for every body."""
