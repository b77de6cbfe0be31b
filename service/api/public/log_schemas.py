"""Answer schemas of the transparency logs."""

from __future__ import annotations

from typing import Annotated

from service.api.common_schemas import Document, Instant
from service.http.json_io import ApiModel
from service.http.openapi.named import component

PolicyLeaf = Annotated[
    Document,
    component(
        "PolicyLeaf",
        {
            "type": "object",
            "description": "What the leaf names: a catalogue document, a barred use, a public key or a log epoch.",
            "properties": {
                "v": {"type": "integer", "description": "The version of the leaf's form."},
                "kind": {"type": "string", "description": "The kind of thing that is named."},
                "id": {"type": "string", "description": "Its id."},
                "version": {"type": "integer", "description": "Its version."},
                "sha256": {"type": "string", "description": "The SHA-256 of its canonical JSON."},
                "in_force_from": {"type": "string", "description": "The time from which it holds."},
            },
            "required": ["v", "kind", "id", "version", "sha256", "in_force_from"],
        },
    ),
]


class InclusionProof(ApiModel):
    """The proof that a leaf is at `index` in the tree of `size` leaves (RFC 6962, 2.1.1); hashes in base64."""

    index: int
    """The index of the leaf."""
    size: int
    """The leaves of the tree."""
    hashes: list[str]
    """The hashes of the proof, in base64."""


class ConsistencyProof(ApiModel):
    """The proof that the tree of `size` leaves extends the older one (RFC 6962, 2.1.2); hashes in base64."""

    size: int
    """The leaves of the newer tree."""
    hashes: list[str]
    """The hashes of the proof, in base64."""


class PolicyEntry(ApiModel):
    """A leaf of the policy log."""

    index: int
    """The index of the leaf."""
    leaf: PolicyLeaf


class PolicyEntries(ApiModel):
    """Leaves of the policy log in order; `size` counts the published ones."""

    data: list[PolicyEntry]
    """The leaves in order."""
    size: int
    """The published leaves."""


class EndedLogEpoch(ApiModel):
    """An epoch of a log that ended because published leaves were lost for good.

    The leaves before position `first_lost` are in the running epoch at the same positions; the others are lost.
    """

    epoch: int
    """The number of the epoch, from 1 on."""
    verifier_key: str
    """The C2SP verifier key that has signed its last checkpoint."""
    checkpoint: str
    """Its last signed checkpoint."""
    size: int
    """The leaves of that checkpoint."""
    first_lost: int
    """The position of the first leaf that is lost."""
    next_checkpoint: str
    """The first signed checkpoint of the next epoch."""
    ended_at: Instant
    """The time at which the next epoch began."""
    reason: str
    """The operator's reason."""
    announcement: str
    """The SHA-256 of the whole announcement, which the policy log has."""


class PublishedLogKey(ApiModel):
    """A key that was ever published for a log; what it has signed verifies for ever."""

    origin: str
    """The origin of the checkpoints, one for each epoch of the log."""
    key_id: str
    """The id that stands before each signature, 8 hex digits."""
    verifier_key: str
    """The C2SP verifier key."""
    valid_from: Instant
    """The time from which the key may sign."""
    valid_until: Instant | None
    """The time from which it does not sign any more; null for a key that signs or will sign."""


class LogKey(ApiModel):
    """A log, its running epoch, its verifier keys, and its ended epochs."""

    name: str
    """The name of the log."""
    verifier_key: str
    """The C2SP verifier key of the running epoch's checkpoints."""
    epoch: int
    """The number of the running epoch, from 1 on."""
    keys: list[PublishedLogKey]
    """Every key of the log by epoch, the next and the replaced ones too."""
    previous: list[EndedLogEpoch]
    """The ended epochs, oldest first."""


class LogKeys(ApiModel):
    """Both logs with their keys."""

    data: list[LogKey]
    """The logs."""


class LogCheck(ApiModel):
    """The check of a log's last checkpoint.

    `signed`: the signature is valid under the log's key. `continued`: the current tree begins with exactly the signed
    leaves. `growing`: the log accepts new leaves. `sound`: all three. This service makes the check itself: to verify
    independently, store a checkpoint and request a consistency proof.
    """

    name: str
    """The name of the log."""
    checked_at: Instant
    """The time of the check."""
    size: int
    """The leaves of the signed tree."""
    signed: bool
    """True where the signature is valid under the log's key."""
    continued: bool
    """True where the current tree begins with exactly the signed leaves."""
    growing: bool
    """True where the log accepts new leaves."""
    sound: bool
    """True where all three are."""
