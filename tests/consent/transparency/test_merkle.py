"""RFC 6962 trees: the published vectors, every small tree, and proofs that break when anything in them is changed."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.transparency import merkle
from consent.transparency.merkle import Node, ProofInvalid

LEAVES = [
    bytes.fromhex(size)
    for size in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
HASHES = [hashlib.sha256(b"\x00" + number.to_bytes(4, "big")).digest() for number in range(300)]


def reference_root(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, word for word."""
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return hashlib.sha256(b"\x01" + reference_root(hashes[:split]) + reference_root(hashes[split:])).digest()


def reference_path(index: int, hashes: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, 2.1.1."""
    if len(hashes) == 1:
        return []
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    if index < split:
        return [*reference_path(index, hashes[:split]), reference_root(hashes[split:])]
    return [*reference_path(index - split, hashes[split:]), reference_root(hashes[:split])]


def reference_proof(old: int, hashes: list[bytes], whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962, 2.1.2."""
    if old == len(hashes):
        return [] if whole else [reference_root(hashes)]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    if old <= split:
        return [*reference_proof(old, hashes[:split], whole), reference_root(hashes[split:])]
    return [*reference_proof(old - split, hashes[split:], whole=False), reference_root(hashes[:split])]


def at(node: Node) -> bytes:
    start = node.index << node.level
    return reference_root(HASHES[start : start + (1 << node.level)])


def folded(ranges: list[tuple[int, int]]) -> list[bytes]:
    return [merkle.fold([at(node) for node in merkle.nodes_of(leaf_range)]) for leaf_range in ranges]


@pytest.mark.parametrize(("size", "root"), ROOTS.items())
def test_published_roots(size: int, root: str) -> None:
    hashes = [merkle.leaf_hash(leaf) for leaf in LEAVES[:size]]
    assert merkle.root_of(hashes).hex() == root
    assert merkle.EMPTY_ROOT.hex() == ROOTS[0]


@pytest.mark.parametrize("size", [*range(1, 34), 100, 255, 256, 257, 300])
def test_every_tree_proves_each_leaf_and_each_older_tree(size: int) -> None:
    hashes = HASHES[:size]
    root = reference_root(hashes)
    assert merkle.root_of(hashes) == root == folded([(0, size)])[0]
    for index in range(0, size, 1 if size < 40 else 13):
        proof = folded(merkle.inclusion_ranges(index, size))
        assert proof == reference_path(index, hashes)
        merkle.check_inclusion(hashes[index], index, size, proof, root)
    for old in range(0, size + 1, 1 if size < 40 else 13):
        proof = folded(merkle.consistency_ranges(old, size))
        assert proof == (reference_proof(old, hashes) if old else [])
        merkle.check_consistency(old, size, reference_root(hashes[:old]), root, proof)


def one_change(proof: list[bytes], data: st.DataObject) -> list[bytes]:
    """A list of hashes that is not this one: a bit, a hash more or less, two in the other order, one cut short."""
    change = data.draw(st.sampled_from(["bit", "drop", "add", "swap", "short"] if proof else ["add"]))
    position = data.draw(st.integers(0, max(0, len(proof) - 1)))
    if change == "add":
        return [*proof, HASHES[0]]
    if change == "drop":
        return proof[:position] + proof[position + 1 :]
    if change == "swap" and len(proof) > 1:
        return [proof[1], proof[0], *proof[2:]]
    other = proof[position][:-1] if change == "short" else flipped(proof[position], data)
    return [*proof[:position], other, *proof[position + 1 :]]


@given(st.integers(1, 300), st.data())
def test_a_changed_inclusion_proof_is_refused(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaf, proof = HASHES[index], folded(merkle.inclusion_ranges(index, size))
    root = reference_root(HASHES[:size])
    elsewhere = data.draw(st.integers(-2, size + 2).filter(lambda position: position != index))
    for refused in (
        (flipped(leaf, data), index, size, proof, root),
        (leaf, elsewhere, size, proof, root),
        (leaf, index, size, proof, flipped(root, data)),
        (leaf, index, size, one_change(proof, data), root),
    ):
        with pytest.raises(ProofInvalid):
            merkle.check_inclusion(*refused)


@given(st.integers(1, 300), st.data())
def test_a_changed_consistency_proof_is_refused(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    proof = folded(merkle.consistency_ranges(old, new))
    old_root, new_root = reference_root(HASHES[:old]), reference_root(HASHES[:new])
    for refused in (
        (old, new, flipped(old_root, data), new_root, proof),
        (old, new, old_root, flipped(new_root, data), proof),
        (new + 1, old, old_root, new_root, proof),
        (old, new, old_root, new_root, one_change(proof, data)),
    ):
        with pytest.raises(ProofInvalid):
            merkle.check_consistency(*refused)


def flipped(value: bytes, data: st.DataObject) -> bytes:
    bit = data.draw(st.integers(0, len(value) * 8 - 1))
    return bytes(byte ^ (1 << bit % 8 if position == bit // 8 else 0) for position, byte in enumerate(value))


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_a_proof_of_a_huge_tree_is_short(first: int, other: int) -> None:
    index, size = min(first, other), max(first, other) + 1
    assert len(merkle.inclusion_ranges(index, size)) <= 41
    assert sum(len(merkle.nodes_of(part)) for part in merkle.inclusion_ranges(index, size)) <= 80
    assert len(merkle.consistency_ranges(index, size)) <= 42


def test_indexes_outside_the_tree_are_refused() -> None:
    with pytest.raises(ValueError, match="inside"):
        merkle.inclusion_ranges(3, 3)
    with pytest.raises(ValueError, match="grows"):
        merkle.consistency_ranges(4, 3)
