"""RFC 6962 Merkle trees: hashes, inclusion and consistency, computed from complete subtrees that the caller stores.

A proof is a list of ranges of leaves; each range is a list of complete subtrees (`Node`), whose hashes the caller
reads and folds. This module therefore needs no storage, and no hash is read twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

LEAF_PREFIX, NODE_PREFIX = b"\x00", b"\x01"
HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256().digest()
"""The root of a tree without leaves."""


class ProofInvalid(ValueError):
    """A proof does not show what it claims."""


@dataclass(frozen=True, slots=True)
class Node:
    """The root of the complete subtree of `2 ** level` leaves from leaf `index * 2 ** level` on."""

    level: int
    index: int


Range = tuple[int, int]
"""A range of leaves: from the first index up to, not including, the second."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash (32 bytes) of a leaf."""
    return hashlib.sha256(LEAF_PREFIX + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash over two subtrees."""
    return hashlib.sha256(NODE_PREFIX + left + right).digest()


def nodes_of(leaves: Range) -> list[Node]:
    """Split a range into complete subtrees; it must begin at a multiple of its size rounded up to a power of two."""
    start, end = leaves
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def fold(hashes: Sequence[bytes]) -> bytes:
    """Return the root over adjacent subtrees of falling size, in the order of `nodes_of`; EMPTY_ROOT for none."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes that are all in memory, in O(n); for tiles and tests."""
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        paired = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = paired + (level[-1:] if len(level) % 2 else [])
    return level[0]


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Return the ranges whose roots prove leaf `index` in a tree of `size`, from the leaf upwards."""
    if not 0 <= index < size:
        raise ValueError("a leaf is inside its tree")
    start, end, ranges = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """Return the ranges whose roots prove that a tree of `new` leaves continues one of `old` (RFC 6962, 2.1.2)."""
    if not 0 <= old <= new:
        raise ValueError("a tree only grows")
    if old in (0, new):
        return []
    start, end, whole, ranges = 0, new, True, []
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start, whole = middle, False
    if not whole:
        ranges.append((start, end))
    return ranges[::-1]


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raise ProofInvalid unless the leaf hash is at `index` in the tree of this size and root."""
    if not 0 <= index < size:
        raise ProofInvalid("the leaf is outside the tree")
    ranges = inclusion_ranges(index, size)
    _check_shape(proof, len(ranges))
    computed = leaf
    for (start, _), sibling in zip(ranges, proof, strict=True):
        computed = node_hash(sibling, computed) if start < index else node_hash(computed, sibling)
    if computed != root:
        raise ProofInvalid("the proof leads to another root")


def check_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raise ProofInvalid unless the tree of `new` leaves continues the tree of `old` leaves (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= new:
        raise ProofInvalid("a tree only grows")
    if old in (0, new):
        _check_shape(proof, 0)
        if (old == new and old_root != new_root) or (old == 0 and old_root != EMPTY_ROOT):
            raise ProofInvalid("the roots differ")
        return
    _check_shape(proof, len(consistency_ranges(old, new)))
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    from_old = from_new = path[0]
    for sibling in path[1:]:
        if first & 1 or first == last:
            from_old, from_new = node_hash(sibling, from_old), node_hash(sibling, from_new)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            from_new = node_hash(from_new, sibling)
        first, last = first >> 1, last >> 1
    if from_old != old_root or from_new != new_root or last:
        raise ProofInvalid("the proof leads to other roots")


def _split(size: int) -> int:
    """Return the largest power of two below `size` (2 or more)."""
    return 1 << ((size - 1).bit_length() - 1)


def _check_shape(proof: Sequence[bytes], length: int) -> None:
    if len(proof) != length or any(len(sibling) != HASH_BYTES for sibling in proof):
        raise ProofInvalid(f"the proof has {length} hashes of {HASH_BYTES} bytes")
