"""The tables of the consent package as Tortoise models; imported only inside it.

Migrations create the tables; tests/consent/database/test_migrations.py compares every model with both catalogues.

Write a plain read or write of one table as a QuerySet. It runs in the open transaction (`queries.transaction()`) or
else on a connection of the pool; `using_db` is never needed, and Tortoise's `in_transaction` never used:

    rows = await StoredMessage.filter(person_id=person, at__lt=before).order_by("-at").limit(50).values("kind", "at")
    ended = await StoredConsent.filter(person_id=person, consent_id=consent, state="given").update(state="expired")
    await CatalogueState.filter(singleton=1).update(changes=F("changes") + 1)

- A table with one key column is a `TableModel`, one with several a `CompositeKeyModel`. That one has no `pk`: filter by
  every column of its `KEY`, and use the QuerySet's `update` and `delete`.
- `update` and `delete` return the number of rows; `update(column=None)` writes NULL, `column__isnull=True` finds it.
  Conditions belong into the filter, since `select_for_update` locks nothing on SQLite.
- `bulk_create(…, ignore_conflicts=True)` returns no count; where it decides, use `insert_if_absent()` of the instance.
- `values(…)` costs half of a model instance; `.first().values(…)` is slow (Tortoise 1.1.9), `.limit(1)` is not.
  `values_list(flat=True)` is typed as a list of tuples; read `row["column"]` of `values(…)` instead.
- `column__in=[…]` prepares a statement for each length of the list: above a few dozen values use `queries.any_of`.
- SQL text stays for locks (FOR UPDATE), joins, set-based writes, RETURNING, COPY and hot paths; the module's docstring
  says so in its first lines.

Every table of a person has `person_id` first in its key. Times are microseconds since 1970 in UTC (`Micros`), civil
days `yyyymmdd` (`CivilDay`). A `Sealed` column is ciphertext, under the person's own data key unless it names another.
"""

from __future__ import annotations

from consent.models.links import (
    AccountLink,
    LinkCode,
    LinkedAccount,
    LinkEnding,
    LinkReview,
    RecordKey,
    ReplacedRecord,
    SourceChange,
    StoredCorrection,
    StoredRecord,
    WithdrawalCopy,
)
from consent.models.logs import LogEntry, LogFolder, LogHead, LogTile, Outbox, StoredLogEpochStart, TombstoneProgress
from consent.models.oversight import (
    CatalogueState,
    DocumentStep,
    DraftRefusal,
    ExpiredLeaf,
    OfficerCase,
    OfficerCaseNote,
    Oversight,
    ProviderCase,
    RefusedAttempt,
    StaffSuspension,
    StoredComplaint,
    StoredDocument,
    StoredObjection,
    StoredPackage,
    UseForAll,
)
from consent.models.persons import (
    AppHint,
    ErasedLeaf,
    Erasure,
    Presentation,
    ReindexPosition,
    StoredConsent,
    StoredEvent,
    StoredIndexRotation,
    StoredMessage,
    StoredPerson,
    Subject,
)

__all__ = [
    "AccountLink",
    "AppHint",
    "CatalogueState",
    "DocumentStep",
    "DraftRefusal",
    "ErasedLeaf",
    "Erasure",
    "ExpiredLeaf",
    "LinkCode",
    "LinkEnding",
    "LinkReview",
    "LinkedAccount",
    "LogEntry",
    "LogFolder",
    "LogHead",
    "LogTile",
    "OfficerCase",
    "OfficerCaseNote",
    "Outbox",
    "Oversight",
    "Presentation",
    "ProviderCase",
    "RecordKey",
    "RefusedAttempt",
    "ReindexPosition",
    "ReplacedRecord",
    "SourceChange",
    "StaffSuspension",
    "StoredComplaint",
    "StoredConsent",
    "StoredCorrection",
    "StoredDocument",
    "StoredEvent",
    "StoredIndexRotation",
    "StoredLogEpochStart",
    "StoredMessage",
    "StoredObjection",
    "StoredPackage",
    "StoredPerson",
    "StoredRecord",
    "Subject",
    "TombstoneProgress",
    "UseForAll",
    "WithdrawalCopy",
]
