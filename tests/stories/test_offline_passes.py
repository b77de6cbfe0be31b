"""T3 to T7: passes that are issued by the city and verified by a venue without it."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from benefits.passes import claims, jose, sd_jwt, verifier
from benefits.passes.refusals import PassFault, PassRefused
from benefits.redemption.offline_passes import issuance, status_list_steps, status_lists
from consent.database import queries
from service.auth import key_files
from service.compliance import key_rotation, public_keys
from service.compliance.key_rotation import RotationStep
from service.jobs import background
from tests.factories import administrator
from tests.support import docs_blocks, means, offline
from tests.support.city import City
from tests.support.means import LIBRARY, PARKING
from tests.support.offline import NONCE, URL, DevicePass
from tests.support.passes import new_key

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]


async def verify(town: City, shown: DevicePass, where: tuple[str, str] = LIBRARY) -> verifier.VerifiedPass:
    """Verify a pass at its venue, with keys and lists that are fetched now."""
    at = await offline.seconds(town)
    trust = await offline.trust(town, shown, where=where)
    return verifier.verify(shown.signed + shown.key_binding(at), NONCE, trust, at)


async def refused(town: City, shown: DevicePass, where: tuple[str, str] = LIBRARY) -> PassFault:
    with pytest.raises(PassRefused) as error:
        await verify(town, shown, where)
    return error.value.fault


async def test_t3_a_pass_is_for_one_venue(town: City) -> None:
    shown = (await offline.take_passes(await means.reader(town)))[0]
    assert (await verify(town, shown)).claims.benefit_type == f"{URL}/vct/library-deposit/1"
    assert await refused(town, shown, PARKING) is PassFault.OTHER_VENUE


async def test_a_pass_names_nobody_and_has_no_points(town: City) -> None:
    who = await means.reader(town)
    shown = (await offline.take_passes(who))[0]
    members = shown.claims.members()
    assert members.keys() == {"iss", "vct", "aud", "iat", "exp", "cnf", "status"}
    assert members["exp"] - members["iat"] == 24 * 3600
    assert members["iat"] % 3600 == 0
    for trace in ("wang", "v-wang", "63", "resident"):
        assert trace not in json.dumps({**members, "cnf": "", "status": "", "iat": "", "exp": ""})


async def test_the_activity_shows_that_passes_were_taken(town: City) -> None:
    who = await means.reader(town)
    await offline.take_passes(who)
    rows = (await who.get("/v1/me/access-log")).json()["data"]
    taken = next(row for row in rows if row["outcome"] == "issued")
    assert (taken["organisation"], taken["what"]) == ("city-library", "library-deposit")
    assert taken["text"].startswith("您领取了“市图书馆”")


def values(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every value of a pass with the name of its member."""
    if isinstance(value, dict):
        for member, inner in value.items():
            yield from values(inner, member)
    else:
        yield name, str(value)


def all_values(signed: str) -> Iterator[tuple[str, str]]:
    head, payload, signature = signed.removesuffix("~").split(".")
    for part in (head, payload):
        yield from values(jose.read_json(jose.decode(part)))
    yield "signature", signature


REPEATED = {"alg", "typ", "kid", "iss", "vct", "aud", "iat", "exp", "kty", "crv", "uri"}
"""Members whose values are the same for everybody at a venue: issuer and its key, type, venue, list, full hours."""


