"""Mapped classes of the tables that the two routes read and write. Times are microseconds, days are `yyyymmdd`."""

from __future__ import annotations

from sqlalchemy import BigInteger, LargeBinary
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Declarative base."""

    type_annotation_map = {int: BigInteger, bytes: LargeBinary}  # noqa: RUF012


class Subject(Base):
    """The blind index of a token's subject."""

    __tablename__ = "subject"

    subject_index: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str]


class Person(Base):
    """A resident, their fencing epoch and the end of their chain of events."""

    __tablename__ = "person"

    person_id: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[int]
    events: Mapped[int]
    last_leaf: Mapped[str]
    wrapped_key: Mapped[bytes]
    sealed_subject: Mapped[bytes]
    created_at: Mapped[int]


class Consent(Base):
    """A consent of a person for a purpose and a counterpart."""

    __tablename__ = "consent"

    person_id: Mapped[str] = mapped_column(primary_key=True)
    consent_id: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    counterpart: Mapped[str]
    state: Mapped[str]
    given_at: Mapped[int]
    expires_at: Mapped[int]


class Event(Base):
    """An event of a person's chain, sealed."""

    __tablename__ = "event"

    person_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    leaf_hash: Mapped[str]
    kind: Mapped[str]
    at: Mapped[int]
    sealed: Mapped[bytes]


class OutboxLeaf(Base):
    """A leaf that waits for the transparency log's sequencer."""

    __tablename__ = "outbox"

    leaf_hash: Mapped[str] = mapped_column(primary_key=True)
    leaf: Mapped[str]
    log: Mapped[str]
    put_at: Mapped[int]


class LogHead(Base):
    """The state of a log; nothing may be used while `withheld` is 1."""

    __tablename__ = "log_head"

    log: Mapped[str] = mapped_column(primary_key=True)
    withheld: Mapped[int]


class CatalogueState(Base):
    """The number of changes of the catalogue, a table of a single row."""

    __tablename__ = "catalogue_state"

    row: Mapped[int] = mapped_column("one", primary_key=True)
    changes: Mapped[int]


class Document(Base):
    """A version of a catalogue document."""

    __tablename__ = "document"

    kind: Mapped[str] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str]
    body: Mapped[str]
    in_force_from: Mapped[int | None]
    ended_at: Mapped[int | None]


class Snapshot(Base):
    """A person's stored balance, computed under an epoch."""

    __tablename__ = "snapshot"

    person_id: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[int]
    scheme_version: Mapped[str]
    timeline_sha256: Mapped[str]
    total: Mapped[int]
    dimensions: Mapped[str]
    as_of: Mapped[int]
    valid_until: Mapped[int | None]
    covered_until: Mapped[int | None]
    covered_from: Mapped[int | None]


class Ticket(Base):
    """A one-time ticket."""

    __tablename__ = "ticket"

    handle_index: Mapped[str] = mapped_column(primary_key=True)
    ticket_id: Mapped[str]
    person_id: Mapped[str | None]
    benefit_id: Mapped[str]
    venue_id: Mapped[str]
    expires_at: Mapped[int]
    redemption_id: Mapped[str | None]
    counters: Mapped[str]


class Redemption(Base):
    """A redeemed benefit, without a person."""

    __tablename__ = "redemption"

    redemption_id: Mapped[str] = mapped_column(primary_key=True)
    handle_index: Mapped[str]
    venue_id: Mapped[str]
    benefit_id: Mapped[str]
    benefit_version: Mapped[int]
    day: Mapped[int]
    hour: Mapped[int]
    state: Mapped[str]
    runs_until: Mapped[int | None]


class QuotaUse(Base):
    """A quota counter of a period."""

    __tablename__ = "quota_use"

    quota_key: Mapped[str] = mapped_column(primary_key=True)
    taken: Mapped[int]
    ends_on: Mapped[int]


class StoredAnswer(Base):
    """The answer to a request with an Idempotency-Key, sealed."""

    __tablename__ = "stored_answer"

    scope: Mapped[str] = mapped_column(primary_key=True)
    caller_index: Mapped[str]
    fingerprint: Mapped[str]
    status: Mapped[int]
    sealed_body: Mapped[bytes]
    created_at: Mapped[int]
