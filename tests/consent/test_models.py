"""QuerySets on the real tables of both engines: composite keys, NULLs, bytes, sealed columns, transactions."""

from __future__ import annotations

import pytest
from tortoise.exceptions import IntegrityError, MultipleObjectsReturned
from tortoise.expressions import F, Q

from consent.database import queries
from consent.database.composite_key import CompositeKeyError, CompositeKeyModel, key_columns
from consent.models import (
    CatalogueState,
    DocumentStep,
    LogEntry,
    LogTile,
    Outbox,
    Oversight,
    Presentation,
    StoredConsent,
    StoredMessage,
    StoredPerson,
)
from service.storage import database

pytestmark = pytest.mark.anyio


async def add_entries(*positions: int) -> None:
    await LogEntry.bulk_create(
        [LogEntry(log="consent", position=position, leaf_hash=f"h{position}", leaf="{}") for position in positions]
    )


def consent(person_id: str, consent_id: str, **columns: object) -> StoredConsent:
    usual: dict[str, object] = {
        "person_id": person_id, "consent_id": consent_id, "purpose": "points.compute", "counterpart": "s",
        "notice_id": "n", "notice_version": 1, "notice_sha256": "h", "state": "given", "given_at": 1, "expires_at": 2,
    }  # fmt: skip
    return StoredConsent(**{**usual, **columns})


async def test_a_composite_key_is_never_taken_for_its_first_column(opened: str) -> None:
    await add_entries(0, 1)
    message = r"log_entry has the composite key \(log, position\): filter by both"
    for refused in (
        lambda: LogEntry.get(pk="consent"),
        lambda: LogEntry.get_or_none(pk="consent"),
        lambda: LogEntry.filter(pk__in=["consent"]),
        lambda: LogEntry.exclude(pk="consent"),
        lambda: LogEntry.filter(Q(log="consent") & ~Q(Q(pk="consent"), position=1)),
        lambda: LogEntry.all().distinct().count(),
        lambda: LogEntry.bulk_update([], ["leaf"]),
    ):
        with pytest.raises(CompositeKeyError, match=message):
            refused()
    entry = await LogEntry.get(log="consent", position=1)
    for call in (entry.save(), entry.delete(), entry.refresh_from_db(), LogEntry.in_bulk(["consent"])):
        with pytest.raises(CompositeKeyError, match=message):
            await call
    with pytest.raises(CompositeKeyError, match="filter by all 4"):
        DocumentStep.get(pk="notices")
    assert await LogEntry.all().count() == 2


async def test_a_row_is_reached_by_all_columns_of_its_key(opened: str) -> None:
    await add_entries(0, 1, 2)
    entry = await LogEntry.get(log="consent", position=1)
    assert (entry.pk, entry.leaf_hash) == (("consent", 1), "h1")
    assert entry == await LogEntry.get(log="consent", leaf_hash="h1")
    assert len({entry, await LogEntry.get(log="consent", position=2)}) == 2
    assert await LogEntry.get_or_none(log="policy", position=1) is None
    with pytest.raises(MultipleObjectsReturned):
        await LogEntry.get(log="consent")
    rows = await LogEntry.filter(log="consent", position__gt=0).order_by("-position").values("position")
    assert rows == [{"position": 2}, {"position": 1}]
    assert key_columns(LogEntry) == ("log", "position")
    assert key_columns(StoredPerson) == ("person_id",)


async def test_a_key_that_is_taken_is_refused_and_may_be_ignored(opened: str) -> None:
    await add_entries(0)
    with pytest.raises(IntegrityError):
        await LogEntry.create(log="consent", position=0, leaf_hash="other", leaf="{}")
    await LogEntry.bulk_create(
        [LogEntry(log="consent", position=0, leaf_hash="other", leaf="{}")], ignore_conflicts=True
    )
    assert await LogEntry.all().values("position", "leaf_hash") == [{"position": 0, "leaf_hash": "h0"}]
    with pytest.raises(IntegrityError, match="is PK"):
        await StoredConsent.filter(person_id="p", consent_id="c").update(consent_id="d")


async def test_a_row_that_is_there_is_not_inserted_again(opened: str) -> None:
    assert await consent("p", "a").insert_if_absent()
    assert not await consent("p", "a", purpose="benefit.check").insert_if_absent()
    assert not await consent("p", "b").insert_if_absent()
    (row,) = await StoredConsent.all()
    assert (row.consent_id, row.purpose, row.counterpart_version) == ("a", "points.compute", 1)
    access = {"access_id": "a", "at": 1, "staff_id": "s", "what": "w", "leaf_hash": "l", "salt": "t"}
    assert [await Oversight(**access).insert_if_absent() for _ in range(2)] == [True, False]


