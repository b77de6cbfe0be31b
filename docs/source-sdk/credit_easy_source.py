"""Client of Credit-Easy+ for a data source: one file, Python 3.11 or later, the standard library alone. Copy it.

    with Source("https://points.example", token) as source:     # token(): a fresh access token of the source's client
        accounts = source.follow_links(ended=forget_account)    # the accounts to deliver for
        delivery = source.deliver(records, accounts)            # in batches; sent again where the network failed
        source.follow_corrections(apply_correction)             # what officers decided about records

Every call may be repeated: a record that is there already counts as a duplicate, corrections carry an idempotency key,
and an ending or a correction is acknowledged only after your function for it has returned. No call is made for accounts
that nobody has linked. Use one `Source` in one thread at a time.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import re
import ssl
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any, Final
from urllib.parse import quote, urlsplit

BATCH_RECORDS: Final = 1_000
"""Records in one call, the most that the service takes as JSON."""
PAGE_ROWS: Final = 200
"""Rows of one page of a list, the most that the service gives."""
ATTEMPTS: Final = 8
"""Attempts of one call: with the pauses between them about two minutes."""
FIRST_PAUSE_SECONDS: Final = 0.5
PAUSE_SECONDS_MAX: Final = 60.0
TIMEOUT_SECONDS: Final = 30.0
ANSWER_BYTES_MAX: Final = 16 * 2**20
"""Bytes of the largest answer that is read."""
REPEATED: Final = frozenset({429, 500, 502, 503, 504})
"""Statuses after which the same call can succeed."""
RECORD_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
ACCOUNT: Final = re.compile(r"[\x21-\x7e]{1,64}", re.ASCII)
LOCAL_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
"""Hosts to which a token may go without TLS."""


def record_id_of(*parts: str) -> str:
    """Return an id for a deed that has none: a hash of what names it for ever, such as account, day and start.

    An id must not contain the account in clear, nor characters such as `@`. The same parts give the same id, so a deed
    that is delivered again is a duplicate; never use what may change later, such as the quantity.
    """
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


class SourceError(Exception):
    """The base of what this module raises."""


class Unavailable(SourceError):
    """The service did not answer within all attempts. Repeat later; nothing is done twice."""


class Refused(SourceError):
    """The service refused the call: `status`, `code` and `request_id` as in its answer."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status, self.code = status, str(problem.get("code", ""))
        self.request_id = str(problem.get("request_id", ""))
        self.errors = problem.get("errors") or []
        super().__init__(f"{status} {self.code}: {problem.get('detail', '')} (request {self.request_id})")


@dataclass(frozen=True, slots=True)
class Record:
    """A deed: the source's own id, the account, the kind, the quantity in the kind's unit, and the city's civil day."""

    record_id: str
    account: str
    kind: str
    quantity: int
    occurred_on: date

    def __post_init__(self) -> None:
        """Raise ValueError for what the service would refuse with the whole batch."""
        if not RECORD_ID.fullmatch(self.record_id):
            raise ValueError("record_id: 1 to 64 of A-Z a-z 0-9 . _ -")
        if not ACCOUNT.fullmatch(self.account):
            raise ValueError("account: 1 to 64 characters of printable ASCII, without a space")
        if isinstance(self.quantity, bool) or not isinstance(self.quantity, int):
            raise ValueError("quantity: a whole number")


@dataclass(frozen=True, slots=True)
class Link:
    """A link between a resident and an account; of an ended one `ended_on` is the civil day of its end."""

    link_id: str
    account: str
    state: str
    ended_on: str | None


@dataclass(frozen=True, slots=True)
class Correction:
    """An officer's decision about a record: corrected, retracted or restored; None for a value that stays."""

    correction_id: str
    record_id: str
    outcome: str
    quantity: int | None
    occurred_on: str | None


@dataclass(slots=True)
class Delivery:
    """The result of a delivery. `refused` has (record id, code); `left_out` counts records of other accounts."""

    accepted: int = 0
    duplicates: int = 0
    left_out: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


