"""The demonstration city: a data folder with its own keys, a catalogue, and residents with real rides.

All data are written through the functions that the API calls: documents by two administrators and an officer, consents
with their notices, links by their codes, records through the gate. One transaction holds all of it, so that an
interrupted start leaves an empty database.
"""

from __future__ import annotations

import io
from datetime import date, datetime
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # PyYAML was built without libyaml
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

from benefits.catalogue.schema import ID_MEMBER
from benefits.publishing import document_checks
from benefits.scoring import scheme
from consent import persons
from consent.consents import account_links, presentations, register
from consent.consents.presentations import NoticeRequest
from consent.database import queries
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind
from consent.domain.purposes import Purpose
from consent.persons import ActingPerson, Person
from consent.records import intake
from consent.records.intake import BATCH_MAX, DeliveredRecord
from consent.transparency.publication import Publisher
from service.auth import key_files, keyring_file
from service.auth.demo_token_issuer import DemoTokenIssuer, trusted_token_issuers
from service.http.context import AppContext
from service.ingest import file_import, table, text_rows
from service.ingest.mapping import parse_mapping
from service.ingest.report import ImportReport
from service.ingest.row_reader import RowReader
from service.settings import Settings, read_keyring

CITY = resources.files("service.demo") / "city"
DRAFTER, APPROVER, OFFICER = "admin-1", "admin-2", "officer-1"
PUBLISHING_ORDER = (
    DocumentKind.NOTICES,
    DocumentKind.PROVIDERS,
    DocumentKind.VENUES,
    DocumentKind.SOURCES,
    DocumentKind.SERVICES,
    DocumentKind.BENEFITS,
)
"""Kinds in the order of their references: the documents that a document names must be in force before it."""
RIDES_YEAR = 2014
"""Year of the rides in the data file, all of December."""


def settings_of(folder: Path) -> Settings:
    """Return the demonstration's settings; creates the folder, its keys and its log folder on first use."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys, key = folder / "keyring.json", folder / "signing-key.pem"
    if not keys.exists():
        keyring_file.create(keys)
    if not key.exists():
        key_files.create_signing_key(key)
    pass_key = folder / "pass-key.pem"
    if not pass_key.exists():
        key_files.create_signing_key(pass_key)
    log_key, published = folder / "log-key.pem", folder / "published"
    if not log_key.exists():
        key_files.create_log_key(log_key)
    published.mkdir(mode=0o700, exist_ok=True)
    return Settings(
        database_url=f"sqlite://{(folder / 'city.sqlite3').resolve()}",
        keyring=read_keyring(keys),
        token_issuers=trusted_token_issuers(),
        signing_key=key_files.load_signing_key(key),
        publisher=Publisher(key_files.load_log_signer("demo.credit-easy.invalid", log_key), published),
        integrate_seconds=1.0,
        pass_key=key_files.load_signing_key(pass_key),
        demo=True,
    )


def issuer_of(folder: Path) -> DemoTokenIssuer:
    """Return the demonstration issuer of this folder; creates its key on first use."""
    return DemoTokenIssuer.load(folder)


async def seed(app_context: AppContext) -> bool:
    """Write the catalogue, drafts and residents into an empty city; return False if it has a scheme already."""
    at = await app_context.clock()
    if await lifecycle.all_in_force(DocumentKind.SCHEMES, at):
        return False
    async with queries.transaction():
        await publish_catalogue(at)
        for draft in documents("drafts"):
            kind, body = DocumentKind(draft["kind"]), draft["document"]
            await lifecycle.draft(kind, body[ID_MEMBER[kind]], body, DRAFTER, at)
        await _put_residents(app_context, at)
    return True


def documents(name: str) -> list[dict[str, Any]]:
    """Return the entries of a YAML file of the demo city, such as "benefits"; libyaml takes a tenth of the time."""
    entries: list[dict[str, Any]] = yaml.load((CITY / f"{name}.yaml").read_text(encoding="utf-8"), Loader)
    return entries


async def publish_catalogue(at: datetime) -> None:
    """Publish every document of the demo city, in force at `at`, in the caller's transaction."""
    for kind in PUBLISHING_ORDER:
        for body in documents(kind):
            await publish(kind, body[ID_MEMBER[kind]], body, at)
    for body in scheme.shipped():
        # A city announces a scheme before its first year. One that is created later has all of them from the beginning.
        announced = date(body["from_year"] - 1, 12, 31)
        await publish(DocumentKind.SCHEMES, body["version"], body, at, announced)


