"""The two transparency logs and the outbox that feeds them."""

from __future__ import annotations

from consent.database.composite_key import CompositeKeyModel
from consent.database.fields import BigInteger, Bytes, Integer, Micros, Text
from consent.database.table_model import TableModel


class Outbox(TableModel):
    """A leaf that waits for the sequencer; written in the transaction of the event it stands for."""

    leaf_hash = Text(primary_key=True)
    leaf = Text()
    log = Text(db_default="consent")
    put_at = Micros(db_default=0)

    class Meta:
        table = "outbox"


class LogEntry(CompositeKeyModel):
    """A leaf at its position in a log; appended only."""

    KEY = ("log", "position")
    log = Text()
    position = BigInteger()
    leaf_hash = Text()
    leaf = Text()

    class Meta:
        table = "log_entry"
        unique_together = (("log", "leaf_hash"),)


class LogTile(CompositeKeyModel):
    """Up to 256 hashes of 32 bytes of one level of a log's tree (C2SP tlog-tiles)."""

    KEY = ("log", "level", "number")
    log = Text()
    level = Integer()
    number = BigInteger()
    hashes = Bytes()

    class Meta:
        table = "log_tile"


class LogHead(TableModel):
    """A log's size, its latest signed checkpoint, the reason it is frozen (or NULL), and 1 if records are withheld."""

    log = Text(primary_key=True)
    size = BigInteger()
    checkpoint = Text(null=True)
    checked_at = Micros()
    frozen = Text(null=True)
    withheld = Integer(db_default=0)

    class Meta:
        table = "log_head"


class StoredLogEpochStart(CompositeKeyModel):
    """The start of a log's epoch after the first, as announced (JSON); appended only."""

    KEY = ("log", "epoch")
    log = Text()
    epoch = Integer()
    document = Text()

    class Meta:
        table = "log_epoch"


class TombstoneProgress(TableModel):
    """The offset in bytes up to which a file of tombstones was replayed on this database."""

    file_name = Text(primary_key=True)
    applied = BigInteger()

    class Meta:
        table = "tombstone_progress"


class LogFolder(TableModel):
    """The id of the folder with this database's checkpoints and tombstones; one row."""

    singleton = Integer(primary_key=True)
    folder_id = Text()

    class Meta:
        table = "log_folder"
