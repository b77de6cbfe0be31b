"""A log's tree as C2SP tiles of 256 hashes: grown in batches, read for roots and proofs.

SQL text: a tile is written by an upsert in the sequencer's hot loop, and a proof reads its tiles by a list of pairs.

Only the last tile of each level changes; every other tile is final.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import islice

from consent.database import queries
from consent.models import LogTile
from consent.transparency import merkle
from consent.transparency.checkpoint import TILE_HEIGHT, TILE_WIDTH
from consent.transparency.logs import Log
from consent.transparency.merkle import HASH_BYTES, Node, Range

Cache = dict[tuple[int, int], bytes]
"""Tiles read for one response, by (level, number)."""


class TreeBroken(Exception):
    """A tile is missing or shorter than the tree needs; the message names it."""


async def grow(log: Log, size: int, leaves: Sequence[bytes]) -> int:
    """Append leaf hashes (32 bytes each) to a tree of `size` leaves and return its new size.

    Runs in the sequencer's transaction, with the log's head locked; writes log_tile. TreeBroken if a tile is missing.
    """
    level, first, hashes = 0, size, list(leaves)
    while hashes:
        finished: list[bytes] = []
        number, filled = divmod(first, TILE_WIDTH)
        tile = await _read(log, level, number) if filled else b""
        if len(tile) != filled * HASH_BYTES:
            raise TreeBroken(f"{log}: tile {level}/{number} has {len(tile) // HASH_BYTES} hashes instead of {filled}")
        while hashes:
            free = TILE_WIDTH - len(tile) // HASH_BYTES
            tile += b"".join(hashes[:free])
            hashes = hashes[free:]
            await _write(log, level, number, tile)
            if len(tile) == TILE_WIDTH * HASH_BYTES:
                finished.append(merkle.root_of(split(tile)))
                number, tile = number + 1, b""
        level, first, hashes = level + 1, first >> TILE_HEIGHT, finished
    return size + len(leaves)


async def root_at(log: Log, size: int, cache: Cache | None = None) -> bytes:
    """Return the root over the first `size` leaves; TreeBroken if a tile is missing."""
    return await _root_of_range(log, (0, size), {} if cache is None else cache)


async def inclusion(log: Log, index: int, size: int) -> list[bytes]:
    """Return the inclusion proof of leaf `index` in the tree of the first `size` leaves."""
    return (await inclusions(log, [index], size))[0]


async def inclusions(log: Log, indexes: Sequence[int], size: int) -> list[list[bytes]]:
    """Return the inclusion proofs of several leaves, in their order; one query reads the tiles of them all."""
    ranges = [merkle.inclusion_ranges(index, size) for index in indexes]
    roots = iter(await _roots(log, [part for parts in ranges for part in parts]))
    return [list(islice(roots, len(parts))) for parts in ranges]


async def consistency(log: Log, old: int, new: int) -> list[bytes]:
    """Return the proof that the tree of `new` leaves continues the tree of `old` leaves."""
    return await _roots(log, merkle.consistency_ranges(old, new))


async def stored(log: Log, size: int) -> AsyncIterator[tuple[int, int, bytes]]:
    """Yield every tile of the tree of `size` leaves as (level, number, hashes), the lowest level first."""
    level, count = 0, size
    while count:
        for number in range(-(-count // TILE_WIDTH)):
            width = min(TILE_WIDTH, count - number * TILE_WIDTH)
            hashes = await tile(log, level, number, width)
            if hashes is None:
                raise TreeBroken(f"{log}: tile {level}/{number} is missing or too short")
            yield level, number, hashes
        level, count = level + 1, count >> TILE_HEIGHT


async def tile(log: Log, level: int, number: int, width: int) -> bytes | None:
    """Return the first `width` hashes of a tile, or None when it has fewer or is missing."""
    row = await LogTile.get_or_none(log=log, level=level, number=number)
    if row is None or len(row.hashes) < width * HASH_BYTES:
        return None
    return bytes(row.hashes)[: width * HASH_BYTES]


def split(hashes: bytes) -> list[bytes]:
    """Split a tile's bytes into hashes of 32 bytes."""
    return [hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES)]


async def _roots(log: Log, ranges: Sequence[Range]) -> list[bytes]:
    """Return the roots of several ranges; one query reads all of their tiles."""
    keys = sorted({_tile_range(node)[:2] for leaves in ranges for node in merkle.nodes_of(leaves)})
    if not keys:
        return [merkle.EMPTY_ROOT for _ in ranges]
    marks = ", ".join(f"({level}, {number})" for level, number in keys)
    rows = await queries.fetch_all(
        f"SELECT level, number, hashes FROM log_tile WHERE log = $1 AND (level, number) IN (VALUES {marks})", log
    )
    cache: Cache = {(row["level"], row["number"]): bytes(row["hashes"]) for row in rows}
    return [await _root_of_range(log, leaves, cache) for leaves in ranges]


async def _root_of_range(log: Log, leaves: Range, cache: Cache) -> bytes:
    return merkle.fold([await _subtree(log, node, cache) for node in merkle.nodes_of(leaves)])


async def _subtree(log: Log, node: Node, cache: Cache) -> bytes:
    level, number, start, rest = _tile_range(node)
    if (level, number) not in cache:
        cache[level, number] = await _read(log, level, number)
    hashes = cache[level, number][start * HASH_BYTES : (start + (1 << rest)) * HASH_BYTES]
    if len(hashes) != HASH_BYTES << rest:
        raise TreeBroken(f"{log}: tile {level}/{number} ends before hash {start + (1 << rest)}")
    return merkle.root_of(split(hashes))


def _tile_range(node: Node) -> tuple[int, int, int, int]:
    """Return tile level, tile number, index of the first hash in the tile, and log2 of the number of hashes."""
    level, rest = divmod(node.level, TILE_HEIGHT)
    number, start = divmod(node.index << rest, TILE_WIDTH)
    return level, number, start, rest


async def _read(log: Log, level: int, number: int) -> bytes:
    row = await LogTile.get_or_none(log=log, level=level, number=number)
    if row is None:
        raise TreeBroken(f"{log}: tile {level}/{number} is missing")
    return bytes(row.hashes)


async def _write(log: Log, level: int, number: int, hashes: bytes) -> None:
    await queries.execute(
        "INSERT INTO log_tile (log, level, number, hashes) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (log, level, number) DO UPDATE SET hashes = excluded.hashes",
        log,
        level,
        number,
        hashes,
    )
