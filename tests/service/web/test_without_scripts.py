"""The pages' stories without any script: every flow is links and forms, on both engines."""

from __future__ import annotations

from typing import Any

import pytest

from benefits.rules.vocabulary import Scene
from service.auth.access_tokens import Audience
from tests.support.browsing import Browser
from tests.support.city import City

pytestmark = pytest.mark.anyio


async def test_somebody_new_comes_to_a_benefit_and_stops(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "new-1")
    assert "No points yet" in me.text
    # A notice, an answer, a code for the source's own app.
    await me.go("/me/consents")
    await me.send("Read the notice: Green Travel", account="bike-new-1")
    assert "You can say no. Nothing changes for you." in me.text
    await me.send("I agree")
    assert "One step is left" in me.text
    code = " ".join(me.text.split("Your code: ")[1].split()[:2])
    source = town.source()
    confirmed = await source.post("/v1/source/links/confirm", {"code": code, "account": "bike-new-1"})
    assert confirmed.status_code == 200
    await source.deliver(
        {
            "record_id": "n1.1",
            "account": "bike-new-1",
            "kind": "bike_trip",
            "quantity": 126,
            "occurred_on": f"{await town.last_year()}-06-01",
        }
    )
    # The explanation of the 63 points.
    await me.go("/me")
    assert "I have 63 points" in me.text
    assert "Bike trips" in me.text
    assert "126 trips" in me.text
    assert "+63" in me.text
    # Borrowing without a deposit: consent to the library, show a code, the desk scans it.
    await me.go("/me/benefits/library-deposit")
    await me.send("Allow City Library to check eligibility")
    await me.send("I agree")
    await me.go("/me/show")
    await me.send("Borrow without a deposit")
    handle = me.html.split('class="typed"')[1].split(">")[1].split("<")[0]
    desk = await Browser(town).sign_in(Audience.VENUE, "city-library-main")
    await desk.send("/desk/answer", handle=handle, act="check")
    assert "Valid, not redeemed yet" in desk.text
    await desk.send("/desk/answer", handle=handle.upper(), act="redeem")
    assert "Redeemed : No deposit, up to ¥100 Borrow without a deposit · until" in desk.text
    await desk.send("/desk/answer", handle=handle, act="redeem")
    assert "Standard terms apply" in desk.text
    await desk.go("/desk/day")
    await desk.send("Scanned by mistake", reason_code="mistaken_scan")
    assert "Taken back" in desk.text
    # The access log; and the withdrawal.
    await me.go("/me/accesses")
    assert "City Library redeemed “Borrow without a deposit”" in me.text
    await me.go("/me/consents")
    await me.send("Stop: Green Travel")
    assert "Its 63 points stop counting at once" in me.text
    await me.send("Stop")
    assert "Stopped." in me.text
    assert "Undo" in me.text
    await me.go("/me")
    assert "I have 0 points" in me.text


async def test_refusing_everything_costs_nothing_and_every_page_works(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "somebody-c16")
    await me.go("/me/consents")
    await me.send("Read the notice: Volunteer Service", account="volunteer-c16")
    await me.send("No, thank you")
    assert "You said no" in me.text
    for path in ("", "/benefits", "/show", "/consents", "/mine", "/records", "/objections", "/accesses", "/messages"):
        await me.go("/me" + path)
        assert me.status == 200, path
    for path in ("/", "/scheme", "/benefits", "/never", "/logs"):
        await me.go(path)
        assert me.status == 200, path


async def test_an_objection_is_decided_and_the_resident_notified(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "resident-1")
    await me.go("/me/records")
    await me.go(next(address for address, words in me.links if words.startswith("Report a mistake")))
    await me.send("In your own words", reason_code="not_mine", statement="  ")
    assert me.status == 422
    assert "Please say in a few words" in me.text
    await me.send("In your own words", reason_code="not_mine", statement="That was not me.")
    assert "Being decided: It is not mine" in me.text
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    await officer.go(next(address for address, _ in officer.links if address.startswith("/officer/objections/")))
    assert "That was not me." in officer.text
    await officer.send("Tell the person that I am looking into it")
    await officer.send("The person is right", decision="take_back", reason="")
    assert "Please give a reason" in officer.text
    await officer.send("The person is right", decision="take_back", reason="The bike was hired by somebody else.")
    assert "Your reasons are recorded" in officer.text
    await me.go("/me/messages")
    assert "The bike was hired by somebody else." in me.text


async def test_a_harm_is_refused_and_explained_where_it_is_written(town: City) -> None:
    author = await Browser(town).sign_in(Audience.ADMINISTRATOR, "admin-1")
    await author.go("/admin/benefits/library-deposit/edit")
    await author.send("_etag", effect_amount="0", act="check")
    assert "This breaks a rule and cannot be approved" in author.text
    await author.send("_etag", effect_kind="fee_discount", effect_amount="20", act="check")
    assert "Effects only add to what everybody gets." in author.text
    assert "basic public services stay open" in author.text
    # Stored all the same as a draft; its submission is refused.
    await author.send("_etag", act="save")
    assert "Saved as a draft" in author.text
    await author.send("Submit")
    assert author.status == 422
    assert "Refused by the rules" in author.text


