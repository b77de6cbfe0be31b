"""The two transparency logs."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model


class Outbox(Model):
    """Leaves waiting for one of the transparency logs."""

    leaf_hash = fields.CharField(64, primary_key=True)
    leaf = fields.TextField()
    log = fields.CharField(16)
    put_at = fields.BigIntField()

    class Meta:
        table = "outbox"


class LogEntry(Model):
    """A leaf in its place in a log; appended only."""

    log = fields.CharField(16, primary_key=True)
    position = fields.BigIntField()
    leaf_hash = fields.CharField(64)
    leaf = fields.TextField()

    class Meta:
        table = "log_entry"


class LogTile(Model):
    """Up to 256 hashes of one level of a log's tree (C2SP tlog-tiles)."""

    log = fields.CharField(16, primary_key=True)
    level = fields.IntField()
    number = fields.BigIntField()
    hashes = fields.BinaryField()

    class Meta:
        table = "log_tile"


class LogHead(Model):
    """A log's size, its last signed checkpoint, why it is frozen if it is, and whether records are withheld."""

    log = fields.CharField(16, primary_key=True)
    size = fields.BigIntField()
    checkpoint = fields.TextField(null=True)
    checked_at = fields.BigIntField()
    frozen = fields.TextField(null=True)
    withheld = fields.IntField()

    class Meta:
        table = "log_head"