@pytest.mark.parametrize(
    "city_settings", ["sqlite", pytest.param("postgres", marks=pytest.mark.campaign)], indirect=True
)
async def test_t4_nothing_links_a_thousand_passes_of_a_person(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuance, "OPEN_PASSES_MAX", 1_000)
    who = await means.driver(town)
    venues = [f"car-park-{number}" for number in range(10)]
    catalogue = await town.app_context.catalogue.read(await town.app_context.clock())
    known = catalogue.venue(PARKING[1])
    assert known is not None
    more = tuple({**known, "venue_id": venue_id} for venue_id in venues)
    monkeypatch.setattr(type(catalogue), "venue", lambda _, name: next(v for v in more if v["venue_id"] == name))
    signed: dict[str, list[str]] = {venue_id: [] for venue_id in venues}
    for venue_id, _ in itertools.product(venues, range(10)):
        passes = await offline.take_passes(who, 10, (PARKING[0], venue_id))
        signed[venue_id] += [shown.signed for shown in passes]
    counted = Counter(itertools.chain.from_iterable(map(all_values, itertools.chain(*signed.values()))))
    assert sum(map(len, signed.values())) == 1_000
    assert {name for (name, _), times in counted.items() if times > 1} <= REPEATED
    # The venue repeats at itself alone, and in the passes of everybody there.
    assert {value for name, value in counted if name == "aud"} == {f"{URL}/venues/{name}" for name in venues}
    other = await means.driver(town, "qian")
    theirs = dict(all_values((await offline.take_passes(other, 1, (PARKING[0], venues[0])))[0].signed))
    ours = dict(all_values(signed[venues[0]][0]))
    assert {name: theirs[name] for name in REPEATED - {"uri"}} == {name: ours[name] for name in REPEATED - {"uri"}}


async def test_the_places_of_a_batch_are_random(town: City) -> None:
    passes = await offline.take_passes(await means.driver(town), 10, PARKING)
    places = [shown.claims.status.index for shown in passes]
    assert places != sorted(places)
    assert max(places) - min(places) > 10