async def test_two_people_publish_what_both_have_read(town: City) -> None:
    author, other = Browser(town), Browser(town)
    await author.sign_in(Audience.ADMINISTRATOR, "admin-1")
    await author.go("/admin/benefits/library-deposit/edit")
    chinese, title = "图书外借免押金", "Book loan: no deposit"
    await author.send("_etag", **{"t:/title/zh-CN": chinese, "t:/title/en": title, "act": "save"})
    assert "What changes against what is in force version 1" in author.text
    assert title in author.text
    await author.send("Preview the impact")
    assert "Impact, in tens" in author.text
    await author.send("green_living", green_living="70")
    assert "The benefit applies" in author.text
    await author.go("/admin/benefits/library-deposit")
    await author.send("Submit")
    assert "Waiting for approval" in author.text
    await author.send("Approve what is shown here")
    assert author.status == 403
    await other.sign_in(Audience.ADMINISTRATOR, "admin-2")
    await other.go("/admin/benefits/library-deposit")
    await other.send("Approve what is shown here")
    assert "In force" in other.text
    await other.go("/benefits?scene=library")
    assert title in other.text
    # One stops it at once, two start it again.
    await other.go("/admin/benefits/library-deposit")
    version = (await town.actor(Audience.ADMINISTRATOR, "admin-2").get("/v1/admin/benefits/library-deposit")).json()
    await other.go(f"/admin/benefits/library-deposit/versions/{version['version']}/suspend")
    await other.send("Reason; colleagues", reason="A complaint is being examined.")
    await other.send("Start again")
    assert "It starts again when another person agrees" in other.text
    await author.go("/admin/benefits/library-deposit")
    await author.send("Agree to restart")
    assert "It is in force again." in author.text


async def test_a_source_is_published_after_an_officers_review(town: City) -> None:
    author = await Browser(town).sign_in(Audience.ADMINISTRATOR, "admin-1")
    await author.go("/admin/sources/new")
    fields = {
        "t:/source_id": "park-rangers",
        "t:/name/zh-CN": "公园护林",
        "t:/name/en": "Park Rangers",
        "t:/category": "volunteer",
        "c:/kinds": "tree_planted",
        "t:/division": "2101",
        "t:/client_id": "park-rangers",
        "t:/onboarding/legal_basis": "本人单独同意",
        "f:/onboarding/voluntary": "yes",
        "f:/onboarding/independent_of_employer_landlord_school_penal": "yes",
        "t:/onboarding/assessment_id": "PIA-2026-900",
    }
    await author.send("_etag", act="save", **fields)
    assert author.status == 200, author.text
    await author.send("Submit")
    assert "With a privacy officer" in author.text
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    await officer.go(
        next(address for address, _ in officer.links if "/officer/reviews/sources.park-rangers" in address)
    )
    assert "PIA-2026-900" in officer.text
    await officer.send("Approve", decision="approve", reason="Read and checked.")
    other = await Browser(town).sign_in(Audience.ADMINISTRATOR, "admin-2")
    await other.go("/admin/sources/park-rangers")
    await other.send("Approve what is shown here")
    assert "In force" in other.text


async def test_a_scheme_is_edited_and_simulated(town: City) -> None:
    author = await Browser(town).sign_in(Audience.ADMINISTRATOR, "admin-1")
    await author.go("/admin/schemes/new")
    # The draft opens without a fault: the next version, from the first year in which it may begin.
    year = (await town.today()).year + 1
    fields = dict(next(form.fields for form in author.forms if "_etag" in dict(form.fields)))
    assert (fields["t:/version"], fields["n:/from_year"]) == (f"{year}.1", str(year))
    assert f"{year}.1" in fields["t:/title/en"]
    assert 'class="finding refused"' not in author.html
    await author.send("_etag", act="save", **{"n:/indicators/0/yearly_cap": "120"})
    assert author.status == 200, author.text
    await author.send("Preview the impact")
    assert "No number is shown, because fewer than 200 people have points here." in author.text
    await author.send("Submit")
    assert "With a privacy officer" in author.text


