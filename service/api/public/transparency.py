"""Public operations on the two transparency logs: checkpoints, tiles, proofs, and the policy log's documents.

Checkpoints and tiles are as in C2SP tlog-tiles, proofs as in RFC 6962. Reads alone, without a token.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from consent.documents import bodies
from consent.kernel.canonical_json import sha256_of
from consent.kernel.errors import NotFound
from consent.transparency import checkpoint, entries, log_epoch_start, log_epochs, publication, sequencer, tiles
from consent.transparency.checkpoint import LEVEL_MAX, TILE_WIDTH, Checkpoint, NoteInvalid
from consent.transparency.logs import Log
from consent.transparency.merkle import HASH_BYTES
from consent.transparency.tiles import TreeBroken
from service.api.public import log_schemas
from service.compliance import announcements, log_keys, receipts
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem

ENTRIES_MAX = 1_000
"""Policy entries of one answer."""
PROOFS_AT_ONCE = 100
"""Proofs whose tiles are read by one query: each needs a tile of 8 kB that no other may share."""
FOREVER = "public, max-age=31536000, immutable"
"""Cache-Control of content that its address determines: tiles and documents by hash."""


def _log(context: RequestContext) -> Log:
    try:
        return Log(context.request.path_params["name"])
    except ValueError:
        raise NotFound("there are two logs: consent and policy") from None


async def read_checkpoint(context: RequestContext, _: None) -> Response:
    """Return the last published checkpoint, a signed note; NotFound before the first."""
    head = await sequencer.head(_log(context))
    if head.note is None:
        raise NotFound("nothing was published yet")
    return Response(head.note, media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"})


async def read_epoch_checkpoint(context: RequestContext, _: None) -> Response:
    """Return the last published checkpoint of one epoch of a log, a signed note."""
    epoch = await _epoch(context)
    return Response(
        epoch.note,
        media_type="text/plain; charset=utf-8",
        headers={"Cache-Control": FOREVER if epoch.published > epoch.shared_leaves else "no-cache"},
    )


async def read_tile(context: RequestContext, _: None) -> Response:
    """Return a tile of the published tree: 256 hashes of 32 bytes, or `.p/<width>` for the last tile of its level.

    From the second epoch on it may be another one than before at the same address, and is not cached.
    """
    log, published = _log(context), await _published(_log(context))
    forever = log_epoch_start.epoch_of(log, published.origin) == log_epoch_start.FIRST_LOG_EPOCH
    hashes = await _tile(context, log, published.size)
    if hashes is None:
        raise NotFound("there is no such tile")
    return _tile_response(hashes, FOREVER if forever else "no-cache")


async def read_epoch_tile(context: RequestContext, _: None) -> Response:
    """Return a tile of one epoch's tree; Problem leaves_lost for one whose leaves are lost for good."""
    log, epoch = _log(context), await _epoch(context)
    hashes = await _tile(context, log, epoch.shared_leaves)
    if hashes is None and epoch.published > epoch.shared_leaves and _is_tile_of(context, epoch.published):
        raise Problem("leaves_lost")
    if hashes is None:
        raise NotFound("there is no such tile")
    return _tile_response(hashes, FOREVER)


async def _tile(context: RequestContext, log: Log, size: int) -> bytes | None:
    """Return the hashes of the addressed tile, None if the tree of `size` leaves has no such tile."""
    if not _is_tile_of(context, size):
        return None
    number, width = checkpoint.parse_tile_path(context.request.path_params["index"])
    return await tiles.tile(log, int(context.request.path_params["level"]), number, width)


def _is_tile_of(context: RequestContext, size: int) -> bool:
    """Report whether a tree of `size` leaves has the addressed tile."""
    try:
        level = int(context.request.path_params["level"])
        number, width = checkpoint.parse_tile_path(context.request.path_params["index"])
    except ValueError:
        return False
    hash_count = size >> (level * checkpoint.TILE_HEIGHT) if 0 <= level <= LEVEL_MAX else 0
    return number * TILE_WIDTH + width <= hash_count


def _tile_response(hashes: bytes, caching: str) -> Response:
    return Response(hashes, media_type="application/octet-stream", headers={"Cache-Control": caching})