async def test_updates_and_deletions_count_rows_and_know_null(opened: str) -> None:
    await StoredConsent.bulk_create(
        [consent("p", "a"), consent("p", "b", state="expired", ended_at=5), consent("q", "a")]
    )
    assert await StoredConsent.filter(person_id="p", ended_at__isnull=True).values("consent_id") == [
        {"consent_id": "a"}
    ]
    assert await StoredConsent.filter(person_id="p", state="given").update(state="expired", ended_at=7) == 1
    assert await StoredConsent.filter(person_id="p", state="given").update(state="expired") == 0
    assert (
        await StoredConsent.filter(Q(ended_at__lt=6) | Q(ended_at__isnull=True)).update(ended_at=F("expires_at") + 10)
        == 2
    )
    rows = (
        await StoredConsent.all().order_by("person_id", "consent_id").values("consent_id", "ended_at", "reminded_days")
    )
    assert rows == [
        {"consent_id": "a", "ended_at": 7, "reminded_days": None},
        {"consent_id": "b", "ended_at": 12, "reminded_days": None},
        {"consent_id": "a", "ended_at": 12, "reminded_days": None},
    ]
    assert await StoredConsent.filter(person_id="q").update(reminded_days=30, ended_at=None) == 1
    assert await StoredConsent.filter(reminded_days=30, ended_at=None).exists()
    assert await StoredConsent.filter(person_id="p").delete() == 2
    assert await StoredConsent.filter(person_id="p").delete() == 0
    assert (await StoredConsent.get(person_id="q", consent_id="a")).counterpart_version == 1


async def test_bytes_come_back_as_bytes_and_can_be_compared(opened: str) -> None:
    await LogTile.create(log="consent", level=0, number=0, hashes=b"\x00\xff" * 16)
    assert (await LogTile.get(log="consent", level=0, number=0)).hashes == b"\x00\xff" * 16
    assert await LogTile.filter(hashes=b"\x00\xff" * 16).update(hashes=b"\x01") == 1
    assert await LogTile.filter(hashes=b"\x00\xff" * 16).update(hashes=b"\x02") == 0
    await StoredMessage.create(person_id="p", message_id="m", kind="k", at=1, sealed=b"\x00sealed")
    assert await StoredMessage.filter(person_id="p").values("sealed") == [{"sealed": b"\x00sealed"}]
    await Presentation.create(
        person_id="p", presentation_id="x", purpose="q", counterpart="c", notice_id="n", notice_version=1,
        notice_sha256="h", body_sha256="h", language="en", shown_at=1, expires_at=2,
    )  # fmt: skip
    shown = await Presentation.get(person_id="p", presentation_id="x")
    assert shown.sealed_account is None
    assert shown.answered_at is None
    assert shown.counterpart_version == 1


async def test_text_has_no_invented_length_and_defaults_are_the_databases(opened: str) -> None:
    what = "w" * 300
    await Oversight.create(access_id="o", at=1, staff_id="s" * 100, what=what, leaf_hash="h", salt="s")
    assert (await Oversight.get(pk="o")).what == what
    await Outbox.create(leaf_hash="l", leaf="{}")
    outbox = await Outbox.get(pk="l")
    assert (outbox.log, outbox.put_at) == ("consent", 0)
    outbox.put_at = 2**40
    await outbox.save()
    await outbox.refresh_from_db()
    assert (await Outbox.in_bulk(["l"]))["l"].put_at == 2**40
    assert await CatalogueState.filter(pk=1).update(changes=F("changes") + 1) == 1


async def test_querysets_join_the_running_transaction(opened: str) -> None:
    async def add_and_fail() -> None:
        async with queries.transaction():
            await add_entries(0)
            await queries.execute("INSERT INTO log_entry VALUES ('consent', 1, 'h1', '{}')")
            assert await LogEntry.filter(log="consent").count() == 2
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await add_and_fail()
    assert await LogEntry.all().count() == 0
    async with queries.transaction():
        await add_entries(0)
        assert len(await queries.fetch_all("SELECT * FROM log_entry")) == 1
    assert await LogEntry.all().count() == 1


@pytest.mark.slow
async def test_both_engines_may_follow_each_other_in_one_process(
    tmp_path: object, request: pytest.FixtureRequest
) -> None:
    """A statement prepared for one engine is not sent to the other, though both use one connection name."""
    server = request.getfixturevalue("postgres")
    url = server.create()
    for address in (f"sqlite://{tmp_path}/a.sqlite3", url, f"sqlite://{tmp_path}/b.sqlite3"):
        await database.open_database(address)
        try:
            await database.migrate_all()
            await add_entries(0)
            await LogEntry.create(log="consent", position=1, leaf_hash="h1", leaf="{}")
            await Outbox.create(leaf_hash="l", leaf="{}")
            assert await LogEntry.filter(log="consent", position__gte=0).count() == 2
        finally:
            await database.close_database()
    server.drop(url)


def test_every_key_names_fields_of_its_model() -> None:
    for model in CompositeKeyModel.__subclasses__():
        assert set(model.KEY) <= model._meta.fields_map.keys()
        assert len(model.KEY) > 1
