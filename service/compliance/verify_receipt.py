"""A stand-alone verifier of receipts: the standard library and `cryptography`, nothing of this project.

    python verify_receipt.py RECEIPT.json --jwks JWKS.json [--log-key KEY … | --logs LOGS.json]

RECEIPT.json is the answer of `GET /v1/me/consents/{id}/receipt`, JWKS.json that of `/.well-known/jwks.json`, KEY the
verifier key of the consent log, LOGS.json the answer of `/v1/public/logs`, which has all keys of every epoch.
Checks the signature, that each event is what its leaf commits to, and, with the log's key, that each leaf is in the log
under a signed checkpoint. With LOGS.json, a checkpoint of an ended epoch must not go beyond the last one of that epoch,
and a leaf that was lost with its epoch is named. The file may be copied: it needs no other file of this project.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature


class ReceiptRefused(Exception):
    """The receipt does not prove its claim; the message names the step that failed."""


def canonical(value: Any) -> bytes:
    """Return RFC 8785 bytes of the values in receipts: objects, lists, strings, integers, booleans, null."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def unpadded(text: str) -> bytes:
    """Decode base64url without padding."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def check_signature(receipt: dict[str, Any], jws: str, jwks: dict[str, Any]) -> None:
    """Check the detached ES256 JWS over the receipt against a key of the JWKS. Raises ReceiptRefused."""
    parts = jws.split(".")
    if len(parts) != 3 or parts[1]:
        raise ReceiptRefused("the JWS is not detached")
    header = json.loads(unpadded(parts[0]))
    if header.get("alg") != "ES256" or header.get("typ") != "consent-receipt+jws" or "crit" in header:
        raise ReceiptRefused("the JWS is not an ES256 receipt")
    keys = [key for key in jwks["keys"] if key.get("kid") == header.get("kid")]
    if len(keys) != 1 or keys[0].get("kty") != "EC" or keys[0].get("crv") != "P-256":
        raise ReceiptRefused("no key of the JWKS has signed this")
    x, y = (int.from_bytes(unpadded(keys[0][name]), "big") for name in ("x", "y"))
    signature = unpadded(parts[2])
    if len(signature) != 64:
        raise ReceiptRefused("the signature is not one of ES256")
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    payload = base64.urlsafe_b64encode(canonical(receipt)).rstrip(b"=")
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    try:
        key.verify(der, parts[0].encode() + b"." + payload, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise ReceiptRefused("the signature is wrong") from None


def leaf_bytes(event: dict[str, Any], salt: str) -> bytes:
    """Return the leaf that commits to an event with its salt."""
    commitment = hashlib.sha256(b"credit-easy-leaf-v1\x00" + bytes.fromhex(salt) + canonical(event)).digest()
    return canonical({"v": 1, "k": event["kind"], "c": base64.b64encode(commitment).decode()})


def check_events(answer: dict[str, Any]) -> None:
    """Check that each event of the receipt is the content of its leaf. Raises ReceiptRefused."""
    listed = answer["receipt"]["events"]
    if len(listed) != len(answer["events"]):
        raise ReceiptRefused("an event is missing")
    for entry, opening in zip(listed, answer["events"], strict=True):
        leaf = leaf_bytes(opening["event"], opening["salt"])
        computed = base64.b64encode(hashlib.sha256(b"\x00" + leaf).digest()).decode()
        event = opening["event"]
        if not computed == opening["leaf_hash"] == entry["leaf_hash"]:
            raise ReceiptRefused("an event is not what its leaf commits to")
        if (event["kind"], event["at"]) != (entry["kind"], entry["at"]):
            raise ReceiptRefused("the receipt says something else than its events")
        if event["facts"]["consent_id"] != answer["receipt"]["record_id"]:
            raise ReceiptRefused("an event is about another consent")


def check_note(note: str, verifier_key: str) -> tuple[int, bytes]:
    """Return (size, root) of a checkpoint that the log's key has signed. Raises ReceiptRefused."""
    name, key_id, encoded = verifier_key.split("+", 2)
    raw = base64.b64decode(encoded, validate=True)
    if hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8] != key_id or raw[:1] != b"\x01":
        raise ReceiptRefused("the log's verifier key is not one")
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    for line in signatures.splitlines():
        mark, _, rest = line.partition(" ")
        signer, _, signature = rest.rpartition(" ")
        raw_signature = base64.b64decode(signature)
        if mark == "—" and signer == name and raw_signature[:4].hex() == key_id:
            try:
                Ed25519PublicKey.from_public_bytes(raw[1:]).verify(raw_signature[4:], text.encode())
            except InvalidSignature:
                raise ReceiptRefused("the checkpoint's signature is wrong") from None
            origin, size, root = text.removesuffix("\n").split("\n")
            if origin != name:
                raise ReceiptRefused("the checkpoint is of another log")
            return int(size), base64.b64decode(root, validate=True)
    raise ReceiptRefused("the log has not signed the checkpoint")


def check_note_by_any(note: str, verifier_keys: list[str]) -> tuple[int, bytes]:
    """Check a signed checkpoint by the first of the keys that has signed it; ReceiptRefused of the last otherwise."""
    for other in verifier_keys[:-1]:
        try:
            return check_note(note, other)
        except ReceiptRefused:
            continue
    return check_note(note, verifier_keys[-1])


def check_proof(leaf_hash: bytes, proof: str, verifier_keys: list[str]) -> int:
    """Check by a C2SP tlog-proof that the leaf is in the log; return the size of the signed tree.

    One of the keys must have signed it.
    """
    return locate(leaf_hash, proof, verifier_keys)[1]


