"""Keys, seals and the keyed hash: what opens where, and nothing else."""

from __future__ import annotations

import hmac

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from consent.crypto import vault
from consent.crypto.blind_index import IndexUse, blind_index, indexer
from consent.crypto.vault import CellAddress, Keyring, SealBroken

KEYRING = Keyring({1: b"1" * 32, 2: b"2" * 32}, 2, b"i" * 32)
CIPHER = AESGCM(b"d" * 32)
CELL = CellAddress("event", "sealed", "person", "1")


@given(st.binary(max_size=200), st.binary(max_size=300))
def test_the_keyed_hash_is_rfc_2104(key: bytes, message: bytes) -> None:
    assert vault.mac(key, message) == hmac.digest(key, message, "sha256")


@given(st.binary(max_size=300))
def test_a_sealed_value_opens_in_its_own_field(plain: bytes) -> None:
    sealed = vault.seal(CIPHER, CELL, plain)
    assert vault.open_sealed(CIPHER, CELL, sealed) == plain
    assert vault.seal(CIPHER, CELL, plain) != sealed


@given(st.lists(st.tuples(st.text("0123456789abcdef", max_size=32), st.binary(max_size=80)), max_size=5))
def test_values_sealed_together_open_each_in_its_own_row(rows: list[tuple[str, bytes]]) -> None:
    sealed = vault.seal_many("record", "column", [(CIPHER, "person", row_id, plain) for row_id, plain in rows])
    for (row_id, plain), value in zip(rows, sealed, strict=True):
        assert vault.open_sealed(CIPHER, CellAddress("record", "column", "person", row_id), value) == plain
        with pytest.raises(SealBroken):
            vault.open_sealed(CIPHER, CellAddress("record", "column", "person", row_id + "x"), value)
    assert len({value[1 : 1 + vault.NONCE_BYTES] for value in sealed}) == len(rows)


@given(st.lists(st.text(max_size=20), max_size=3), st.text(max_size=80))
def test_an_indexer_computes_the_same_index(shared: list[str], value: str) -> None:
    index = indexer(KEYRING, IndexUse.RECORD, *shared)
    assert index(value) == index(value) == blind_index(KEYRING, IndexUse.RECORD, *shared, value)
    assert index(value) != blind_index(KEYRING, IndexUse.ACCOUNT, *shared, value)


@pytest.mark.parametrize("column", CellAddress._fields)
def test_a_seal_does_not_open_in_another_field(column: str) -> None:
    sealed = vault.seal(CIPHER, CELL, b"plain")
    with pytest.raises(SealBroken):
        vault.open_sealed(CIPHER, CELL._replace(**{column: "other"}), sealed)


@given(st.data())
def test_changed_or_cut_bytes_do_not_open(data: st.DataObject) -> None:
    sealed = vault.seal(CIPHER, CELL, b"plain")
    place, bit = data.draw(st.integers(0, len(sealed) - 1)), data.draw(st.integers(0, 7))
    changed = bytearray(sealed)
    changed[place] ^= 1 << bit
    for broken in (bytes(changed), sealed[:place]):
        with pytest.raises(SealBroken):
            vault.open_sealed(CIPHER, CELL, broken)
    with pytest.raises(SealBroken):
        vault.open_sealed(AESGCM(b"e" * 32), CELL, sealed)


def test_a_data_key_opens_for_its_person_under_any_key_of_the_ring() -> None:
    data_key = b"k" * 32
    old = vault.wrap(Keyring(KEYRING.encryption_keys, 1, KEYRING.index_key), "person", data_key)
    new = vault.wrap(KEYRING, "person", data_key)
    assert [vault.key_version(keyring) for keyring in (old, new)] == [1, 2]
    assert vault.unwrap(KEYRING, "person", old) == vault.unwrap(KEYRING, "person", new) == data_key
    with pytest.raises(SealBroken, match="does not open"):
        vault.unwrap(KEYRING, "another", new)
    with pytest.raises(SealBroken, match="not hold"):
        vault.unwrap(Keyring({1: b"1" * 32}, 1, KEYRING.index_key), "person", new)
    with pytest.raises(SealBroken, match="not hold"):
        vault.unwrap(KEYRING, "person", b"\x02" + new[1:])