async def publish(
    kind: DocumentKind, document_id: str, body: dict[str, Any], at: datetime, today: date | None = None
) -> lifecycle.Version:
    """Draft, submit, review and approve a document by three persons; return its version in force.

    The publication rules are checked when it is submitted, with `today` as the current civil day, by default the day of
    `at`. The check before an approval, which the API repeats, is left out.
    """
    check = partial(document_checks.check, at=at, today=today or at.date())
    drafted = await lifecycle.draft(kind, document_id, body, DRAFTER, at)
    submitted, _ = await lifecycle.submit(kind, document_id, drafted.version, DRAFTER, at, check)
    if submitted.state == "in_review":
        await lifecycle.review(kind, document_id, drafted.version, OFFICER, at)
    return await lifecycle.approve(drafted, drafted.sha256, APPROVER, at, at)


async def _put_residents(app_context: AppContext, at: datetime) -> None:
    today = app_context.day_of(at)
    year = today.year - 1
    rides = rides_by_bike(year)
    for resident in documents("residents"):
        person = await persons.get_or_create(app_context.keyring, resident["subject"], at)
        for source_id, account in resident["accounts"].items():
            await _link(app_context, person, source_id, account, at)
        for provider_id in resident.get("providers", []):
            await _consent(app_context, person, Purpose.BENEFIT_CHECK, provider_id, None, at)
        deliveries = {source_id: _deliveries(resident, source_id, year) for source_id in resident["accounts"]}
        if bike := resident["accounts"].get("green-travel"):
            deliveries["green-travel"] += rides.get(bike, [])
        for source_id, rows in deliveries.items():
            await _deliver(app_context, source_id, rows, today, at)


async def _consent(
    app_context: AppContext, person: Person, purpose: Purpose, counterpart: str, account: str | None, at: datetime
) -> register.ConsentForPerson:
    actor = ActingPerson(person, app_context.keyring, at, app_context.day_of(at))
    shown = await presentations.show(actor, NoticeRequest(purpose, counterpart, "zh-CN", account))
    return await register.give(app_context.keyring, person, shown.ticket, at)


async def _link(app_context: AppContext, person: Person, source_id: str, account: str, at: datetime) -> None:
    consent = await _consent(app_context, person, Purpose.POINTS_COMPUTE, source_id, account, at)
    assert consent.link is not None
    await account_links.confirm_link(app_context.keyring, source_id, consent.link.code, account, at)


async def _deliver(
    app_context: AppContext, source_id: str, rows: list[DeliveredRecord], today: date, at: datetime
) -> None:
    source = await lifecycle.in_force(DocumentKind.SOURCES, source_id, at)
    assert source is not None
    for start in range(0, len(rows), BATCH_MAX):
        answers = await intake.deliver(
            app_context.keyring, source_id, frozenset(source.body["kinds"]), rows[start : start + BATCH_MAX], today, at
        )
        refused = [answer for answer in answers if answer.status != "accepted"]
        if refused:
            raise RuntimeError(f"the demo city's own records were refused: {refused[0]}")


def _deliveries(resident: dict[str, Any], source_id: str, year: int) -> list[DeliveredRecord]:
    account = resident["accounts"][source_id]
    return [
        DeliveredRecord(
            f"{account}.{position}",
            account,
            row["kind"],
            row["quantity"],
            f"{year}-{row['day']}",
        )
        for position, row in enumerate(resident.get("records", {}).get(source_id, []), start=1)
    ]


def rides_by_bike(year: int) -> dict[str, list[DeliveredRecord]]:
    """Return the real rides by account, with December 2014 moved to December of `year`."""
    mapping = parse_mapping((CITY / "bike-trips.mapping.yaml").read_text(encoding="utf-8"), "demo").model_copy(
        update={"shift_days": (date(year, 12, 1) - date(RIDES_YEAR, 12, 1)).days}
    )
    by_account: dict[str, list[DeliveredRecord]] = {}
    text = io.StringIO((CITY / "bike-trips.csv").read_text(encoding="utf-8"))
    rows = table.rows_of(text_rows.csv_values(text, mapping), mapping)
    for _, delivery in file_import.deliveries(rows, RowReader(mapping, datetime.date), ImportReport()):
        by_account.setdefault(delivery.account, []).append(delivery)
    return by_account
