"""Types for the rights of the service's database role on a package's tables. SQLite has no roles."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Privilege(StrEnum):
    """A right on a table, by PostgreSQL's name. The service needs no other: no TRUNCATE, TRIGGER or REFERENCES."""

    SELECT = "SELECT"
    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


Privileges = frozenset[Privilege]
PrivilegePlan = Mapping[str, Privileges]
"""Rights by table, for the tables where the service has fewer than READ_WRITE."""

READ_WRITE: Privileges = frozenset(Privilege)
"""The rights on a table that no plan names."""
READ_ONLY: Privileges = frozenset({Privilege.SELECT})
APPEND_ONLY: Privileges = frozenset({Privilege.SELECT, Privilege.INSERT})
UPDATE_ONLY: Privileges = frozenset({Privilege.SELECT, Privilege.UPDATE})
"""A table of a fixed number of rows, which a migration inserted."""
WITHOUT_DELETE: Privileges = READ_WRITE - {Privilege.DELETE}
WITHOUT_UPDATE: Privileges = READ_WRITE - {Privilege.UPDATE}
