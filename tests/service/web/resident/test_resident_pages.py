"""The resident's pages: consents, codes, records, messages and receipts, in words and on the right card."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from importlib import resources
from urllib.parse import parse_qs, urlsplit

import pytest
from markupsafe import Markup

from consent.database import queries
from consent.documents import lifecycle
from consent.domain.document_kinds import Body, DocumentKind, Finding
from service.auth.access_tokens import CITY_ZONE, Audience
from service.demo import seed
from service.web.i18n.formatting import Localizer
from service.web.page import _templates
from service.web.resident import points
from tests.support.browsing import Browser
from tests.support.city import City, record

pytestmark = pytest.mark.anyio


async def agree_to_rides(town: City, who: str, account: str, language: str = "en") -> Browser:
    """Somebody who has agreed to have their rides counted, at the page with the code."""
    me = await Browser(town, language).sign_in(Audience.RESIDENT, who)
    await me.go("/me/consents")
    await me.send("Read the notice: Green Travel", account=account)
    return await me.send("I agree")


def code_of(me: Browser) -> str:
    """The link code on the page, in the two groups of four characters in which it is read out."""
    shown = re.search(r"Your code: ([A-Z2-9]{4} [A-Z2-9]{4})\b", me.text)
    assert shown is not None
    return shown[1]


async def test_the_days_that_a_consent_has_left_are_by_the_clock_of_the_city(town: City) -> None:
    await town.resident("wang").link("green-travel", "bike-9001")
    me = await Browser(town).sign_in(Audience.RESIDENT, "wang")
    for days, left in ((300, True), (30, False)):
        town.shift.by = timedelta(days=days)
        await me.go("/me/consents")
        assert ("days left" in me.text) is left


async def confirm(town: City, code: str, account: str) -> None:
    done = await town.source().post("/v1/source/links/confirm", {"code": code, "account": account})
    assert done.status_code == 200, done.text


async def test_a_code_is_shown_again_and_reissued(town: City) -> None:
    me = await agree_to_rides(town, "code-1", "bike-code-1")
    assert urlsplit(me.url).path.endswith("/code")  # a page that can be reloaded and gone back to
    code = code_of(me)
    await me.go("/me/consents")
    assert code_of(me) == code
    assert "Open the app of Green Travel" in me.text
    town.shift.by = timedelta(minutes=16)
    await me.go("/me/consents")
    assert code not in me.text
    await me.send("Get a new code: Green Travel")
    reissued = code_of(me)
    assert reissued != code
    assert "Here is a new code" in me.text
    await confirm(town, reissued, "bike-code-1")
    await me.go(urlsplit(me.url).path)
    assert "Your account at Green Travel is already linked" in me.text


async def test_one_tap_undoes_a_stop(town: City) -> None:
    me = await agree_to_rides(town, "undo-1", "bike-undo-1")
    await confirm(town, code_of(me), "bike-undo-1")
    await me.go("/me/consents")
    await me.send("Stop: Green Travel")
    assert "Stop using records of Green Travel?" in me.text
    await me.send("Stop")
    assert "Stopped: Green Travel" in me.text
    await me.send("Undo: Green Travel")
    assert "Undone. This permission is active again." in me.text
    assert "Your code:" not in me.text
    assert "Undo: Green Travel" not in me.text
    live = (await town.source().get("/v1/source/links?limit=200")).json()["data"]
    assert "bike-undo-1" in [link["account"] for link in live]


async def test_before_the_stop_of_a_provider_its_page_says_what_an_undo_does_not_bring_back(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "resident-9")
    consent = await town.resident("resident-9").consent_to_provider("city-library")
    await me.go(f"/me/consents/{consent['consent_id']}/stop")
    assert "Unused codes, paper slips and machines stop working at once; booked places are given back" in me.text
    assert (
        "You can undo this for 24 hours; paper slips, machines, offline passes and bookings do not come back" in me.text
    )
    assert "everything is restored" not in me.text
    assert "Stop eligibility checks by City Library?" in me.text


async def test_stopping_everything_says_what_goes_and_offers_each_again(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "resident-9")
    await town.resident("resident-9").consent_to_provider("city-library")
    await me.go("/me/consents")
    assert "39 points now" in me.text
    assert "24 points now" in me.text
    await me.go("/me/consents/stop-all")
    listed = me.text.split("All of these permissions end at once:")[1]
    assert re.search(r"(Civic Life, Green Travel|Green Travel, Civic Life) Their points stop counting", listed)
    assert "City Library They can no longer check" in listed
    assert "For 24 hours you can undo each stop under “Permissions”." in listed
    assert "paper slips, machines, offline passes and bookings do not come back" in listed
    await me.send("Stop everything")
    for name in ("Green Travel", "Civic Life", "City Library"):
        assert f"Stopped: {name}" in me.text
    assert "Paper slips, machines, offline passes and bookings do not come back; you make new ones." in me.text
    await me.send("Undo: City Library")
    assert "Stopped: City Library" not in me.text
    assert "Stopped: Civic Life" in me.text
    town.shift.by = timedelta(hours=24)
    await me.go("/me/consents")
    assert "Undo" not in me.text


def test_the_buttons_that_notices_name_are_on_their_page() -> None:
    """tests/service/web/i18n/test_wording.py checks that the notices name them."""
    template = (resources.files("service.web") / "templates" / "resident" / "consents.html").read_text()
    assert '_("Stop")' in template


async def test_cards_name_who_read(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "resident-1")
    await town.resident("resident-1").ticket()
    await me.go("/me/consents")
    await me.go("/me/consents")
    for name in ("Green Travel", "City Library"):
        card = me.html.split(f"<h3>{name}</h3>")[1].split("</article>")[0]
        assert "/me/accesses" in card
        assert ("Your points were calculated for you." if name == "Green Travel" else "You took a code for") in card
    # A provider without consent at that time is not listed as a reader.
    assert "You took a code for" not in me.html.split("<h3>Riverside Parking</h3>")[1].split("</article>")[0]


async def test_an_invalid_number_stays_in_its_field_with_the_error(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "unfit-1")
    await me.go("/me/consents")
    await me.send("Read the notice: Volunteer Service", account="my number")
    assert me.status == 422
    card = me.html.split("<h3>Volunteer Service</h3>")[1].split("</article>")[0]
    assert 'value="my number" aria-invalid="true" aria-describedby="unfit" autofocus' in card
    assert 'id="unfit" role="alert">' in card
    assert me.html.count("Enter your account number") == 1


async def test_receipts_say_what_happened_in_words(town: City) -> None:
    for language, texts in (("en", ("Consent given", "State now Active")), ("zh-CN", ("同意", "当前状态 生效中"))):
        me = await Browser(town, language).sign_in(Audience.RESIDENT, "resident-2")
        await me.go("/me/consents")
        await me.go(next(address for address, _ in me.links if "/me/consents/" in address))
        assert all(text in me.text for text in texts)
        assert "consent.given" not in me.text


async def test_a_refusal_says_that_it_was_one(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "refused-1")
    await me.go("/me/consents")
    await me.send("Read the notice: Green Travel", account="bike-refused-1")
    await me.send("No, thank you")
    await me.go(next(address for address, words in me.links if words == "Green Travel"))
    assert "You said no on" in me.text
    assert "State now Refused" in me.text
    for unsaid in ("Until", "Ended", "agreed to"):
        assert unsaid not in me.text


async def test_messages_name_who_and_when_and_who_decided(town: City) -> None:
    wang = town.resident("told-1")
    await wang.link("green-travel", "bike-told-1")
    source = town.source()
    await source.deliver(record("t.1", "bike-told-1", quantity=130, occurred_on=f"{await town.last_year()}-06-01"))
    await source.deliver(record("t.2", "bike-told-1", quantity=2, occurred_on=f"{await town.last_year()}-06-02"))
    await source.post("/v1/source/records/t.2/retraction", {"reason_code": "source_error"})
    await wang.consent_to_provider("city-library")
    venue = town.venue()
    done = await venue.post("/v1/venue/redemptions", {"handle": (await wang.ticket())["handle"]})
    await venue.post(f"/v1/venue/redemptions/{done.json()['redemption_id']}/reversal", {"reason_code": "mistaken_scan"})
    record_id = (await wang.get("/v1/me/records")).json()["data"][0]["record_id"]
    opened = (
        await wang.post(f"/v1/me/records/{record_id}/objections", {"reason_code": "not_mine", "statement": "Not mine."})
    ).json()
    officer = town.actor(Audience.PRIVACY, "officer-1")
    await officer.post(
        f"/v1/privacy/objections/{opened['objection_id']}/decision", {"decision": "upheld", "reason": "A mix-up."}
    )
    day = {language: Localizer(language, CITY_ZONE).day(opened["decide_by"]) for language in ("en", "zh-CN")}
    for language, sentences in {
        "en": (
            "Your objection has been decided: you were right. Reason: A mix-up.",
            "After your objection an officer removed one of your records from Green Travel",
            f"A person will decide in writing by {day['en']}.",
            "took back today's redemption of “Borrow without a deposit”",
            "Green Travel took back one of your records",
        ),
        "zh-CN": (
            "您的异议已有书面决定：异议成立。理由：A mix-up.",
            "经您提出异议，工作人员撤下了来自“绿色出行”的一条记录",
            f"将在{day['zh-CN']}前",
            "对“免押金借阅”的核销",
            "来源“绿色出行”撤回了您的一条记录",
        ),
    }.items():
        texts = [message["text"] for message in await wang.messages(language)]
        assert len(texts) == len(sentences)
        for sentence in sentences:
            assert any(sentence in text for text in texts), sentence


async def test_objections_show_both_sides_and_the_decision(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "resident-9")
    await me.go("/me/records")
    await me.go(next(address for address, words in me.links if words.startswith("Report a mistake")))
    await me.send("In your own words", reason_code="not_mine", statement="I was abroad.")
    assert "Being decided: It is not mine" in me.text
    await me.go("/me/records")
    assert me.text.count("Objected, being decided") == 1
    await me.go("/me/objections")
    for text in ("The record Bike trips: 1 trip, ", "Source Green Travel", "I was abroad.", "To be decided by"):
        assert text in me.text
    assert "Received" not in me.text
    officer = town.actor(Audience.PRIVACY, "officer-1")
    objection = (await town.resident("resident-9").get("/v1/me/objections")).json()["data"][0]["objection_id"]
    await officer.post(f"/v1/privacy/objections/{objection}/acknowledgement")
    await me.go("/me/objections")
    assert "Received" in me.text
    await officer.post(
        f"/v1/privacy/objections/{objection}/decision", {"decision": "upheld", "reason": "The lock failed."}
    )
    await me.go("/me/objections")
    for text in ("You were right: It is not mine", "Bike trips: 1 trip, ", "The reason, in writing The lock failed."):
        assert text in me.text
    assert "Decided by" not in me.text


@pytest.mark.both_engines(everyday=False)
async def test_records_are_paged_by_day_without_gap_or_repetition(town: City) -> None:
    wang = town.resident("resident-1")
    pages, cursor = [], ""
    while True:
        page = (await wang.get(f"/v1/me/records?limit=7{cursor}")).json()
        pages += [(record["occurred_on"], record["record_id"]) for record in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert pages == sorted(pages, reverse=True)
    counted = await queries.fetch_one("SELECT count(*) AS n FROM record WHERE person_id = (SELECT person_id FROM record"
                                 " WHERE record_id = $1)", pages[0][1])  # fmt: skip
    assert counted is not None
    assert len(set(pages)) == len(pages) == counted["n"]
    me = await Browser(town).sign_in(Audience.RESIDENT, "resident-9")
    await me.go("/me/records")
    assert "1 trip" in me.text
    assert "1 trips" not in me.text


async def test_a_line_of_the_points_leads_to_the_records_of_its_kind(town: City) -> None:
    wang = town.resident("resident-1")
    me = await Browser(town).sign_in(Audience.RESIDENT, "resident-1")
    assert "1,200 minutes give 20 points, 3,600 minutes give 30 points" in me.text
    await me.go(next(address for address, words in me.links if words.startswith("Volunteering")))
    rows = (await wang.get("/v1/me/records?kind=volunteer_minutes&limit=200")).json()["data"]
    assert {row["kind"] for row in rows} == {"volunteer_minutes"}
    assert me.text.count("Report a mistake") == len(rows)
    assert "Bike trips:" not in me.text
    await me.go("/me/records?kind=bike_trip")
    await me.go(next(address for address, words in me.links if words == "Older ones"))
    assert "Bike trips:" in me.text
    assert "Volunteering:" not in me.text
    unknown = await wang.get("/v1/me/records?kind=rank")
    assert (unknown.status_code, unknown.json()["code"]) == (400, "bad_query")


async def test_points_say_when_the_first_and_the_last_end_and_every_date(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "resident-9")
    year = await town.last_year()
    assert "I have 63 points" in me.text
    assert f"The first expires on 20 January {year + 2}, the last on 20 October {year + 2}" in me.text
    table = me.html.split("Every date")[1].split("</table>")[0]
    counts = [int(count) for count in re.findall(r'<td class="n">(\d+)</td>', table)]
    assert (len(counts), sum(counts)) == (11, 63)


def test_expiry_days_leave_out_records_without_points() -> None:
    line = {
        "kind": "bike_trip",
        "dimension": "green_living",
        "occurred_on": "2025-06-01",
        "quantity": 1,
        "points": 0,
        "expires_on": "2027-06-01",
    }
    (row,) = points.points_by_kind([line, {**line, "points": 1, "expires_on": "2027-07-01"}])
    assert (row.first_expiry, row.last_expiry) == ("2027-07-01", "2027-07-01")
    (row,) = points.points_by_kind([line])
    assert row.first_expiry == "2027-06-01"


@pytest.mark.parametrize("way", ["show", "benefits/library-deposit"])
async def test_after_a_notice_the_page_before_it_opens(town: City, way: str) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "resident-9")
    await me.go(f"/me/{way}")
    await me.send("Allow City Library to check eligibility")
    await me.send("I agree")
    assert urlsplit(me.url).path == f"/me/{way}"
    assert "You agreed. You can stop it at any time under “Permissions”." in me.text
    assert "Show the code" in me.text
    assert "City Library, main building" in me.text


async def test_nobody_is_sent_anywhere_else(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "resident-9")
    await me.go("/me/show")
    await me.send("Allow City Library to check eligibility", then="//elsewhere.example")
    assert "elsewhere" not in me.html
    await me.send("I agree", then="https://elsewhere.example")
    assert urlsplit(me.url).path == "/me/consents"


async def test_a_notice_is_a_page_that_can_be_gone_back_to_until_it_is_answered(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "back-1")
    await me.go("/me/consents")
    await me.send("Read the notice: Green Travel", account="bike-back-1")
    notice = urlsplit(me.url).path
    await me.go(notice)
    assert "You can say no. Nothing changes for you." in me.text
    await me.send("I agree")
    await me.go(notice)
    assert "You have already answered this notice." in me.text
    await me.send("Stop: Green Travel")
    await me.send("Stop")
    await me.send("Read the notice: Green Travel", account="bike-back-1")
    notice = urlsplit(me.url).path
    town.shift.by = timedelta(minutes=16)
    await me.go(notice)
    assert "too long ago" in me.text
    other = await Browser(town).sign_in(Audience.RESIDENT, "back-2")
    await other.go(notice)
    assert other.status == 404


async def test_uses_are_shown_by_the_hour(town: City) -> None:
    await town.resident("resident-3").ticket()
    for language, text in (("en", ", between "), ("zh-CN", " 点")):
        me = await Browser(town, language).sign_in(Audience.RESIDENT, "resident-3")
        for path in ("/me/accesses", "/me/mine", "/me/consents"):
            await me.go(path)
            assert text in me.text, path


@pytest.mark.parametrize(
    ("language", "once", "twice"),
    [
        (
            "en",
            "20 October 2026, between 23:00 and 24:00",
            "20 October 2026, between 23:00 and 24:00, 2 times",
        ),
        ("zh-CN", "2026年10月20日 23–24 点", "2026年10月20日 23–24 点，共 2 次"),
    ],
)
def test_equal_uses_of_an_hour_are_counted_in_words(language: str, once: str, twice: str) -> None:
    source = '{% from "resident/macros.html" import when %}{{ when(access, count) }}'
    shown = _templates(language, CITY_ZONE).from_string(source)
    access = {"at": "2026-10-20T15:00:00Z"}
    assert [Markup(shown.render(access=access, count=count)).striptags() for count in (1, 2)] == [once, twice]


def test_an_hour_is_shown_with_its_end() -> None:
    english, chinese = Localizer("en", CITY_ZONE), Localizer("zh-CN", CITY_ZONE)
    assert english.hours("2026-10-20T15:00:00Z") == "20 October 2026, between 23:00 and 24:00"
    assert chinese.hours("2026-10-19T19:00:00Z") == "2026年10月20日 3–4 点"


async def test_more_benefits_than_one_answer_holds_can_be_read_and_shown(town: City) -> None:
    at = await town.app_context.clock()
    library = next(document for document in seed.documents("benefits") if document["benefit_id"] == "library-deposit")

    async def unchecked(kind: DocumentKind, body: Body) -> Sequence[Finding]:
        return ()  # the publication check reads every benefit: 200 times 200

    async with queries.transaction():
        for number in range(200):
            name = f"library-more-{number:03d}"
            drafted = await lifecycle.draft(
                DocumentKind.BENEFITS, name, {**library, "benefit_id": name}, seed.DRAFTER, at
            )
            await lifecycle.submit(DocumentKind.BENEFITS, name, drafted.version, seed.DRAFTER, at, unchecked)
            await lifecycle.approve(drafted, drafted.sha256, seed.APPROVER, at, at)
    me = await Browser(town).sign_in(Audience.RESIDENT, "resident-1")
    await me.go("/me/benefits")
    assert 'id="library-more-199"' in me.html
    await me.go("/me/show")
    form = next(form for form in me.forms if ("benefit", "library-more-199@city-library-main") in form.fields)
    await me.submit(form)
    assert me.status == 200
    assert 'class="typed"' in me.html


async def test_the_show_page_names_providers_whose_benefits_are_suspended(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "resident-1")
    await me.go("/me/show")
    assert "is suspended or has ended" not in me.text
    administrator = town.actor(Audience.ADMINISTRATOR, "admin-1")
    stopped = await administrator.post("/v1/admin/benefits/library-deposit/versions/1/suspend")
    assert stopped.status_code == 200, stopped.text
    await me.go("/me/show")
    assert "City Library: this benefit is suspended or has ended." in me.text
    assert "Riverside Parking: its benefit" not in me.text


async def test_own_views_stand_apart_from_uses_by_others(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "resident-9")
    for _ in range(2):
        await me.go("/me")
    await me.go("/me/accesses")
    assert "Nobody has used your information." in me.text
    assert "Your points were calculated for you: " in me.text
    await me.go("/me/mine")
    assert "Nobody has used your information." in me.text


async def test_the_next_benefit_says_the_way_to_it(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "resident-8")
    assert "I have 41 points" in me.text
    following = me.text.split("Next benefit")[1].split("Where your points come from")[0]
    assert "9 more for “Green living”" in following
    assert "18 trips Bike trips" in following
    me = await Browser(town).sign_in(Audience.RESIDENT, "somebody-new")
    # Somebody without points reads first how to begin, then what points would bring.
    assert me.text.index("Choose what may count") < me.text.index("Next benefit")


async def test_the_ways_to_a_benefit_are_deeds_that_a_source_records(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "resident-4")
    following = me.text.split("Next benefit")[1].split("Where your points come from")[0]
    assert "Months of green shopkeeping" in following
    assert "Items repaired" not in following


async def test_while_a_code_waits_the_empty_points_do_not_ask_to_begin_again(town: City) -> None:
    me = await agree_to_rides(town, "waiting-1", "bike-waiting-1")
    await me.go("/me")
    assert "They appear here once you have typed the code" in me.text
    assert "Choose what may count" not in me.text


async def test_benefits_are_chosen_by_the_district_of_their_venues(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "resident-1")
    await me.go("/me/benefits?scene=library")
    assert "Borrow without a deposit" in me.text
    await me.send("Filter", division="210106")
    assert parse_qs(urlsplit(me.url).query) == {"scene": ["library"], "division": ["210106"]}
    assert "Borrow without a deposit" not in me.text
    everything = next(address for address, text in me.links if text == "All")
    await me.go(everything)
    shown = {address for address, _text in me.links if address.startswith("/me/benefits/")}
    rows = (await town.resident("resident-1").get("/v1/me/benefits")).json()["data"]
    inside = {row["benefit_id"] for row in rows if "210106" in {venue["division"] for venue in row["venues"]}}
    assert shown == {f"/me/benefits/{benefit_id}" for benefit_id in inside} != set()
    assert '<option value="210106" selected>Tiexi</option>' in me.html
    await me.go("/me/benefits?division=nowhere")
    assert len({address for address, _text in me.links if address.startswith("/me/benefits/")}) == len(rows)


async def test_any_and_all_differ(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "resident-8")
    await me.go("/me/benefits/parking-free-minutes")
    assert "one is enough" in me.text
    await me.go("/me/benefits/checkup-window")
    assert "all of them" in me.text
    assert "one is enough" not in me.text
    await me.go("/me/benefits/nothing")
    assert me.status == 404


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["16 Renao Road, Shenhe District", "Mon–Fri 07:30–11:30, 13:00–16:30", "Sat 07:30–11:30"]),
        ("zh-CN", ["沈河区热闹路16号", "周一至周五 07:30–11:30、13:00–16:30", "周六 07:30–11:30"]),
    ],
)
async def test_a_benefit_says_where_and_when(town: City, language: str, expected: list[str]) -> None:
    me = await Browser(town, language).sign_in(Audience.RESIDENT, "resident-1")
    await me.go("/me/benefits/checkup-window")
    for text in expected:
        assert text in me.text
    assert 'href="geo:41.79830,123.46020?q=41.79830,123.46020"' in me.html


async def test_a_used_benefit_says_when_it_can_be_used_again_everywhere(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "resident-9")
    await town.resident("resident-9").consent_to_provider("city-library")
    await me.go("/me/show")
    await me.send("Show the code: Borrow without a deposit")
    ticket = urlsplit(me.url).path
    handle = me.html.split('class="typed"')[1].split(">")[1].split("<")[0].replace(" ", "")
    redeemed = await town.venue("city-library-main").post("/v1/venue/redemptions", {"handle": handle})
    assert redeemed.json()["applies"] is True
    await me.go(ticket)
    assert "Used" in me.text
    assert handle[:4] not in me.text.split("Ticket")[1]
    assert "that it applies, nothing else" in me.text
    for path in ("/me/benefits", "/me/benefits/library-deposit", "/me/show", ticket):
        await me.go(path)
        assert re.search(r"[Aa]gain (from|·)? ?", me.text), path
        assert me.status == 200
