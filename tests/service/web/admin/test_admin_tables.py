"""Administrators' tables, waiting work, the partner checklist, money in yuan, import and export, without scripts."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest

from service.auth.access_tokens import Audience
from service.demo import synthetic_use
from service.web.forms import parse
from tests import factories
from tests.support.browsing import Browser
from tests.support.city import City

pytestmark = pytest.mark.anyio


async def administrator(town: City, number: int = 1) -> Browser:
    return await Browser(town).sign_in(Audience.ADMINISTRATOR, f"admin-{number}")


async def test_the_tables_address_chooses_and_its_file_has_the_same_rows(shared_city: City) -> None:
    browser = await administrator(shared_city)
    await browser.go("/admin/benefits?scene_code=parking&sort=-name")
    assert "Riverside Parking" in browser.text
    assert "1–1 of 1" in browser.text
    answer = await browser.client.get("/admin/benefits/table.csv?scene_code=parking")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(row["id"], row["state"]) for row in rows] == [("parking-free-minutes", "In force")]
    for kind in ("services", "providers", "venues", "sources", "schemes", "notices", "issuers"):
        await browser.go(f"/admin/{kind}?q=nowhere-at-all&page=7&sort=odd")
        assert "Nothing fits." in browser.text, kind
        assert "None yet." not in browser.text, kind
    await browser.go("/admin/issuers")
    assert "None yet." in browser.text
    assert "Nothing fits." not in browser.text


async def test_divisions_are_read_by_name(shared_city: City) -> None:
    browser = await administrator(shared_city)
    await browser.go("/admin/venues")
    assert "Heping" in browser.text
    await browser.go("/admin/venues/city-library-main/edit")
    assert '<option value="210102" selected>Heping</option>' in browser.html


async def test_work_waits_for_me_or_for_others(town: City) -> None:
    first, second = await administrator(town), await administrator(town, 2)
    await first.go("/admin/providers/city-library/edit")
    await first.send("_etag", act="save", **{"t:/name/en": "City Library of all"})
    for browser, waits_for in ((first, "Waiting for me"), (second, "Waiting for others")):
        await browser.go("/admin")
        part = browser.html.split(f">{waits_for}</h2>")[1].split("</section>")[0]
        assert "/admin/providers/city-library?version=2" in part, waits_for


async def test_a_copy_begins_with_everything_but_the_id(shared_city: City) -> None:
    browser = await administrator(shared_city)
    await browser.go("/admin/benefits/new?from=library-deposit")
    fields = dict(next(form for form in browser.forms if form.text and "_etag" in dict(form.fields)).fields)
    assert fields["t:/benefit_id"] == ""
    assert fields["t:/title/en"] == "Borrow without a deposit"
    assert fields["effect_amount"] == "100"
    await browser.go("/admin/benefits/new?from=nothing-here")
    assert browser.status == 404


@pytest.mark.parametrize(
    ("typed", "fen"),
    [("100", 10_000), ("99.5", 9_950), ("¥1,299.05", 129_905), ("0", 0), ("1.234", "1.234"), ("-3", "-3"), ("٣", "٣")],
)
def test_money_is_typed_in_yuan_and_stored_in_fen(typed: str, fen: int | str) -> None:
    assert parse.to_document([("m:/baseline/deposit_fen", typed)]) == {"baseline": {"deposit_fen": fen}}
    effect = parse.to_document([("effect_kind", "deposit_waiver"), ("effect_amount", typed)])["effect"]
    assert effect == {"kind": "deposit_waiver", "up_to_fen": fen}
    if isinstance(fen, int):
        assert parse.fen_of(parse.yuan_text(fen)) == fen


async def test_a_partner_is_one_checklist(town: City) -> None:
    browser = await administrator(town)
    await browser.go("/admin/partner?provider=city-library")
    for words in ("City Library, main building", "Book loan", "Borrow without a deposit", "New benefit on Book loan"):
        assert words in browser.text, words
    await browser.go("/admin/venues/new?provider_id=city-library&division=210102")
    fields = {"t:/venue_id": "library-east", "t:/name/zh-CN": "图书馆东馆", "t:/name/en": "City Library, east"}
    assert "It cannot be changed after saving." in browser.text
    assert "as the identity provider gives it" in browser.text
    await browser.send("_etag", act="save", **{**fields, "t:/client_id": "library-east"})
    await browser.go(next(address for address, words in browser.links if words == "Open the partner's checklist"))
    assert "1 draft is ready to be submitted." in browser.text
    await browser.send("1 draft is ready")
    assert "Submitted as one package." in browser.text
    assert "Package: City Library, east" in browser.text
    package = browser.url
    assert "approve" not in browser.html.split("/recall")[0].split("<main")[1]
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    review = next(address for address, _ in officer.links if address.startswith("/officer/reviews/package."))
    await officer.go(review)
    assert "City Library, east" in officer.text
    assert "图书馆东馆" in officer.text
    await officer.send("Reason, in writing", decision="approve", reason="The venue exists.")
    assert officer.status == 200
    second = await administrator(town, 2)
    assert any(address == package.removeprefix("http://city.test").partition("?")[0] for address, _ in second.links)
    await second.go("/admin/venues/library-east")
    assert "Open its package" in second.text
    await browser.go(package)
    await browser.send("Approve what is shown here")
    assert browser.status == 403
    await second.go(package)
    # The page shows the documents themselves, in both languages.
    for words in ("图书馆东馆", "City Library city-library", "library-east"):
        assert words in second.text, words
    await second.send("Approve what is shown here")
    assert "Approved: all documents of the package." in second.text
    await browser.go("/admin/partner?provider=city-library")
    assert "0 drafts are ready" in browser.text


async def test_a_refused_package_names_each_document_to_correct(town: City) -> None:
    browser = await administrator(town)
    await browser.go("/admin/benefits/new?service_id=book-loan&division=21")
    await browser.send("_etag", act="save", **{"t:/benefit_id": "half-done"})
    await browser.go("/admin/partner?provider=city-library")
    await browser.send("1 draft is ready")
    assert browser.status == 422
    assert "Nothing was submitted. Correct these documents and submit them again." in browser.text
    assert any(address.startswith("/admin/benefits/half-done/edit#") for address, _ in browser.links)
    assert "1 draft is ready" in browser.text


async def test_a_partner_without_drafts_has_no_package_to_submit(shared_city: City) -> None:
    browser = await administrator(shared_city)
    await browser.go("/admin/benefits")
    form_token = re.search(r'name="_form" value="([0-9a-f]+)"', browser.html)
    assert form_token is not None
    answer = await browser.client.post("/admin/partner?provider=city-library", data={"_form": form_token[1]})
    assert answer.status_code == 422
    assert "Body does not fit" in answer.text


async def test_a_package_is_recalled_by_one_press(town: City) -> None:
    browser = await administrator(town)
    await browser.go("/admin/venues/new?provider_id=city-library&division=210102")
    fields = {"t:/venue_id": "library-east", "t:/name/zh-CN": "图书馆东馆", "t:/name/en": "City Library, east"}
    assert "It cannot be changed after saving." in browser.text
    assert "as the identity provider gives it" in browser.text
    await browser.send("_etag", act="save", **{**fields, "t:/client_id": "library-east"})
    await browser.go(next(address for address, words in browser.links if words == "Open the partner's checklist"))
    await browser.send("1 draft is ready")
    await browser.go("/admin/packages")
    (package,) = {href for href, _ in browser.links if href.startswith("/admin/packages/") and "table.csv" not in href}
    await browser.go(package)
    await browser.send("Recall: make drafts of all documents")
    assert "Recalled. All documents are drafts again." in browser.text
    await browser.go("/admin/packages?state_code=recalled")
    assert "City Library, east" in browser.text
    answer = await browser.client.get("/admin/packages/table.csv?state_code=recalled")
    (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert (row["name"], row["documents"], row["state"]) == ("City Library, east", "1", "Recalled")
    await browser.go("/admin/packages?state_code=recalled&q=nowhere-at-all")
    assert "Nothing fits." in browser.text
    await browser.go("/admin/partner?provider=city-library")
    assert "1 draft is ready" in browser.text


async def test_an_export_is_imported_again_and_a_fault_loses_nothing(town: City) -> None:
    browser = await administrator(town)
    exported = await browser.client.get("/admin/exchange/catalogue.yaml")
    assert exported.headers["content-disposition"].endswith('catalogue.yaml"')
    assert "library-deposit" in exported.text
    assert (await browser.client.get("/admin/exchange/catalogue.exe")).status_code == 404
    await browser.go("/admin/exchange")
    await browser.send("catalogue", catalogue='{"catalogue":{"venues":[{"venue_id":"x"}]}}')
    assert browser.status == 422
    assert "Venues, number 1" in browser.text
    assert "/catalogue/" not in browser.text
    assert "What you pasted is still here." in browser.text
    assert (
        "venue_id" in dict(next(form for form in browser.forms if "catalogue" in dict(form.fields)).fields)["catalogue"]
    )
    await browser.go("/admin/exchange")
    await browser.send("catalogue", catalogue="catalogue: {}")
    assert "0 drafts were made" in browser.text


async def test_the_activity_names_who_did_what(town: City) -> None:
    browser = await administrator(town)
    await browser.go("/admin/providers/city-library/edit")
    await browser.send("_etag", act="save", **{"t:/name/en": "City Library of all"})
    await browser.go("/admin")
    assert "Drafted : City Library of all" in browser.text
    await browser.go("/admin/activity?kind=providers&act_code=draft&q=city%20library")
    assert "City Library of all" in browser.text
    answer = await browser.client.get("/admin/activity/table.csv?kind=providers&act_code=draft&staff_id=admin-1")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(row["act"], row["document"], row["person"]) for row in rows[:1]] == [
        ("Drafted", "City Library of all", "admin-1")
    ]
    await browser.go("/admin/activity?q=nowhere-at-all")
    assert "Nothing fits." in browser.text


async def test_the_use_of_one_week_is_chosen_by_the_address(town: City) -> None:
    browser = await administrator(town)
    await synthetic_use.add_to_figures(town.app_context)
    await browser.go("/admin/usage")
    weeks = dict(re.findall(r'<option value="(\d{4}-\d\d-\d\d)"[^>]*>([^<]+)', browser.html))
    earliest = min(weeks)
    for address in (f"/admin/usage?week={earliest}", f"/admin/usage?week={earliest}&by=x"):
        await browser.go(address)
        assert f"From {weeks[earliest]} to" in browser.text
        assert f'<option value="{earliest}" selected>' in browser.html
    answer = await browser.client.get(f"/admin/usage/table.csv?by=benefit&week={earliest}")
    assert any(row["key"] == "library-deposit" for row in csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
    await browser.go("/admin/usage?week=2001-01-01")
    assert f"From {weeks[max(weeks)]} to" in browser.text


async def test_the_use_of_a_suspended_benefit_is_shown_by_its_name(town: City) -> None:
    browser = await administrator(town)
    await synthetic_use.add_to_figures(town.app_context)
    await browser.go("/admin/usage")
    assert "Borrow without a deposit" in browser.text
    path = "/v1/admin/benefits/library-deposit/versions/1/suspend"
    answer = await factories.administrator(town).post(path, {"reason": "The terms are wrong."})
    assert answer.status_code == 200, answer.text
    await browser.go("/admin/usage")
    assert "Borrow without a deposit" in browser.text


async def test_use_is_plotted_on_the_overview_and_filtered_by_division(town: City) -> None:
    author = factories.administrator(town)
    body = (await author.get("/v1/admin/benefits/library-deposit")).json()["document"]
    await factories.publish_document(
        town, "benefits", "library-heping", {**body, "benefit_id": "library-heping", "division": "210102"}
    )
    await synthetic_use.add_to_figures(town.app_context)
    browser = await administrator(town)
    await browser.go("/admin")
    part = browser.html.split('aria-labelledby="weeks"')[1].split("</section>")[0]
    assert 'role="img" aria-label="Redemptions by week: ' in part
    released = (await author.get("/v1/admin/reports/usage?by=week")).json()["data"]
    assert part.count('role="rowheader"') == len(released)
    assert "Each number contains noise" in part

    await browser.go("/admin/usage?division=210102")
    listed = browser.html.split('aria-labelledby="benefits"')[1].split("</section>")[0]
    assert "/admin/benefits/library-heping" in listed
    assert "/admin/benefits/library-deposit" not in listed
    answer = await browser.client.get("/admin/usage/table.csv?by=benefit&division=210102")
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
    shown = (await author.get("/v1/admin/reports/usage?by=benefit")).json()["data"]
    numbers = {row["key"]: row["count"] for row in shown}
    assert [(row["key"], row["count"]) for row in rows] == [("library-heping", str(numbers["library-heping"]))]
    # A suspended benefit was used before, and stays in its division.
    suspended = await author.post("/v1/admin/benefits/library-heping/versions/1/suspend", {"reason": "A test."})
    assert suspended.status_code == 200
    await browser.go("/admin/usage?division=210102")
    assert "/admin/benefits/library-heping" in browser.html.split('aria-labelledby="benefits"')[1]
    await browser.go("/admin/usage?division=nowhere")
    assert "/admin/benefits/library-deposit" in browser.html


@pytest.mark.parametrize(("language", "service"), [("en", "Book loan"), ("zh-CN", "图书外借")])
async def test_a_benefit_names_its_service_in_the_readers_language(
    shared_city: City, language: str, service: str
) -> None:
    browser = await Browser(shared_city, language).sign_in(Audience.ADMINISTRATOR, "admin-1")
    await browser.go("/admin/benefits/library-deposit")
    row = browser.html.split("改善哪项服务" if language == "zh-CN" else "The service it improves")[1].split("</tr>")[0]
    assert f'{service} <code class="xs soft"><span class="nowrap">book-loan</span></code>' in row


async def test_the_next_scheme_begins_in_a_year_to_come_by_the_clock_of_the_city(town: City) -> None:
    year = (await town.today()).year
    town.shift.by = timedelta(days=3 * 366)
    browser = await administrator(town)
    await browser.go("/admin/schemes/new")
    fields = dict(next(form.fields for form in browser.forms if "_etag" in dict(form.fields)))
    assert int(fields["n:/from_year"]) > year + 3


async def test_the_table_counts_the_problems_of_new_and_changed_drafts(town: City) -> None:
    author = factories.administrator(town)
    assert (
        await author.post("/v1/admin/benefits", factories.benefit_document(service_id="no-such"))
    ).status_code == 201
    changed = factories.benefit_document(benefit_id="library-deposit", service_id="no-such")
    assert (await factories.put_document(author, "/v1/admin/benefits/library-deposit", changed, "*")).status_code == 200
    browser = await administrator(town)
    await browser.go("/admin/benefits?q=another-one")
    alone = browser.text.count("Draft, 1 problem")
    await browser.go("/admin/benefits?q=library-deposit")
    assert (alone, browser.text.count("Draft, 1 problem")) == (1, 1), browser.text