async def test_an_officer_reads_under_a_case_and_verifies(town: City) -> None:
    await town.resident("seen-1").link("green-travel", "bike-seen-1")
    consent = (await town.resident("seen-1").get("/v1/me/consents")).json()["data"][0]["consent_id"]
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    await officer.go("/officer/cases")
    await officer.send("In your own words", text="Quarterly oversight.")
    assert "The case is open" in officer.text
    await officer.send("size", size="5")
    assert "A random sample" in officer.text
    await officer.send("Its id, from a receipt", id=consent)
    assert "Its timeline, with proofs" in officer.text
    me = await Browser(town).sign_in(Audience.RESIDENT, "seen-1")
    await me.go("/me/accesses")
    assert "A privacy officer looked at one of your consents" in me.text
    await officer.go("/officer/verification")
    await officer.send("Verify now")
    assert "both logs and every person's chain are sound" in officer.text
    for path in ("attempts", "propagations", "register", "self-audit"):
        await officer.go(f"/officer/{path}")
        assert officer.status == 200


async def test_a_resident_exports_their_data_and_leaves(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "resident-2")
    await me.go("/me/export")
    assert '"records"' in me.html
    await me.go("/me/leave")
    await me.send("Delete my data")
    assert "Tick the box" in me.text
    await me.send("Delete my data", sure="yes")
    assert "All your data is deleted" in me.text
    await me.go("/me")
    assert "Who are you?" in me.text, "the session has ended with the data"


async def test_a_receipt_can_be_downloaded(town: City) -> None:
    await town.resident("kept-1").link("green-travel", "bike-kept-1")
    me = await Browser(town, "zh-CN").sign_in(Audience.RESIDENT, "kept-1")
    await me.go("/me/consents")
    await me.go(next(address for address, words in me.links if words.startswith("回执")))
    assert "在公开日志中的位置" in me.text
    await me.go(next(address for address, _ in me.links if address.endswith("receipt.json")))
    assert '"jws"' in me.html


async def test_what_if_is_a_sum_alone(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "what-if-1")
    await me.send("If today I do", kind="bike_trip", quantity="130")
    assert "It would be 65 instead of 0." in me.text
    assert "Borrow without a deposit" in me.text
    await me.send("If today I do", kind="bike_trip", quantity="many")
    assert "Enter a whole number" in me.text


async def test_the_public_catalogue_shows_every_scene_with_its_baseline(town: City) -> None:
    anybody = await Browser(town, "zh-CN").go("/benefits")
    assert anybody.text.count("无积分") == len(Scene)
    await anybody.go("/benefits?scene=library")
    assert anybody.text.count("无积分") == 1


NASTY: list[dict[str, Any]] = [
    {},
    {"condition": 5, "effect": [], "quota": "x", "title": None, "valid": []},
    {"condition": {"all": [1, {"any": []}]}, "effect": {"kind": 5}, "title": {"zh-CN": 7, "en": "<b>"}},
    {"condition": {"any": "measure"}, "effect": {}, "kinds": 3, "baseline": [], "indicators": "many", "languages": 1},
    {"baseline": {"price_fen": "x", "wings": 2, "items": None}, "indicators": [1, {}], "dimensions": {}, "tiers": 0},
]


@pytest.mark.parametrize(
    "kind", ["benefits", "services", "sources", "schemes", "notices", "providers", "venues", "issuers"]
)
async def test_any_draft_can_be_opened(shared_city: City, kind: str) -> None:
    """A draft of another client may have any content; its pages still show its findings."""
    administrator = shared_city.actor(Audience.ADMINISTRATOR, "admin-1")
    member = {"schemes": "version"}.get(kind, kind.removesuffix("s") + "_id")
    browser = await Browser(shared_city).sign_in(Audience.ADMINISTRATOR, "admin-1")
    for number, nasty in enumerate(NASTY):
        name = f"nasty-{number}"
        drafted = await administrator.post(f"/v1/admin/{kind}", {**nasty, member: name})
        assert drafted.status_code == 201, drafted.text
        for path in (f"/admin/{kind}/{name}", f"/admin/{kind}/{name}/edit"):
            await browser.go(path)
            assert browser.status == 200, (path, nasty)
            assert "This breaks a rule and cannot be approved" in browser.text
            assert "<b>" not in browser.html
        await browser.send("_etag", act="save")
        assert browser.status == 200


async def test_an_officer_reads_a_document_as_it_was_written(town: City) -> None:
    administrator = town.actor(Audience.ADMINISTRATOR, "admin-1")
    source = (await administrator.get("/v1/admin/sources/green-travel")).json()["document"]
    renamed = {**source, "name": {"zh-CN": "绿色出行新名", "en": "Green Travel"}}
    saved = await town.client.put(
        "/v1/admin/sources/green-travel", json=renamed, headers=administrator.headers({"If-Match": "*"})
    )
    assert saved.status_code == 200
    assert (await administrator.post("/v1/admin/sources/green-travel/versions/2/submit")).json()["state"] == "in_review"
    officer = await Browser(town, "zh-CN").sign_in(Audience.PRIVACY, "officer-1")
    await officer.go("/officer/reviews/sources.green-travel.2")
    assert "绿色出行新名" in officer.text
