"""The service's role on PostgreSQL: exactly the rights that serving needs, and no power over what is append-only."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

import pytest
from tortoise.exceptions import OperationalError

from consent import table_privileges
from consent.database import migrate, queries
from consent.database.privileges import APPEND_ONLY, Privilege
from service.storage import database, roles
from service.storage.roles import RoleUnfit
from tests.support import servers

pytestmark = pytest.mark.anyio

PARTITIONS = 2
ROLE = "points_service"


@pytest.fixture
def role(postgres: servers.Postgres) -> Iterator[str]:
    """A role without any right, and another that owns the tables."""
    for name in (ROLE, f"{ROLE}_owner"):
        postgres.psql(f"CREATE ROLE {name} LOGIN")
    yield ROLE
    for name in (ROLE, f"{ROLE}_owner"):
        postgres.psql(f"DROP ROLE {name}")


@pytest.fixture
def url(postgres: servers.Postgres, role: str) -> Iterator[str]:
    """An empty database, whose owner may create tables in it."""
    created = postgres.create()
    name = servers.name_of(created)
    postgres.psql(f"ALTER DATABASE {name} OWNER TO {role}_owner")
    postgres.psql(
        f"\\connect {name}\nALTER SCHEMA public OWNER TO {role}_owner; REVOKE ALL ON SCHEMA public FROM PUBLIC"
    )
    yield postgres.url(name, f"{role}_owner")
    postgres.drop(created)


@pytest.fixture
async def owned(url: str, role: str) -> AsyncIterator[str]:
    """A database that the owner has migrated and is connected to; yields the URL for the service's role."""
    await database.open_database(url)
    await database.migrate_all(service_role=role)
    yield url.replace(f"{role}_owner:", f"{role}:")
    await database.close_database()


async def connect(url: str) -> None:
    await database.close_database()
    await database.open_database(url)


async def change(statement: str, url: str) -> None:
    """Run a statement as the owner, and connect as the service again."""
    await connect(url.replace(f"{ROLE}:", f"{ROLE}_owner:"))
    await queries.execute_script(statement)
    await connect(url)


async def test_migrate_leaves_a_role_that_is_fit_to_serve(owned: str) -> None:
    await connect(owned)
    assert await roles.role_faults() == []
    assert await database.missing_migrations() == []


async def test_partitions_have_the_rights_of_their_table(owned: str, role: str) -> None:
    await database.partition_tables(PARTITIONS, role)
    await connect(owned)
    assert await roles.role_faults() == []
    with pytest.raises(OperationalError, match="permission denied"):
        await queries.execute("UPDATE event_p0 SET at = 0")


CHANGES_OF_THE_PAST = (
    *(f"{verb} {table}" for table in ("event", "log_entry", "document_step") for verb in ("TRUNCATE", "DROP TABLE")),
    "UPDATE event SET at = 0",
    "UPDATE log_entry SET leaf = ''",
    "DELETE FROM log_entry",
    "ALTER TABLE event DISABLE TRIGGER ALL",
    "DROP TRIGGER event_append_only ON event",
    "CREATE TRIGGER mine BEFORE INSERT ON event EXECUTE FUNCTION refuse_change()",
    "SET session_replication_role = replica",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$",
    "CREATE TABLE mine (one BIGINT)",
    "UPDATE schema_migration SET sha256 = ''",
    "DELETE FROM document",
    "DELETE FROM log_head",
    "INSERT INTO expired_leaf (leaf_hash, kind, day) VALUES ('', '', 0)",
)


async def test_the_service_cannot_change_the_past(owned: str) -> None:
    await connect(owned)
    for statement in CHANGES_OF_THE_PAST:
        with pytest.raises(OperationalError, match=r"permission denied|must be owner"):
            await queries.execute_script(statement)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (f"GRANT UPDATE ON event TO {ROLE}", "it has UPDATE on event"),
        (f"GRANT TRUNCATE ON log_entry TO {ROLE}", "it has TRUNCATE on log_entry"),
        (f"GRANT TRIGGER ON ALL TABLES IN SCHEMA public TO {ROLE}", "it has TRIGGER on account_link, "),
        (f"REVOKE SELECT ON ticket FROM {ROLE}", "it lacks SELECT on ticket"),
        (f"REVOKE ALL ON outbox FROM {ROLE}", "it lacks DELETE on outbox"),
        (f"GRANT CREATE ON SCHEMA public TO {ROLE}", "it may create tables in the schema"),
        ("CREATE TABLE later (one BIGINT)", "it lacks SELECT on later"),
    ],
)
async def test_doctor_names_what_is_too_much_or_too_little(owned: str, statement: str, fault: str) -> None:
    await change(statement, owned)
    assert [line for line in await roles.role_faults() if line.startswith(fault)]
    await connect(owned.replace(f"{ROLE}:", f"{ROLE}_owner:"))
    await database.migrate_all(service_role=ROLE)
    await connect(owned)
    assert await roles.role_faults() == []


async def test_doctor_refuses_an_owner_and_a_superuser(owned: str, postgres: servers.Postgres, role: str) -> None:
    faults = await roles.role_faults()
    assert [line for line in faults if f"the owner ({role}_owner) of account_link" in line]
    await connect(postgres.url(servers.name_of(owned)))
    assert "it is a superuser" in await roles.role_faults()


async def test_doctor_refuses_a_role_that_may_disable_triggers(
    owned: str, postgres: servers.Postgres, role: str
) -> None:
    postgres.psql(f"GRANT SET ON PARAMETER session_replication_role TO {role}")
    try:
        await connect(owned)
        assert [line for line in await roles.role_faults() if "session_replication_role" in line]
    finally:
        postgres.psql(f"REVOKE SET ON PARAMETER session_replication_role FROM {role}")


async def test_doctor_refuses_a_member_of_the_owner(owned: str, postgres: servers.Postgres, role: str) -> None:
    postgres.psql(f"GRANT {role}_owner TO {role}")
    await connect(owned)
    assert [line for line in await roles.role_faults() if f"may become the owner ({role}_owner)" in line]


@pytest.mark.parametrize("name", ["nobody_there", f"{ROLE}_owner", "postgres", "x; DROP TABLE event"])
async def test_a_role_that_cannot_be_the_services_is_refused(owned: str, name: str) -> None:
    with pytest.raises(RoleUnfit):
        await database.migrate_all(service_role=name)


async def test_sqlite_has_no_roles(tmp_path: object) -> None:
    await database.open_database(f"sqlite://{tmp_path}/city.sqlite3")
    try:
        await database.migrate_all(service_role="anybody")
        assert await roles.role_faults() == []
    finally:
        await database.close_database()


def test_every_table_whose_changes_a_trigger_refuses_is_append_only_for_the_service() -> None:
    scripts = [script for package in database.PACKAGES for _, script in migrate.files(package, "postgres")]
    guarded = {
        table
        for script in scripts
        for table in re.findall(r"BEFORE UPDATE OR DELETE OR TRUNCATE ON (\w+) EXECUTE FUNCTION refuse_change", script)
    }
    append_only = {table for table, rights in table_privileges.PLAN.items() if rights == APPEND_ONLY}
    assert guarded - {"event"} == append_only
    assert Privilege.UPDATE not in table_privileges.PLAN["event"]
    created = {table for script in scripts for table in re.findall(r"CREATE TABLE (\w+)", script)}
    assert set(table_privileges.PLAN) <= created | {"schema_migration"}