async def prove_inclusion(context: RequestContext, _: None) -> Answer:
    """Return the proof that a leaf is in the tree of a published size; `?size=` defaults to the latest."""
    log, published = _log(context), await _published(_log(context))
    size = _size(context, "size", published.size)
    leaf_hash = _hash(context, "leaf_hash").hex()
    position = (await entries.positions_of(log, [leaf_hash])).get(leaf_hash)
    if position is None or not position < size <= published.size:
        raise NotFound("there is no such leaf in a published tree of this size")
    proof = await tiles.inclusion(log, position, size)
    return Answer(log_schemas.InclusionProof(index=position, size=size, hashes=_encoded(proof)))


async def prove_consistency(context: RequestContext, _: None) -> Answer:
    """Return the proof that the tree of size `?to=` extends the tree of size `?from=`."""
    log, published = _log(context), await _published(_log(context))
    old, new = _size(context, "from", None), _size(context, "to", published.size)
    if not old <= new <= published.size:
        raise NotFound("no tree of this size was published")
    return Answer(log_schemas.ConsistencyProof(size=new, hashes=_encoded(await tiles.consistency(log, old, new))))


async def list_policy(context: RequestContext, _: None) -> Answer:
    """List published entries of the policy log in order, from `?start=` up to `?end=`, at most ENTRIES_MAX."""
    published = await _published(Log.POLICY)
    start = _size(context, "start", 0)
    end = min(_size(context, "end", published.size), published.size, start + ENTRIES_MAX)
    leaves = await entries.leaves(Log.POLICY, start, end)
    return Answer(
        log_schemas.PolicyEntries(
            data=[log_schemas.PolicyEntry(index=position, leaf=json.loads(leaf)) for position, leaf in leaves],
            size=published.size,
        )
    )


async def read_document(context: RequestContext, _: None) -> Response:
    """Return the document of a policy entry by the SHA-256 of its canonical JSON."""
    sha256 = context.request.path_params["sha256"]
    body = await bodies.by_hash(sha256)
    if body is None:
        body = (await announcements.document_by_hash(context.app_context)).get(sha256)
    if body is None:
        raise NotFound("no document of this hash was ever in force")
    return json_io.respond(body, headers={"Cache-Control": FOREVER})


async def list_log_keys(context: RequestContext, _: None) -> Answer:
    """List the logs with their verifier keys and their epochs."""
    return Answer(log_schemas.LogKeys(data=[await _described(context, log) for log in Log]))


async def _described(context: RequestContext, log: Log) -> log_schemas.LogKey:
    publisher, epochs = context.app_context.settings.publisher, await log_epochs.epochs(log)
    running = epochs[-1]
    return log_schemas.LogKey(
        name=log,
        verifier_key=announcements.log_key(context.app_context, log, running.number).text(),
        epoch=running.number,
        keys=[_key(published) for published in await log_keys.list_epoch_keys(publisher, log)],
        previous=[
            log_schemas.EndedLogEpoch(
                epoch=epoch.number,
                verifier_key=log_keys.key_that_signed(publisher, log, epoch.number, epoch.next_start.previous).text(),
                checkpoint=epoch.next_start.previous,
                size=epoch.next_start.published,
                first_lost=epoch.shared_leaves,
                next_checkpoint=epoch.next_start.first,
                ended_at=epoch.next_start.started_at,
                reason=epoch.next_start.reason,
                announcement=sha256_of(epoch.next_start.document()),
            )
            for epoch in epochs
            if epoch.next_start is not None
        ],
    )


def _key(published: log_keys.EpochKey) -> log_schemas.PublishedLogKey:
    retired_at = published.retired_at
    return log_schemas.PublishedLogKey(
        origin=published.key.name,
        key_id=published.key.key_id.hex(),
        verifier_key=published.key.text(),
        valid_from=json_io.rfc3339(published.active_from.replace(microsecond=0)),
        valid_until=None if retired_at is None else json_io.rfc3339(retired_at.replace(microsecond=0)),
    )


