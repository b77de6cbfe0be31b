"""The officer's pages without scripts: decisions as chosen, and everything shown in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from service.auth.access_tokens import Audience
from service.web.officer import dashboard
from tests.factories import add_people_with_rides, benefit_document, both_languages
from tests.support.browsing import Browser
from tests.support.city import City, record

pytestmark = pytest.mark.anyio


async def objected(town: City, name: str, reason: str = "wrong_quantity") -> tuple[Any, str]:
    """Somebody with a ride record of 10, and the id of their objection to it."""
    me = town.resident(name)
    await me.link("green-travel", f"bike-{name}")
    await town.source().deliver(record(f"r-{name}", f"bike-{name}", quantity=10))
    (stored,) = (await me.get("/v1/me/records")).json()["data"]
    opened = await me.post(
        f"/v1/me/records/{stored['record_id']}/objections", {"reason_code": reason, "statement": "Too few."}
    )
    return me, opened.json()["objection_id"]


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"decision": "correct", "quantity": "abc"}, "Enter a whole number from 1 to 1,000,000."),
        ({"decision": "correct", "quantity": "0"}, "Enter a whole number from 1 to 1,000,000."),
        ({"decision": "correct", "quantity": "9" * 30}, "Enter a whole number from 1 to 1,000,000."),
        ({"decision": "correct", "occurred_on": "soon"}, "Choose a date in the past."),
        ({"decision": "correct", "occurred_on": "2025-99-99"}, "Choose a date in the past."),
        ({"decision": "correct", "occurred_on": "2999-01-01"}, "Choose a date in the past."),
        ({"decision": "correct"}, "Say what it should be: an amount, a day, or both."),
        ({"decision": "take_back", "quantity": "abc"}, "An amount or a day belongs to a correction."),
        ({"decision": "rejected", "quantity": "4"}, "An amount or a day belongs to a correction."),
        ({"decision": "upheld"}, "Please choose one."),
        ({}, "Please choose one."),
    ],
    ids=str,
)
async def test_an_unreadable_decision_changes_nothing(shared_city: City, sent: dict[str, str], message: str) -> None:
    me, objection_id = await objected(shared_city, f"unread-{abs(hash(str(sent)))}", "not_mine")
    officer = await Browser(shared_city).sign_in(Audience.PRIVACY, "officer-1")
    await officer.go(f"/officer/objections/{objection_id}")
    await officer.send("Reason, in writing", reason="The source agrees.", **sent)
    assert officer.status == 422
    assert message in officer.text
    form = dict(next(form for form in officer.forms if "Reason, in writing" in form.text).fields)
    typed = {"reason": "The source agrees.", **sent}
    typed = {name: text for name, text in typed.items() if name != "decision" or text != "upheld"}
    assert {**form, **typed} == form
    assert (await me.get("/v1/me/objections")).json()["data"][0]["state"] == "open"
    assert await me.total() == 5


async def test_correction_and_retraction_are_two_choices(town: City) -> None:
    for sent, total, state in (
        ({"decision": "correct", "quantity": " 14 "}, 7, "corrected"),
        ({"decision": "take_back"}, 0, "upheld"),
        ({"decision": "rejected"}, 5, "rejected"),
    ):
        reason = "not_mine" if state == "upheld" else "wrong_quantity"
        me, objection_id = await objected(town, f"two-{state}", reason)
        officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
        await officer.go(f"/officer/objections/{objection_id}")
        await officer.send("Reason, in writing", reason="Both sides were heard.", **sent)
        assert "Your reasons are recorded" in officer.text
        assert await me.total() == total
        assert (await me.get("/v1/me/objections")).json()["data"][0]["state"] == state
        await officer.go(f"/officer/objections/{objection_id}")
        assert "It is decided already." in officer.text
        assert "Both sides were heard." in officer.text


async def test_any_open_objection_opens_by_its_id(town: City) -> None:
    me, objection_id = await objected(town, "many-0")
    await me.post(
        "/v1/me/objections", {"source_id": "green-travel", "reason_code": "missing", "statement": "One more."}
    )
    api_officer = town.actor(Audience.PRIVACY, "officer-1")
    objection = (await api_officer.get(f"/v1/privacy/objections/{objection_id}")).json()
    assert (objection["state"], objection["record"]["quantity"], "decided_on" in objection) == ("open", 10, False)
    assert (await api_officer.get("/v1/privacy/objections/nothing")).status_code == 404
    first = (await api_officer.get("/v1/privacy/objections?limit=1")).json()["data"][0]["objection_id"]
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")

    for shown_id in {objection_id, first}:
        await officer.go(f"/officer/objections/{shown_id}")
        assert officer.status == 200
        assert "Decide by" in officer.text


async def stopped(town: City) -> str:
    """A benefit that the gate has stopped because its service's baseline got worse; its review's id."""
    author, other = town.actor(Audience.ADMINISTRATOR, "admin-1"), town.actor(Audience.ADMINISTRATOR, "admin-2")
    officer = town.actor(Audience.PRIVACY, "officer-1")
    service = (await author.get("/v1/admin/services/book-loan")).json()["document"]
    worse = {**service, "baseline": {**service["baseline"], "items": 3}}
    await town.client.put("/v1/admin/services/book-loan", json=worse, headers=author.headers({"If-Match": "*"}))
    submitted = (await author.post("/v1/admin/services/book-loan/versions/2/submit")).json()
    if submitted["state"] == "in_review":
        body = {"decision": "approve", "reason": "It is so."}
        await officer.post("/v1/privacy/reviews/services.book-loan.2/decision", body)
    sha256 = (await author.get("/v1/admin/services/book-loan/versions/2")).json()["sha256"]
    done = await other.post("/v1/admin/services/book-loan/versions/2/approve", {"sha256": sha256})
    assert done.status_code == 200, done.text
    waiting = (await officer.get("/v1/privacy/reviews")).json()["data"]
    return str(next(review["review_id"] for review in waiting if review["kind"] == "stopped_document"))


async def test_a_refusal_of_a_decision_is_shown_with_its_rule(town: City) -> None:
    review_id = await stopped(town)
    for language, title, rule in (("en", "Refused by the rules", "R4"), ("zh-CN", "被规则拒绝", "R4")):
        officer = await Browser(town, language).sign_in(Audience.PRIVACY, "officer-1")
        await officer.go(f"/officer/reviews/{review_id}")
        await officer.send("reason", decision="approve", reason="Everybody asks for it.")
        assert officer.status == 422
        refusal = officer.html.split('class="card problem refusal"')[1].split("</section>")[0]
        assert title in refusal
        assert rule in refusal
        assert "clause" in refusal
        assert "Everybody asks for it." in officer.text
        assert "Please choose" not in officer.text
        await officer.send("reason", decision="", reason="")
        assert {"en": "Please choose, and give a reason.", "zh-CN": "请作出选择并写明理由。"}[language] in officer.text


async def test_a_review_is_read_in_words_and_stays_readable(town: City) -> None:
    author = town.actor(Audience.ADMINISTRATOR, "admin-1")
    service = (await author.get("/v1/admin/services/book-loan")).json()["document"]
    moved = {**service, "kind": "reading_room", "baseline": {"price_fen": 0, "wait_minutes": 5, "capacity": 20}}
    await town.client.put("/v1/admin/services/book-loan", json=moved, headers=author.headers({"If-Match": "*"}))
    submitted = await author.post("/v1/admin/services/book-loan/versions/2/submit")
    assert submitted.json()["state"] == "in_review", submitted.text
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    name = service["name"]["en"]
    assert name in officer.text
    await officer.go("/officer/reviews/services.book-loan.2")
    assert f"Review: {name}" in officer.text
    assert "What changed since version 1" in officer.text
    assert "Deposit" in officer.text
    assert "/baseline" not in officer.text.split("Stored text")[0]
    assert "reading_room" not in officer.text.split("Stored text")[0]
    await officer.send("reason", decision="refuse", reason="Another kind is another service.")
    assert "Decided" in officer.text
    await officer.go("/officer/reviews/services.book-loan.2")
    assert officer.status == 200
    assert "It was returned" in officer.text
    assert "Another kind is another service." in officer.text
    read = (await town.actor(Audience.PRIVACY, "officer-2").get("/v1/privacy/reviews/services.book-loan.2")).json()
    assert (read["state"], read["decision"], read["decided_by"]) == ("decided", "refuse", "officer-1")
    assert read["decided_on"] == (await town.today()).isoformat()
    assert read["name"] == service["name"]
    for absent in ("services.book-loan.1", "services.nothing.1", "nothing", "nothing.x.1", "services.book-loan.x"):
        answer = await town.actor(Audience.PRIVACY, "officer-2").get(f"/v1/privacy/reviews/{absent}")
        assert answer.status_code == 404, absent


async def test_a_first_version_is_read_as_a_list(town: City) -> None:
    author = town.actor(Audience.ADMINISTRATOR, "admin-1")
    source = (await author.get("/v1/admin/sources/green-travel")).json()["document"]
    fresh = {
        **source,
        "source_id": "river-bikes",
        "client_id": "river-bikes",
        "name": {"zh-CN": "河畔单车", "en": "River Bikes"},
    }
    assert (await author.post("/v1/admin/sources", fresh)).status_code == 201
    assert (await author.post("/v1/admin/sources/river-bikes/versions/1/submit")).json()["state"] == "in_review"
    for language, texts in (("en", ("River Bikes", "Bike trips, Bus and metro trips", "Green living")),
                           ("zh-CN", ("河畔单车", "骑行、公交地铁出行", "绿色生活"))):  # fmt: skip
        officer = await Browser(town, language).sign_in(Audience.PRIVACY, "officer-1")
        await officer.go("/officer/reviews/sources.river-bikes.1")
        for words in texts:
            assert words in officer.html.split("<pre")[0]


async def test_the_words_that_matter_are_marked_for_author_and_officer(town: City) -> None:
    text = both_languages("请向店员出示积分页面", "Show the <clerk> your points page")
    author = await Browser(town).sign_in(Audience.ADMINISTRATOR, "admin-1")
    api = town.actor(Audience.ADMINISTRATOR, "admin-1")
    assert (await api.post("/v1/admin/benefits", benefit_document(terms=text))).status_code == 201
    assert (await api.post("/v1/admin/benefits/another-one/versions/1/submit")).json()["state"] == "in_review"
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    await author.go("/admin/benefits/another-one")
    await officer.go("/officer/reviews/benefits.another-one.1")
    marked = "<mark>Show the &lt;clerk&gt; your points page</mark>"
    for browser in (author, officer):
        assert marked in browser.html
        assert "<mark>出示积分页面</mark>" in browser.html
    assert 'Book loan <code class="xs soft"><span class="nowrap">book-loan</span></code>' in officer.html
    # The officer reads them in the finding and in the whole document.
    assert officer.html.split("<pre")[0].count("<mark>出示积分页面</mark>") == 2


async def test_my_cases_are_listed_and_say_why(town: City) -> None:
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    for number in range(3):
        await officer.go("/officer/cases")
        await officer.send("In your own words", reason_code="complaint", text=f"A letter, number {number}.")
        assert "A complaint" in officer.text
        assert f"A letter, number {number}." in officer.text
    await officer.go("/officer/cases")
    addresses = [address for address, words in officer.links if words == "A complaint"]
    assert len(addresses) == 3
    await officer.go(addresses[0])
    assert "A letter, number 2." in officer.text
    first, other = town.actor(Audience.PRIVACY, "officer-1"), town.actor(Audience.PRIVACY, "officer-2")
    page = (await first.get("/v1/privacy/cases?limit=2")).json()
    assert [row["text"][-2] for row in page["data"]] == ["2", "1"]
    rest = (await first.get(f"/v1/privacy/cases?limit=2&cursor={page['next_cursor']}")).json()
    assert [row["text"][-2] for row in rest["data"]] == ["0"]
    assert rest["next_cursor"] is None
    case_id = page["data"][0]["case_id"]
    assert (await first.get(f"/v1/privacy/cases/{case_id}")).json() == {**page["data"][0], "notes": []}
    assert (await other.get(f"/v1/privacy/cases/{case_id}")).status_code == 404
    assert (await other.get("/v1/privacy/cases")).json()["data"] == []


async def test_a_sample_keeps_what_was_chosen_and_says_what_it_cannot_read(town: City) -> None:
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    await officer.go("/officer/cases")
    await officer.send("In your own words", text="The yearly audit.")
    for size in ("abc", "0", "201", ""):
        await officer.send("size", size=size, state="given")
        assert officer.status == 422
        assert "Enter a whole number from 1 to 200." in officer.text
        fields = dict(next(form for form in officer.forms if "Show sample" in form.text).fields)
        assert (fields["size"], fields["state"]) == (size, "given")
    await officer.send("size", size="2", state="given")
    assert officer.status == 409
    assert "A sample of so few would tell who they are." in officer.text
    assert "No number is shown, because fewer than 200 people have given consent here." in officer.text
    await add_people_with_rides(town, 300)
    await officer.send("size", size="200", state="given")
    assert officer.status == 409
    assert "A sample is at most a tenth of the consents that fit." in officer.text
    await officer.send("size", size="2", state="given")
    assert officer.status == 200
    fields = dict(next(form for form in officer.forms if "Show sample" in form.text).fields)
    assert (fields["size"], fields["state"]) == ("2", "given")
    drawn = [words for address, words in officer.links if "/consent?id=" in address]
    assert len(drawn) == 2
    assert all(" " in words for words in drawn), drawn


async def test_one_consent_is_shown_in_the_citys_days_and_in_words(town: City) -> None:
    now = await town.app_context.clock()
    # The city is eight hours ahead: at 17:00 UTC it is tomorrow there.
    town.shift.by = now.replace(hour=17, minute=0) + timedelta(days=1) - now
    me = town.resident("zone-1")
    given = (await me.consent_to_provider("city-library"))["consent_id"]
    shown = await me.request_notice(purpose="points.compute", source_id="green-travel", account="bike-zone-1")
    assert (await me.post("/v1/me/refusals", {"ticket": shown["ticket"]})).status_code == 201
    listed = (await me.get("/v1/me/consents")).json()["data"]
    refused = next(consent["consent_id"] for consent in listed if consent["state"] == "refused")
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    await officer.go("/officer/cases")
    await officer.send("In your own words", text="A complaint.")
    case = officer.url.split("?")[0]
    day = (await town.today()).isoformat()
    api_officer = town.actor(Audience.PRIVACY, "officer-1")
    read = (await api_officer.get(f"/v1/privacy/consents/{given}?case={case.rpartition('/')[2]}")).json()
    assert (read["given_on"], [row["day"] for row in read["events"]]) == (day, [day])
    assert read["counterpart_name"] == {"zh-CN": "市图书馆", "en": "City Library"}
    await officer.go(f"{case}/consent?id={refused}")
    facts = officer.html.split("<dl")[1].split("</dl>")[0]
    for words in ("Green Travel", "State now", "Refused", "Refused on"):
        assert words in facts
    for words in ("Given", "Until", "Ended", "green-travel"):
        assert words not in facts
    assert "consent.refused" not in officer.text
    assert "{counterpart}" not in officer.html


async def test_attempts_are_shown_in_words_with_their_document(town: City) -> None:
    author = town.actor(Audience.ADMINISTRATOR, "admin-1")
    benefit = (await author.get("/v1/admin/benefits/library-deposit")).json()["document"]
    fine = {**benefit, "quota": {"total": {"count": 400, "period": "day"}}}
    await town.client.put("/v1/admin/benefits/library-deposit", json=fine, headers=author.headers({"If-Match": "*"}))
    await author.post("/v1/admin/benefits/library-deposit/versions/2/submit")
    sha256 = (await author.get("/v1/admin/benefits/library-deposit/versions/2")).json()["sha256"]
    own = await author.post("/v1/admin/benefits/library-deposit/versions/2/approve", {"sha256": sha256})
    assert own.json()["code"] == "four_eyes"
    me, other = town.resident("shown-1"), town.resident("shown-2")
    shown = await me.request_notice(purpose="points.compute", source_id="green-travel", account="bike-shown-1")
    assert (await other.post("/v1/me/consents", {"ticket": shown["ticket"]})).json()["code"] == "ticket_of_another"
    attempts = (await town.actor(Audience.PRIVACY, "officer-1").get("/v1/privacy/refused-attempts")).json()["data"]
    assert [(row["what"], row.get("document")) for row in attempts] == [
        ("giveConsent", None), ("approveVersion", "benefits/library-deposit"),
    ]  # fmt: skip
    for language, texts in (
        ("en", ("Approve a document Benefit library-deposit", "Another person decides", "Give a consent")),
        ("zh-CN", ("审批文件 权益 library-deposit", "须由另一人决定", "同意")),
    ):
        officer = await Browser(town, language).sign_in(Audience.PRIVACY, "officer-1")
        await officer.go("/officer/attempts")
        for words in texts:
            assert words in officer.text
        for code in ("four_eyes", "approveVersion", "giveConsent"):
            assert code not in officer.text


async def test_the_start_page_states_that_nothing_is_overdue(town: City) -> None:
    me = town.resident("late-1")
    consent = await me.link("green-travel", "bike-late-1")
    await me.post(f"/v1/me/consents/{consent['consent_id']}/withdraw")
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    assert "Nothing is overdue." in officer.text
    assert "0 are overdue" not in officer.text
    await officer.go("/officer/propagations")
    assert "Green Travel" in officer.text
    town.shift.by = timedelta(days=8)
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    assert "1 is overdue" in officer.text


OPEN: list[tuple[str, str, Callable[[str], bool]]] = [
    ("/scheme", "en", lambda text: "{counterpart}" not in text and "2 for every meeting" in text),
    (
        "/scheme",
        "zh-CN",
        lambda text: "{counterpart}" not in text and "骑行、公交地铁出行" in text and "，骑" not in text,
    ),
    ("/never", "en", lambda text: "cannot be used for joint punishment" in text and "「各市推出的個人信用分" in text),
    ("/never", "zh-CN", lambda text: "各市推出的个人信用分不能用于失信联合惩戒" in text and "ch. 6" not in text),
    ("/", "en", lambda text: "basic public services can be restricted" in text),
    ("/benefits", "en", lambda text: not re.search(r"\b0 minutes|¥0|Delivery: no", text)),
    ("/benefits", "zh-CN", lambda text: not re.search(r" 0 分钟|¥0|送达：", text)),
]


@pytest.mark.parametrize(("path", "language", "so"), OPEN, ids=lambda value: value if isinstance(value, str) else "")
async def test_public_pages_follow_the_readers_language(
    shared_city: City, path: str, language: str, so: Callable[[str], bool]
) -> None:
    anybody = await Browser(shared_city, language).go(path)
    assert so(anybody.text), anybody.text


@pytest.mark.parametrize(
    ("language", "question", "choice"),
    [
        ("en", "Who receives their consents now?", "Another recipient. Consents end on the day it comes into force"),
        ("zh-CN", "现在由谁接收？", "换了接收方。授权在生效当日终止"),
    ],
)
async def test_a_renamed_provider_asks_who_receives_the_consents(
    town: City, language: str, question: str, choice: str
) -> None:
    author = town.actor(Audience.ADMINISTRATOR, "admin-1")
    provider = (await author.get("/v1/admin/providers/city-library")).json()["document"]
    renamed = {**provider, "name": both_languages("和平书屋", "Peace Reading House")}
    await town.client.put("/v1/admin/providers/city-library", json=renamed, headers=author.headers({"If-Match": "*"}))
    assert (await author.post("/v1/admin/providers/city-library/versions/2/submit")).json()["state"] == "in_review"
    officer = await Browser(town, language).sign_in(Audience.PRIVACY, "officer-1")
    await officer.go("/officer/reviews/providers.city-library.2")
    assert question in officer.text
    await officer.send("reason", decision="approve", reason="Read it.")
    assert officer.status == 422
    await officer.send("reason", decision="approve", recipient="another_recipient", reason="Read it.")
    await officer.go("/officer/reviews/providers.city-library.2")
    assert choice in officer.text
    read = (await town.actor(Audience.PRIVACY, "officer-2").get("/v1/privacy/reviews/providers.city-library.2")).json()
    assert (read["state"], read["recipient"]) == ("decided", "another_recipient")


async def test_a_case_is_noted_and_closed(town: City) -> None:
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    await officer.go("/officer/cases")
    await officer.send("Open a case", reason_code="audit", text="The yearly audit.")
    await officer.send("A new note", note="  ")
    assert officer.status == 422
    assert "Please write a note" in officer.text
    await officer.send("A new note", note="Sample drawn.")
    assert "The note is in the case." in officer.text
    assert "Sample drawn." in officer.text
    await officer.send("Conclusion, in writing", conclusion="Nothing unusual.")
    assert "The case is closed." in officer.text
    assert "Nothing unusual." in officer.text
    assert not any("/sample" in form.action or "/notes" in form.action for form in officer.forms)
    await officer.go("/officer/cases")
    assert "Closed" in officer.text


async def test_complaints_are_cards_of_the_board(town: City) -> None:
    await town.resident("wang").post(
        "/v1/me/complaints",
        {"benefit_id": "library-deposit", "venue_id": "city-library-main", "reason_code": "not_honoured"},
    )
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    assert "Answer a complaint: I was not given the benefit" in officer.text
    assert any(address.startswith("/officer/complaints/") for address, _ in officer.links)


async def test_trends_have_a_plot_a_table_and_a_file(town: City) -> None:
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    await officer.go("/officer/trends")
    assert "No objection was opened in these twelve months." in officer.text
    me = town.resident("resident-1")
    (record, *_) = (await me.get("/v1/me/records")).json()["data"]
    body = {"reason_code": "not_mine", "statement": "That was not me."}
    assert (await me.post(f"/v1/me/records/{record['record_id']}/objections", body)).status_code == 201
    await officer.go("/officer/trends")
    assert 'role="img" aria-label="Objections opened: ' in officer.html
    assert "Nothing was decided in these twelve months." in officer.text
    answer = await officer.client.get("/officer/trends/table.csv?source_id=civic-life")
    assert len(answer.text.splitlines()) == 13
    assert answer.text.splitlines()[-1].split(",")[1] in ("0", "1")


async def test_the_table_of_sources_counts_stops_that_are_not_acknowledged(town: City) -> None:
    await objected(town, "wang")
    zhao = town.resident("zhao")
    await zhao.link("green-travel", "bike-zhao")
    assert (await zhao.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    await officer.go("/officer/sources?sort=-unacknowledged")
    (row,) = re.findall(r"<th[^>]*>Green Travel.*?</tr>", officer.html, re.S)
    assert re.findall(r'<td class="n"[^>]*>(?:<a[^>]*>)?(\d+)', row)[:2] == ["1", "1"]


@pytest.mark.parametrize(("language", "sentence"), [("en", "Consents that a privacy officer opened without a case"),
                                                    ("zh-CN", "隐私专员未建立案件而查看授权")])  # fmt: skip
async def test_the_self_audit_is_read_in_plain_words(shared_city: City, language: str, sentence: str) -> None:
    officer = await Browser(shared_city, language).sign_in(Audience.PRIVACY, "officer-1")
    await officer.go("/officer/self-audit")
    assert sentence in officer.text
    assert "officers' looks" not in officer.text


async def test_the_register_is_rendered_once_for_a_language(shared_city: City) -> None:
    officer = await Browser(shared_city, "zh-CN").sign_in(Audience.PRIVACY, "officer-1")
    await officer.go("/officer/register")
    read_once = dashboard._register_list.cache_info()
    await officer.go("/officer/register")
    again = dashboard._register_list.cache_info()
    assert (again.hits, again.misses) == (read_once.hits + 1, read_once.misses)
    assert "保存期限" in officer.text