class Source:
    """The service as a data source sees it."""

    def __init__(
        self,
        base_url: str,
        token: Callable[[], str],
        *,
        attempts: int = ATTEMPTS,
        timeout_seconds: float = TIMEOUT_SECONDS,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOCAL_HOSTS):
            raise ValueError("base_url must begin with https://")
        if parts.hostname is None:
            raise ValueError("base_url names no host")
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._path = parts.path.rstrip("/")
        self._token, self._attempts, self._timeout, self._pause = token, attempts, timeout_seconds, pause
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Source:
        """Return the client itself; its connection is closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.close()

    def confirm_link(self, code: str, account: str) -> str:
        """Pass on the code that the holder of `account`, signed in with you, has typed; return the link's id.

        Raises:
            Refused: `code_unknown` (wrong, expired, of another account: one answer), `account_linked_elsewhere`.
        """
        key = str(uuid.uuid4())
        answer = self._call("POST", "/v1/source/links/confirm", {"code": code, "account": account}, key)
        return str(answer["link_id"])

    def links(self, state: str) -> Iterator[Link]:
        """Yield the links that are `confirmed`, or those that `ended` and are not acknowledged."""
        for row in self._rows(f"/v1/source/links?state={quote(state)}"):
            yield Link(row["link_id"], row["account"], row["state"], row.get("ended_on"))

    def follow_links(self, ended: Callable[[Link], None]) -> frozenset[str]:
        """Deal with every ended link and return the accounts to deliver for from now on.

        `ended` forgets what was collected because of the link; it may be called again for one link, because the link is
        acknowledged after it has returned. An account may have been linked again meanwhile, and is then returned.
        """
        for link in list(self.links("ended")):
            ended(link)
            self._call("POST", f"/v1/source/links/{quote(link.link_id)}/acknowledge")
        return frozenset(link.account for link in self.links("confirmed"))

    def deliver(self, records: Iterable[Record], accounts: frozenset[str]) -> Delivery:
        """Send the records of linked accounts in batches; after an error, repeat the call: nothing is stored twice.

        `records` is read once and may be larger than memory. Refused with `not_authorised`: the link or the consent has
        ended since `accounts` was read.
        """
        delivery = Delivery()
        waiting = iter(records)
        while batch := list(islice(waiting, BATCH_RECORDS)):
            linked = [record for record in batch if record.account in accounts]
            delivery.left_out += len(batch) - len(linked)
            if not linked:
                continue
            rows = [
                {
                    "record_id": record.record_id,
                    "account": record.account,
                    "kind": record.kind,
                    "quantity": record.quantity,
                    "occurred_on": record.occurred_on.isoformat(),
                }
                for record in linked
            ]
            answer = self._call("POST", "/v1/source/records", {"records": rows})
            delivery.accepted += answer["accepted"]
            delivery.duplicates += answer["duplicates"]
            delivery.refused += [
                (str(row["record_id"]), str(row["code"])) for row in answer["results"] if row["status"] == "refused"
            ]
        return delivery

    def correct(
        self, record_id: str, reason_code: str, *, quantity: int | None = None, occurred_on: date | None = None
    ) -> None:
        """Replace a record's quantity or day; the resident is told. Raises Refused."""
        body: dict[str, Any] = {"reason_code": reason_code}
        if quantity is not None:
            body["quantity"] = quantity
        if occurred_on is not None:
            body["occurred_on"] = occurred_on.isoformat()
        self._call("POST", f"/v1/source/records/{quote(record_id)}/correction", body, str(uuid.uuid4()))

    def retract(self, record_id: str, reason_code: str) -> None:
        """Take a record back; the resident is told. Raises Refused."""
        path = f"/v1/source/records/{quote(record_id)}/retraction"
        self._call("POST", path, {"reason_code": reason_code}, str(uuid.uuid4()))

    def follow_corrections(self, apply: Callable[[Correction], None]) -> int:
        """Hand every correction by an officer to `apply`, which may be called again for one; return their number."""
        corrections = [
            Correction(
                row["correction_id"], row["record_id"], row["outcome"], row.get("quantity"), row.get("occurred_on")
            )
            for row in self._rows("/v1/source/corrections?")
        ]
        for correction in corrections:
            apply(correction)
            self._call("POST", f"/v1/source/corrections/{quote(correction.correction_id)}/acknowledge")
        return len(corrections)

    def objections(self) -> Iterator[dict[str, Any]]:
        """Yield the objections that are open, and the records that the source is asked for (`state` is `asked`)."""
        yield from self._rows("/v1/source/objections?")

    def state_about(self, objection_id: str, statement: str) -> None:
        """Give the source's side of an objection. Raises Refused."""
        path = f"/v1/source/objections/{quote(objection_id)}/statement"
        self._call("POST", path, {"statement": statement}, str(uuid.uuid4()))

    def answer_without_record(self, objection_id: str, reason_code: str) -> None:
        """Answer a request for a record that there is none to deliver. Raises Refused."""
        path = f"/v1/source/objections/{quote(objection_id)}/no-record"
        self._call("POST", path, {"reason_code": reason_code}, str(uuid.uuid4()))

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _rows(self, path: str) -> Iterator[dict[str, Any]]:
        cursor = ""
        while True:
            answer = self._call("GET", f"{path}&limit={PAGE_ROWS}{cursor}".replace("?&", "?"))
            yield from answer["data"]
            if not answer.get("next_cursor"):
                return
            cursor = f"&cursor={quote(str(answer['next_cursor']))}"

    def _call(self, method: str, path: str, body: Any = None, key: str | None = None) -> dict[str, Any]:
        """Return the answer's JSON. Attempts again after a lost connection and REPEATED statuses, with one key.

        Raises:
            Refused, Unavailable: see there.
        """
        content = None if body is None else json.dumps(body).encode()
        failure, wait = "", None
        for attempt in range(self._attempts):
            if attempt:
                self._pause(_pause_seconds(attempt, wait))
            try:
                status, wait, answer = self._send(method, path, content, key)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                failure, wait = type(error).__name__, None
                continue
            if status < 300:
                return answer
            if status not in REPEATED:
                raise Refused(status, answer)
            failure = str(status)
        raise Unavailable(
            f"{method} {path.partition('?')[0]}: {self._attempts} attempts failed, the last with {failure}"
        )

    def _send(
        self, method: str, path: str, content: bytes | None, key: str | None
    ) -> tuple[int, int | None, dict[str, Any]]:
        """Send once; return the status, the seconds of Retry-After, and the JSON of the answer. Follows no redirect."""
        headers = {"Authorization": f"Bearer {self._token()}", "Accept": "application/json"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["Idempotency-Key"] = key
        if self._connection is None:
            self._connection = self._connect()
        self._connection.request(method, self._path + path, body=content, headers=headers)
        response = self._connection.getresponse()
        text = response.read(ANSWER_BYTES_MAX + 1)
        if response.will_close or len(text) > ANSWER_BYTES_MAX:
            self.close()
        retry_after = response.getheader("Retry-After") or ""
        wait = int(retry_after) if retry_after.isascii() and retry_after.isdecimal() else None
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if isinstance(answer, dict):
            return response.status, wait, answer
        if response.status < 300:
            raise http.client.HTTPException("the answer is no JSON object")
        return response.status, wait, {}

    def _connect(self) -> http.client.HTTPConnection:
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)


def _pause_seconds(attempt: int, wait: int | None) -> float:
    """Return the seconds before an attempt: those of Retry-After, or longer each time and at random."""
    if wait is not None:
        return min(float(wait), PAUSE_SECONDS_MAX)
    longest = min(PAUSE_SECONDS_MAX, FIRST_PAUSE_SECONDS * 2.0**attempt)
    return random.uniform(longest / 2, longest)  # noqa: S311 # spreads clients in time, no secret