def locate(leaf_hash: bytes, proof: str, verifier_keys: list[str]) -> tuple[int, int, bytes]:
    """Check a proof as `check_proof` does; return the leaf's index, and size and root of the signed tree."""
    head, _, note = proof.partition("\n\n")
    magic, index_line, *encoded = head.split("\n")
    if magic != "c2sp.org/tlog-proof@v1" or not index_line.startswith("index "):
        raise ReceiptRefused("this is no tlog-proof")
    index = int(index_line.removeprefix("index "))
    size, root = check_note_by_any(note, verifier_keys)
    path = [base64.b64decode(node, validate=True) for node in encoded]
    node, last, computed = index, size - 1, leaf_hash
    if not 0 <= index < size:
        raise ReceiptRefused("the leaf is outside the tree")
    for sibling in path:
        if last == 0:
            raise ReceiptRefused("the proof is too long")
        if node & 1 or node == last:
            computed = hashlib.sha256(b"\x01" + sibling + computed).digest()
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            computed = hashlib.sha256(b"\x01" + computed + sibling).digest()
        node, last = node >> 1, last >> 1
    if last or computed != root:
        raise ReceiptRefused("the proof does not lead to the signed root")
    return index, size, root


def epochs_of(logs: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the epochs of the consent log with all their keys, oldest first, the running one without `checkpoint`."""
    log = next(log for log in logs["data"] if log["name"] == "consent")
    running = {"epoch": log.get("epoch", 1), "verifier_key": log["verifier_key"]}
    epochs = []
    for epoch in [*log.get("previous", []), running]:
        origin = epoch["verifier_key"].split("+")[0]
        others = [key["verifier_key"] for key in log.get("keys", []) if key["origin"] == origin]
        epochs.append({**epoch, "origin": origin, "keys": [*others, epoch["verifier_key"]]})
    return epochs


def check_epoch(leaf_hash: bytes, proof: str, epochs: list[dict[str, Any]]) -> str:
    """Check a leaf against the epoch that its checkpoint is of; return a sentence. Raises ReceiptRefused."""
    origin = proof.partition("\n\n")[2].partition("\n")[0]
    epoch = next((row for row in epochs if row["origin"] == origin), None)
    if epoch is None:
        raise ReceiptRefused("the checkpoint is of another log, or of an epoch that the log does not admit to")
    index, size, root = locate(leaf_hash, proof, epoch["keys"])
    stands = f"stands in the signed log of {size} leaves"
    if "checkpoint" not in epoch:
        return stands
    last_size, last_root = check_note_by_any(epoch["checkpoint"], epoch["keys"])
    if size > last_size or (size == last_size and root != last_root):
        raise ReceiptRefused(
            f"epoch {epoch['epoch']} is declared to have ended with {last_size} leaves, and this checkpoint, signed by"
            f" a key of the log too, covers {size} others: the log hides leaves. Show both to the privacy officer"
        )
    if index >= epoch["first_lost"]:
        return f"{stands}, in epoch {epoch['epoch']}; the log has lost it since, and this receipt is its proof"
    return f"{stands}, in epoch {epoch['epoch']}, which ended; it is in the running epoch too"


def verify(
    answer: dict[str, Any],
    jwks: dict[str, Any],
    log_keys: list[str] | None,
    logs: dict[str, Any] | None = None,
) -> list[str]:
    """Return one sentence for each check that passed. Raises ReceiptRefused at the first that fails.

    `log_keys` are verifier keys of the log, one of which must have signed each proof; `logs` is the answer of
    `/v1/public/logs` in their place. Without either, proofs are not checked.
    """
    passed = []
    check_signature(answer["receipt"], answer["jws"], jwks)
    passed.append("the receipt is signed by a key of the JWKS")
    if answer["receipt"]["state"] == "erased":
        # The content of the leaf was erased with the person; only its place in the log can be proven.
        return passed
    check_events(answer)
    passed.append(f"{len(answer['events'])} event(s) are what their leaves commit to")
    if not log_keys and logs is None:
        return passed
    for opening in answer["events"]:
        proof, leaf_hash = opening.get("proof"), base64.b64decode(opening["leaf_hash"])
        if proof is None:
            raise ReceiptRefused("a leaf has no proof yet; ask for the receipt again in a minute")
        if logs is not None:
            stands = check_epoch(leaf_hash, proof, epochs_of(logs))
        else:
            stands = f"stands in the signed log of {check_proof(leaf_hash, proof, log_keys or [])} leaves"
        passed.append(f"the leaf of {opening['event']['kind']} {stands}")
    return passed


def main(arguments: list[str] | None = None) -> int:
    """Verify a receipt from the command line; return 0 if every check passed, else 1."""
    parser = argparse.ArgumentParser(description="Verify a consent receipt offline.")
    parser.add_argument("receipt", type=Path)
    parser.add_argument("--jwks", type=Path, required=True)
    trust = parser.add_mutually_exclusive_group()
    trust.add_argument("--log-key", action="append", help="a verifier key of the consent log; of several, one must fit")
    trust.add_argument("--logs", type=Path, help="the answer of /v1/public/logs, with every key and epoch of the log")
    chosen = parser.parse_args(arguments)
    try:
        logs = None if chosen.logs is None else json.loads(chosen.logs.read_text())
        receipt, jwks = json.loads(chosen.receipt.read_text()), json.loads(chosen.jwks.read_text())
        passed = verify(receipt, jwks, chosen.log_key, logs)
    except ReceiptRefused as refused:
        sys.stderr.write(f"refused: {refused}\n")
        return 1
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, StopIteration) as error:
        sys.stderr.write(f"refused: not a receipt ({type(error).__name__})\n")
        return 1
    sys.stdout.write("\n".join(passed) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
