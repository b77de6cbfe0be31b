"""Signed notes, checkpoints and tile paths: the published vector, and everything that is not one."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from consent.transparency import checkpoint
from consent.transparency.checkpoint import Checkpoint, NoteInvalid, NoteKey, NoteSigner

TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SKEY = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
SIGNED = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
NEUMANN = NoteSigner("PeterNeumann", Ed25519PrivateKey.from_private_bytes(base64.b64decode(SKEY)[1:]))
ROOT = bytes(range(32))
ENCODED = base64.b64encode(ROOT).decode()


def test_the_published_note() -> None:
    assert NEUMANN.key.key_id.hex() == "c74f20a3"
    note = NEUMANN.sign(TEXT)
    assert note == f"{TEXT}\n— PeterNeumann {SIGNED}\n"
    assert checkpoint.open_note(note, NEUMANN.key) == TEXT
    assert NoteKey.parse(NEUMANN.key.text()) == NEUMANN.key


def test_other_signatures_are_passed_over() -> None:
    other = NoteSigner("witness.example", Ed25519PrivateKey.generate())
    note = NEUMANN.sign(TEXT)
    both = note + other.sign(TEXT).removeprefix(TEXT + "\n")
    assert checkpoint.open_note(both, NEUMANN.key) == checkpoint.open_note(both, other.key) == TEXT
    with pytest.raises(NoteInvalid, match="not signed"):
        checkpoint.open_note(note, other.key)
    same_name = NoteSigner("PeterNeumann", Ed25519PrivateKey.generate())
    with pytest.raises(NoteInvalid, match="not signed"):
        checkpoint.open_note(note, same_name.key)


@given(st.data())
def test_a_changed_note_is_refused(data: st.DataObject) -> None:
    note = NEUMANN.sign(TEXT)
    position = data.draw(st.integers(0, len(note) - 1))
    replaced = data.draw(st.characters(codec="utf-8").filter(lambda sign: sign != note[position]))
    changed = note[:position] + replaced + note[position + 1 :]
    with pytest.raises(NoteInvalid):
        checkpoint.open_note(changed, NEUMANN.key)


@pytest.mark.parametrize(
    "note",
    [
        "", "x", "\n\n", TEXT, TEXT + "\n", f"{TEXT}\n— PeterNeumann {SIGNED}",
        f"{TEXT}\n- PeterNeumann {SIGNED}\n", f"{TEXT}\n— PeterNeumann !!!\n", f"{TEXT}\n—  {SIGNED}\n",
    ],
)  # fmt: skip
def test_a_text_that_is_not_a_note_is_refused(note: str) -> None:
    with pytest.raises(NoteInvalid):
        checkpoint.open_note(note, NEUMANN.key)


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_survives_a_round_trip(size: int, root: bytes) -> None:
    checkpoint = Checkpoint("city.example/consent", size, root)
    assert Checkpoint.parse(checkpoint.text()) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "", "o\n1\n", "o\n01\n" + ENCODED + "\n", "o\n-1\n" + ENCODED + "\n",
        "o\n1\n!\n", "o\n1\nAAAA\n", "\n1\n" + ENCODED + "\n",
        "o\n1\n" + ENCODED + "\nextension\n", "o\n１\n" + ENCODED + "\n",
        "o\n9223372036854775808\n" + ENCODED + "\n",
    ],
)  # fmt: skip
def test_a_text_that_is_not_a_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "text", ["", "a+b", "a b+00000000+AQ==", NEUMANN.key.text().replace("c74f20a3", "c74f20a4"), "x+y+!"]
)
def test_a_text_that_is_not_a_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        NoteKey.parse(text)


def test_tile_paths_of_the_specification() -> None:
    assert checkpoint.tile_path(1234067) == "x001/x234/067"
    assert checkpoint.tile_path(273, 112) == "273.p/112"
    assert divmod(70_000, checkpoint.TILE_WIDTH) == (273, 112)


@given(st.integers(0, 10**12), st.integers(1, 256))
def test_a_tile_path_survives_a_round_trip(number: int, width: int) -> None:
    assert checkpoint.parse_tile_path(checkpoint.tile_path(number, width)) == (number, width)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "0",
        "00",
        "1234",
        "x001",
        "x001/234/067",
        "067.p/0",
        "067.p/256",
        "067.p/999",
        "067.p/",
        "x000/067",
        "-01",
        "０67",
    ],
)  # fmt: skip
def test_other_spellings_of_a_tile_path_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path of a tile"):
        checkpoint.parse_tile_path(path)