async def check_log(context: RequestContext, _: None) -> Answer:
    """Check the last published checkpoint against the log's key and the current tree."""
    log = _log(context)
    head = await sequencer.head(log)
    if head.note is None:
        raise NotFound("nothing was published yet")
    size, signed, continued = 0, True, False
    try:
        published = publication.open_checkpoint(context.app_context.settings.publisher, log, head.note)
        size = published.size
        continued = published.size <= head.size and await tiles.root_at(log, published.size) == published.root
    except NoteInvalid:
        signed = False
    except TreeBroken:
        continued = False
    growing = head.frozen is None
    return Answer(
        log_schemas.LogCheck(
            name=log,
            checked_at=json_io.rfc3339(context.at),
            size=size,
            signed=signed,
            continued=continued,
            growing=growing,
            sound=signed and continued and growing,
        )
    )


async def published_checkpoint(log: Log) -> tuple[str, Checkpoint] | None:
    """Return the signed note and the checkpoint that were last published, or None."""
    head = await sequencer.head(log)
    if head.note is None:
        return None
    return head.note, Checkpoint.of_stored(head.note)


async def proofs_of(log: Log, leaf_hashes: Sequence[str]) -> list[str | None]:
    """Return the C2SP tlog-proofs of leaves, whose hashes are given in hex; None until a checkpoint covers the leaf."""
    latest = await published_checkpoint(log)
    if latest is None:
        return [None] * len(leaf_hashes)
    note, published = latest
    positions = await entries.positions_of(log, leaf_hashes)
    covered = sorted(position for position in positions.values() if position < published.size)
    proofs: dict[int, str] = {}
    for start in range(0, len(covered), PROOFS_AT_ONCE):
        part = covered[start : start + PROOFS_AT_ONCE]
        for position, hashes in zip(part, await tiles.inclusions(log, part, published.size), strict=True):
            proofs[position] = receipts.proof_file(position, hashes, note)
    return [proofs.get(positions.get(leaf_hash, -1)) for leaf_hash in leaf_hashes]


@dataclass(frozen=True, slots=True)
class _ServedEpoch:
    """The last checkpoint of an epoch: its note, its leaves, and how many of them are in the present tree."""

    note: str
    published: int
    shared_leaves: int


async def _epoch(context: RequestContext) -> _ServedEpoch:
    """Return the addressed epoch of the addressed log; NotFound for one that has not begun."""
    log, number = _log(context), context.request.path_params["epoch"]
    epochs = {str(epoch.number): epoch for epoch in await log_epochs.epochs(log)}
    epoch = epochs.get(number)
    if epoch is None:
        raise NotFound("the log has no such epoch")
    if epoch.next_start is not None:
        return _ServedEpoch(epoch.next_start.previous, epoch.next_start.published, epoch.shared_leaves)
    latest = await published_checkpoint(log)
    if latest is None or log_epoch_start.epoch_of(log, latest[1].origin) != epoch.number:
        raise NotFound("nothing was published yet")
    return _ServedEpoch(latest[0], latest[1].size, latest[1].size)


async def _published(log: Log) -> Checkpoint:
    latest = await published_checkpoint(log)
    if latest is None:
        raise NotFound("nothing was published yet")
    return latest[1]


def _size(context: RequestContext, name: str, default: int | None) -> int:
    text = context.request.query_params.get(name)
    if text is None:
        if default is None:
            raise Problem("bad_query")
        return default
    if not checkpoint.SIZE.fullmatch(text) or int(text) > checkpoint.SIZE_MAX:
        raise Problem("bad_query")
    return int(text)


def _hash(context: RequestContext, name: str) -> bytes:
    """Decode a hash in base64 or base64url; Problem bad_query for other text.

    A plus sign that was not percent-encoded arrives as a space.
    """
    text = context.request.query_params.get(name, "").replace(" ", "+").replace("-", "+").replace("_", "/")
    try:
        digest = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Problem("bad_query") from None
    if len(digest) != HASH_BYTES:
        raise Problem("bad_query")
    return digest


def _encoded(hashes: list[bytes]) -> list[str]:
    return [base64.b64encode(digest).decode() for digest in hashes]