async def test_t5_a_withdrawal_revokes_for_good(town: City) -> None:
    who = await means.reader(town)
    shown = (await offline.take_passes(who))[0]
    consents = (await who.get("/v1/me/consents")).json()["data"]
    consent_id = next(row["consent_id"] for row in consents if row["purpose"] == "benefit.check")
    assert (await who.post(f"/v1/me/consents/{consent_id}/withdraw")).status_code == 200
    await offline.begin_step(town)
    assert await refused(town, shown) is PassFault.REVOKED
    # Neither the undo of the withdrawal nor another consent brings a pass back; a new pass counts.
    assert (await who.post(f"/v1/me/withdrawals/{consent_id}/undo")).status_code == 201
    assert await refused(town, shown) is PassFault.REVOKED
    assert (await who.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
    driving = await means.driver(town)
    first = (await offline.take_passes(driving, 1, PARKING))[0]
    assert (await driving.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
    again = await means.driver(town)
    await offline.begin_step(town)
    assert await refused(town, first, PARKING) is PassFault.REVOKED
    assert await verify(town, (await offline.take_passes(again, 1, PARKING))[0], PARKING)


@pytest.mark.both_engines
async def test_t5_an_erasure_revokes(town: City) -> None:
    who = await means.reader(town)
    shown = (await offline.take_passes(who))[0]
    await offline.begin_step(town)
    assert (await who.delete("/v1/me")).status_code == 200
    # Neither an erasure nor a withdrawal shows in its own step, so that its minute is not public.
    assert await verify(town, shown)
    await offline.begin_step(town)
    assert await refused(town, shown) is PassFault.REVOKED
    assert await queries.fetch_all("SELECT 1 AS one FROM offline_pass WHERE person_id IS NOT NULL") == []


async def test_t5_a_suspended_benefit_revokes(town: City) -> None:
    shown = (await offline.take_passes(await means.reader(town)))[0]
    assert (await administrator(town).post("/v1/admin/benefits/library-deposit/versions/1/suspend")).status_code == 200
    await offline.begin_step(town)
    assert await refused(town, shown) is PassFault.REVOKED


async def test_a_withdrawal_shows_at_the_next_step_where_decoy_bits_turn_too(town: City) -> None:
    who = await means.driver(town)
    shown = (await offline.take_passes(who, 1, PARKING))[0]
    await offline.begin_step(town)
    assert (await who.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
    # The first reading of the step is after the withdrawal, and does not tell of it.
    assert await verify(town, shown, PARKING)
    await offline.begin_step(town)
    assert await refused(town, shown, PARKING) is PassFault.REVOKED
    number, keyring = int(shown.claims.status.uri.rpartition("/")[2]), town.app_context.keyring
    turning = Counter(status_list_steps.decoy_bits(keyring, number).values())
    assert turning.keys() == set(range(status_list_steps.STEPS))
    # By chance, or everybody could subtract them.
    assert len({*turning.values()}) > 3
    now = await town.app_context.clock()
    before = now - timedelta(seconds=status_list_steps.STEP_SECONDS)
    turned = [len(status_lists.turned_decoy_bits(keyring, number, moment)) for moment in (before, now)]
    assert turned[0] < turned[1]


async def test_a_list_is_computed_once_in_a_step_for_everybody(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = (await offline.take_passes(await means.reader(town)))[0]
    compute, computed = status_lists.revoked_positions, list[int]()

    async def counted(*given: Any) -> set[int]:
        computed.append(given[1])
        return await compute(*given)

    monkeypatch.setattr(status_lists, "revoked_positions", counted)
    await offline.begin_step(town)
    answers = await asyncio.gather(*(town.client.get(shown.claims.status.uri) for _ in range(10)))
    assert len({answer.text for answer in answers}) == 1
    assert len(computed) == 1
    age = int(answers[0].headers["cache-control"].removeprefix("public, max-age="))
    assert 0 < age <= 300
    await offline.begin_step(town)
    assert (await town.client.get(shown.claims.status.uri)).text != answers[0].text
    assert len(computed) == 2


async def test_a_decoy_bit_is_no_position_of_a_pass(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    now, keyring = await town.app_context.clock(), town.app_context.keyring
    first = status_list_steps.first_list(now)
    decoy = next(iter(status_list_steps.decoy_bits(keyring, first)))
    draws = iter((0, decoy, 0, 7))
    monkeypatch.setattr("secrets.randbelow", lambda _: next(draws))
    shown = (await offline.take_passes(await means.reader(town)))[0]
    assert shown.claims.status.index == 7


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "abc", "9" * 30, "٣", "007"])
async def test_another_number_is_no_list(town: City, number: str) -> None:
    assert (await town.client.get(f"/v1/public/status-lists/{number}")).status_code == 404


async def test_lists_are_served_for_two_days(town: City) -> None:
    shown = (await offline.take_passes(await means.reader(town)))[0]
    for hours, status in ((23, 200), (72, 404)):
        town.shift.by = timedelta(hours=hours)
        assert (await town.client.get(shown.claims.status.uri)).status_code == status


class TestIssue:
    async def test_nobody_has_more_open_passes_than_uses(self, town: City) -> None:
        who = await means.reader(town)
        assert len(await offline.take_passes(who, 10)) == 1
        again = await offline.ask_for_passes(who, [new_key()])
        assert (again.status_code, again.json()["code"], again.json()["quota_used"]) == (
            409, "benefit_not_available", True,
        )  # fmt: skip

    async def test_a_benefit_without_a_quota_gives_ten(self, town: City) -> None:
        assert len(await offline.take_passes(await means.driver(town), 10, PARKING)) == 10

    async def test_without_a_quota_there_are_at_most_twenty_at_a_time(self, town: City) -> None:
        who = await means.driver(town)
        for count in (10, 5):
            assert len(await offline.take_passes(who, count, PARKING)) == count
        assert len(await offline.take_passes(who, 10, PARKING)) == 5
        more = await offline.ask_for_passes(who, [new_key()], PARKING)
        assert (more.status_code, more.json()["code"]) == (409, "conflict")
        town.shift.by = timedelta(hours=24)
        assert (await offline.ask_for_passes(who, [new_key()], PARKING)).status_code == 201

    async def test_full_lists_give_no_pass_and_no_endless_search(
        self, town: City, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        who = await means.driver(town)
        first = status_list_steps.first_list(await town.app_context.clock())
        decoy = next(iter(status_list_steps.decoy_bits(town.app_context.keyring, first)))
        monkeypatch.setattr("secrets.randbelow", lambda most: 0 if most == status_list_steps.LISTS_A_DAY else decoy)
        answer = await offline.ask_for_passes(who, [new_key()], PARKING)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert await queries.fetch_all("SELECT 1 AS one FROM offline_pass") == []

    async def test_eleven_keys_a_key_twice_and_a_key_again(self, town: City) -> None:
        who, key = await means.driver(town), new_key()
        many = await offline.ask_for_passes(who, [new_key() for _ in range(11)], PARKING)
        assert (many.status_code, many.json()["errors"][0]["pointer"]) == (422, "/keys")
        twice = await offline.ask_for_passes(who, [key, key], PARKING)
        assert (twice.status_code, twice.json()["code"]) == (409, "pass_key_used")
        assert (await offline.ask_for_passes(who, [key], PARKING)).status_code == 201
        again = await offline.ask_for_passes(await means.driver(town, "qian"), [key], PARKING)
        assert (again.status_code, again.json()["code"]) == (409, "pass_key_used")

    @pytest.mark.both_engines
    async def test_a_point_that_is_not_on_the_curve(self, town: City) -> None:
        jwk = {**jose.public_jwk(new_key().public_key()), "y": jose.encode(bytes(32))}
        who = await means.reader(town)
        answer = await who.post("/v1/me/passes", {"benefit_id": LIBRARY[0], "venue_id": LIBRARY[1], "keys": [jwk]})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/keys/0")
        assert await queries.fetch_all("SELECT 1 AS one FROM offline_pass") == []

    async def test_without_consent_points_or_venue_there_is_none(self, town: City) -> None:
        stranger = town.resident("stranger")
        for where, status, code in (
            (LIBRARY, 409, "consent_needed"), ((LIBRARY[0], PARKING[1]), 404, "not_found"),
        ):  # fmt: skip
            answer = await offline.ask_for_passes(stranger, [new_key()], where)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        await stranger.consent_to_provider("city-library")
        answer = await offline.ask_for_passes(stranger, [new_key()])
        assert (answer.status_code, answer.json()["code"]) == (409, "benefit_not_available")

    async def test_a_benefit_of_places_has_no_passes(self, town: City) -> None:
        who = await means.driver(town)
        await who.consent_to_provider("second-hospital")
        answer = await offline.ask_for_passes(who, [new_key()], ("checkup-window", "second-hospital-desk"))
        assert (answer.status_code, answer.json()["code"]) == (409, "no_offline_pass")

    async def test_the_same_key_of_a_retry_gives_the_same_passes(self, town: City) -> None:
        who = await means.reader(town)
        jwks = [jose.public_jwk(new_key().public_key())]
        body = {"benefit_id": LIBRARY[0], "venue_id": LIBRARY[1], "keys": jwks}
        first, second = [await who.post("/v1/me/passes", body, key="one") for _ in range(2)]
        assert (first.status_code, second.content) == (201, first.content)

    async def test_a_city_without_a_key_issues_none(self, town: City) -> None:
        settings = replace(town.app_context.settings, pass_key=None)
        object.__setattr__(town.app_context, "settings", settings)
        answer = await offline.ask_for_passes(await means.reader(town), [new_key()])
        assert (answer.status_code, answer.json()["code"]) == (409, "no_offline_pass")
        for path in ("/.well-known/jwt-vc-issuer", "/v1/public/status-lists/1"):
            assert (await town.client.get(path)).status_code == 404


async def test_passes_are_deleted_three_days_after_their_end(town: City) -> None:
    await offline.take_passes(await means.reader(town))
    for hours, left in ((24 + 70, 1), (24 + 74, 0)):
        town.shift.by = timedelta(hours=hours)
        await background.run_cleanup(town.app_context)
        assert len(await queries.fetch_all("SELECT 1 AS one FROM offline_pass")) == left


def write_key(town: City, path: Path) -> None:
    """Write the key with which the city signs passes to a file of its host."""
    key = town.app_context.settings.pass_key
    assert key is not None
    path.write_bytes(key.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)


def sign_with(town: City, path: Path) -> None:
    """Let the city sign passes with the key of a file, as after a restart."""
    settings = replace(town.app_context.settings, pass_key=key_files.load_signing_key(path))
    object.__setattr__(town.app_context, "settings", settings)


async def test_t7_verifiers_that_follow_the_keys_never_refuse_a_good_pass(town: City, tmp_path: Path) -> None:
    path, who = tmp_path / "pass.pem", await means.driver(town)
    write_key(town, path)
    old, start = key_files.load_signing_key(path).kid, await queries.now()

    async def at(moment: timedelta) -> None:
        town.shift.by = start + moment - await queries.now()

    async def step() -> RotationStep:
        return (await key_rotation.rotate_signing(path, await town.app_context.clock(), public_keys.PASSES)).step

    async def new_pass() -> DevicePass:
        return (await offline.take_passes(who, 1, PARKING))[0]

    first = await new_pass()
    assert await step() is RotationStep.PUBLISHED
    # A verifier's copy of the keys, up to 300 seconds old, is that of before each change.
    cached = await offline.issuer(town)
    await at(timedelta(seconds=331))
    assert await step() is RotationStep.ACTIVE
    # Processes that were not restarted yet sign with the old key.
    second = await new_pass()
    sign_with(town, path)
    new = key_files.load_signing_key(path).kid
    third = await new_pass()
    assert cached.keys.keys() == {old, new}
    for shown in (first, second, third):
        assert sd_jwt.take_apart(shown.signed)[0].key_id in cached.keys
        assert await verify(town, shown, PARKING)
    await at(timedelta(hours=23))
    assert await verify(town, second, PARKING)
    await at(timedelta(hours=48, minutes=50))
    assert (await offline.issuer(town)).keys.keys() == {old, new}
    await at(timedelta(hours=49, minutes=10))
    assert (await offline.issuer(town)).keys.keys() == {new}


REFUSED_WITHIN_SECONDS = 330


@pytest.mark.both_engines
async def test_t7_a_removed_key_is_refused_within_330_seconds(town: City, tmp_path: Path) -> None:
    """T7: 300 seconds for which a verifier may keep its copy of the keys, and 30 for the difference of clocks."""
    path, who = tmp_path / "pass.pem", await means.driver(town)
    write_key(town, path)
    shown = (await offline.take_passes(who, 1, PARKING))[0]
    trust = await offline.trust(town, shown, where=PARKING)
    now = await queries.now()
    old = key_files.load_signing_key(path)
    await key_rotation.rotate_signing(path, now, public_keys.PASSES)
    assert await public_keys.remove(old.kid, now)
    assert not await public_keys.remove("unknown", now)
    # The process that has the removed key signs nothing more, and says so.
    answer = await offline.ask_for_passes(who, [new_key()], PARKING)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    published = await town.client.get("/.well-known/jwt-vc-issuer")
    fresh = int(published.headers["cache-control"].removeprefix("public, max-age="))
    assert fresh + claims.LEEWAY_SECONDS <= REFUSED_WITHIN_SECONDS
    # A copy of before the removal is good until then; the one that is fetched next refuses.
    town.shift.by = timedelta(seconds=REFUSED_WITHIN_SECONDS)
    at = await offline.seconds(town)
    assert verifier.verify(shown.signed + shown.key_binding(at), NONCE, trust, at)
    followed = replace(trust, issuers={URL: await offline.issuer(town)})
    with pytest.raises(PassRefused, match="unknown_key"):
        verifier.verify(shown.signed + shown.key_binding(at), NONCE, followed, at)


async def test_the_code_of_the_how_to_verifies_a_pass_once(town: City) -> None:
    code = docs_blocks.block("how-to/verify-passes-offline.md", "Steps", "python")
    here: dict[str, Any] = {}
    exec(compile(docs_blocks.replaced(code, ("https://credit.city.example", URL)), "how-to", "exec"), here)
    shown, at = (await offline.take_passes(await means.reader(town)))[0], await offline.seconds(town)
    urls = [f"{URL}/.well-known/jwt-vc-issuer", *here["list_urls"](at)]
    fetched = {url: (await town.client.get(url)).content for url in urls}
    trust, nonce = here["fetch_trust"](fetched.__getitem__, at), here["new_nonce"]()
    text = shown.signed + shown.key_binding(at, nonce)
    assert [here["applies"](text, nonce, trust, at) for _ in range(2)] == [True, False]
    assert not here["applies"](text, here["new_nonce"](), trust, at)
    uses = {"items": list(here["honoured"].values())}
    uploaded = await town.venue().post("/v1/venue/redemptions/offline", uses)
    assert [row["result"] for row in uploaded.json()["results"]] == ["booked"]


def test_limits_that_hold_together() -> None:
    assert public_keys.PASS_KEY_STAYS >= public_keys.SIGNS_ON + issuance.LIFETIME
    assert status_lists.LIST_LIFETIME < issuance.LIFETIME
