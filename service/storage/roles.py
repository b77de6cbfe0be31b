"""The service's own PostgreSQL role: `migrate` grants it the least that serving needs, `doctor` reports more or less.

SQL text, because it is DDL and PostgreSQL's catalogue. The owner of the tables is another role; only `migrate` uses it.
"""

from __future__ import annotations

import re
from collections import defaultdict

from consent import table_privileges
from consent.database import queries
from consent.database.privileges import READ_WRITE, Privilege, Privileges

ROLE_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
"""Names of roles that need no quotes in SQL."""
NAMED_MAX = 5
"""Tables that one line of `doctor` names."""

TABLES = """
SELECT c.relname AS name, COALESCE(root.relname, c.relname) AS whole
FROM pg_class c LEFT JOIN pg_class root ON root.oid = pg_partition_root(c.oid)
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') ORDER BY c.relname
"""
"""Every table and partition of the schema; `whole` is the table that a partition belongs to."""

POWERS = """
SELECT r.rolsuper AS superuser, r.rolcreaterole AS creates_roles, r.rolbypassrls AS bypasses,
  r.rolreplication AS replicates, has_schema_privilege(current_schema(), 'CREATE') AS creates_tables,
  {triggers} AS disables_triggers
FROM pg_roles r WHERE r.rolname = current_user
"""
"""Powers of the connected role by which it could change what is append-only."""

MAY_DISABLE_TRIGGERS = "has_parameter_privilege('session_replication_role', 'SET')"
"""Since PostgreSQL 15 the right to set it can be granted; before, superusers alone have it."""

OWNED = """
SELECT c.relname AS name, pg_get_userbyid(c.relowner) AS owner FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
  AND pg_has_role(current_user, c.relowner, 'MEMBER') ORDER BY c.relname
"""
"""Tables whose owner the connected role is, or may become."""

RIGHTS = """
SELECT c.relname AS name, p.right_name AS right
FROM pg_class c CROSS JOIN unnest($1::text[]) AS p(right_name)
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
  AND has_table_privilege(c.oid, p.right_name)
"""
NEVER_GRANTED = ("TRUNCATE", "TRIGGER", "REFERENCES")
"""Rights that the service needs on no table. With TRIGGER it could add one that changes what others insert."""

SENTENCES = {
    "superuser": "it is a superuser",
    "creates_roles": "it may create roles",
    "bypasses": "it bypasses row security",
    "replicates": "it may replicate",
    "creates_tables": "it may create tables in the schema",
    "disables_triggers": "it may set session_replication_role, which disables triggers",
}


class RoleUnfit(ValueError):
    """The role cannot be the service's own; the message says why."""


def privileges_of(table: str) -> Privileges:
    """Return the service's rights on a table. For a partition, pass the name of the table that it belongs to."""
    return table_privileges.PLAN.get(table, READ_WRITE)


async def grant_to_service(role: str) -> None:
    """Grant the role its rights on every table and partition, and revoke every other right on tables.

    Runs in the caller's transaction, as the owner of the tables. Nothing happens on SQLite.

    Raises:
        RoleUnfit: no such role, a superuser, or a role that is or may become the owner.
    """
    if queries.is_sqlite():
        return
    await _require_fit(role)
    schema = (await queries.fetch_all("SELECT quote_ident(current_schema()) AS name"))[0]["name"]
    tables: dict[Privileges, list[str]] = defaultdict(list)
    for row in await queries.fetch_all(TABLES):
        tables[privileges_of(row["whole"])].append(f"{schema}.{row['name']}")
    await queries.execute_script(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}")
    await queries.execute_script(f"REVOKE CREATE ON SCHEMA {schema} FROM {role}")
    await queries.execute_script(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
    for rights, names in tables.items():
        await queries.execute_script(f"GRANT {', '.join(sorted(rights))} ON {', '.join(names)} TO {role}")


async def role_faults() -> list[str]:
    """Return what makes the connected role unfit to serve, as sentences; nothing on SQLite.

    Faults are powers by which a service that was taken over could change the past, and rights that serving lacks.
    """
    if queries.is_sqlite():
        return []
    (known,) = await queries.fetch_all(
        "SELECT to_regprocedure('has_parameter_privilege(text, text)') IS NOT NULL AS there"
    )
    (powers,) = await queries.fetch_all(
        POWERS.format(triggers=MAY_DISABLE_TRIGGERS if known["there"] else "r.rolsuper")
    )
    faults = [sentence for power, sentence in SENTENCES.items() if powers[power]]
    if powers["superuser"]:
        return faults  # it owns everything and has every right
    if owned := await queries.fetch_all(OWNED):
        owners = ", ".join(sorted({row["owner"] for row in owned}))
        faults.append(f"it is or may become the owner ({owners}) of {_first_tables([row['name'] for row in owned])}")
    return [*faults, *(await _faults_of_rights())]


async def _faults_of_rights() -> list[str]:
    names = [*Privilege, *NEVER_GRANTED]
    there = {(row["name"], row["right"]) for row in await queries.fetch_all(RIGHTS, names)}
    lacks, exceeds = defaultdict(list), defaultdict(list)
    for row in await queries.fetch_all(TABLES):
        needed = privileges_of(row["whole"])
        for right in names:
            if right in needed and (row["name"], right) not in there:
                lacks[right].append(row["name"])
            elif right not in needed and (row["name"], right) in there:
                exceeds[right].append(row["name"])
    return [
        *(f"it lacks {right} on {_first_tables(tables)}" for right, tables in lacks.items()),
        *(f"it has {right} on {_first_tables(tables)}" for right, tables in exceeds.items()),
    ]


async def _require_fit(role: str) -> None:
    if not ROLE_NAME.fullmatch(role):
        raise RoleUnfit("the service's role has a name of lower-case letters, digits and _")
    row = await queries.fetch_one(
        "SELECT rolsuper AS superuser, rolname = current_user AS connected, EXISTS (SELECT 1 FROM pg_class c"
        " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')"
        " AND pg_has_role(r.oid, c.relowner, 'MEMBER')) AS owns FROM pg_roles r WHERE rolname = $1",
        role,
    )
    if row is None:
        raise RoleUnfit(f"there is no role {role}; database/roles.sql of `credit-easy init` makes both roles")
    if row["superuser"] or row["connected"] or row["owns"]:
        raise RoleUnfit(
            f"{role} is a superuser, the connected role or the owner of tables; the service needs a role of its own"
        )


def _first_tables(tables: list[str]) -> str:
    named = ", ".join(tables[:NAMED_MAX])
    return named if len(tables) <= NAMED_MAX else f"{named} and {len(tables) - NAMED_MAX} more tables"
