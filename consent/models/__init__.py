"""The consent room's tables. Imported only inside this room; the migrations create them, a drift test compares both.

Every per-person table has the person's id first in its key. Times are microseconds since 1970, civil days `yyyymmdd`.
A `Sealed` field holds ciphertext, under the person's own data key unless it says otherwise.
"""

from __future__ import annotations

from consent.models.links import (
    AccountLink,
    Correction,
    LinkCode,
    LinkedAccount,
    LinkEnding,
    LinkReview,
    RecordKey,
    StoredRecord,
)
from consent.models.logs import LogEntry, LogHead, LogTile, Outbox
from consent.models.oversight import (
    CatalogueState,
    Document,
    DocumentStep,
    ExpiredLeaf,
    Objection,
    OfficerCase,
    Oversight,
    RefusedAttempt,
    StaffSuspension,
    UseForAll,
)
from consent.models.persons import Consent, ErasedLeaf, Erasure, Event, Message, Person, Presentation, Subject

__all__ = [
    "AccountLink",
    "CatalogueState",
    "Consent",
    "Correction",
    "Document",
    "DocumentStep",
    "ErasedLeaf",
    "Erasure",
    "Event",
    "ExpiredLeaf",
    "LinkCode",
    "LinkEnding",
    "LinkReview",
    "LinkedAccount",
    "LogEntry",
    "LogHead",
    "LogTile",
    "Message",
    "Objection",
    "OfficerCase",
    "Outbox",
    "Oversight",
    "Person",
    "Presentation",
    "RecordKey",
    "RefusedAttempt",
    "StaffSuspension",
    "StoredRecord",
    "Subject",
    "UseForAll",
]
