"""The recipient of a consent: whom a person agreed with, and the instants at which a document became somebody else.

An officer decides about a version of a provider or source with another name, owner or client: only the spelling
changed, or it is another recipient. A consent to the earlier recipient ends when the version comes into force.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from consent.domain.document_kinds import DocumentKind
from consent.domain.purposes import Purpose

COUNTERPART_KIND: Mapping[Purpose, DocumentKind] = MappingProxyType(
    {Purpose.POINTS_COMPUTE: DocumentKind.SOURCES, Purpose.BENEFIT_CHECK: DocumentKind.PROVIDERS}
)
"""The kind of document that the counterpart of a purpose is."""
PURPOSE_OF_KIND: Mapping[DocumentKind, Purpose] = MappingProxyType(
    {kind: purpose for purpose, kind in COUNTERPART_KIND.items()}
)


class Recipient(StrEnum):
    """An officer's decision about a version with another name, owner or client."""

    SPELLING_ONLY = "spelling_only"
    ANOTHER_RECIPIENT = "another_recipient"


@dataclass(frozen=True, slots=True)
class RecipientChanges:
    """The instants at which documents became another recipient, past and scheduled, oldest first."""

    instants: Mapping[tuple[DocumentKind, str], Sequence[datetime]] = field(default_factory=dict)

    def first_after(self, purpose: Purpose, counterpart: str, given_at: datetime) -> datetime | None:
        """Return the first instant after `given_at` at which a counterpart is another recipient, or None."""
        instants = self.instants.get((COUNTERPART_KIND[purpose], counterpart), ())
        return next((instant for instant in instants if instant > given_at), None)


NO_CHANGES = RecipientChanges()


def end_sql(table: str) -> str:
    """The SQL expression of the instant at which a given consent ends by itself, in microseconds.

    The end of its life, or before it the first instant at which its counterpart is another recipient.
    """
    changes = _changes_sql(f"{table}.")
    return (
        f"COALESCE((SELECT min(rc.in_force_from) FROM {changes} AND rc.in_force_from < {table}.expires_at),"
        f" {table}.expires_at)"
    )


def changed_sql(at: str, column: str) -> str:
    """The SQL condition that a consent's counterpart became another recipient since it was given, at or before `at`.

    `column` is the prefix of the consent's columns: empty, or the table's alias with a full stop.
    """
    return f"EXISTS (SELECT 1 FROM {_changes_sql(column)} AND rc.in_force_from <= {at})"


def _changes_sql(column: str) -> str:
    """The relation of changes since a consent was given; the partial index `document_recipient` serves it."""
    # Each WHEN is a whole condition: Citus 13.2 sends `CASE purpose WHEN …` to its workers as `WHEN purpose = …` after
    # `CASE purpose`, which compares a text with a boolean.
    kinds = " ".join(f"WHEN {column}purpose = '{purpose}' THEN '{kind}'" for purpose, kind in COUNTERPART_KIND.items())
    return (
        f"document rc WHERE rc.recipient = '{Recipient.ANOTHER_RECIPIENT}' AND rc.document_id = {column}counterpart"
        f" AND rc.kind = CASE {kinds} END AND rc.in_force_from > {column}given_at"
    )
