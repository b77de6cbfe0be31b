"""The administrator's pages: true differences, findings in words at their fields, no input lost."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from benefits.rules.vocabulary import EffectKind, ProviderKind, ServiceKind
from consent.domain.records import RecordKind
from service.auth.access_tokens import CITY_ZONE, Audience
from service.web import page
from service.web.dispatch import FORM_BYTES_MAX
from service.web.forms import field_labels, fields
from service.web.i18n import labels
from service.web.i18n.formatting import Localizer
from tests.factories import SERVICE_DOCUMENT, administrator, benefit_document, publish_document, put_document
from tests.support.browsing import Browser
from tests.support.city import City

pytestmark = pytest.mark.anyio
ENGLISH, CHINESE = Localizer("en", CITY_ZONE), Localizer("zh-CN", CITY_ZONE)
DEPOSIT = "/admin/benefits/library-deposit"


async def somebody(town: City, number: int = 1, language: str = "en") -> Browser:
    return await Browser(town, language).sign_in(Audience.ADMINISTRATOR, f"admin-{number}")


async def test_the_difference_to_what_is_in_force_cannot_be_buried(town: City) -> None:
    """After a harmful draft and a dozen equal ones, the approver still reads the difference to the version in force."""
    admin, path = administrator(town), "/v1/admin/benefits/library-deposit"
    read = await admin.get(path)
    harmful = {**read.json()["document"], "effect": {"kind": "deposit_waiver", "up_to_fen": 1}}
    tag = read.headers["etag"]
    for _ in range(12):
        tag = (await put_document(admin, path, harmful, tag)).headers["etag"]
    await admin.post(f"{path}/versions/13/submit")
    other = await (await somebody(town, 2)).go(DEPOSIT)
    assert "What changes against what is in force version 1" in other.text
    assert "How much it adds ¥100 ¥0.01" in other.text
    assert "Nothing" not in other.text
    # Its history is read page by page; no version is out of reach, and none is made up.
    assert "version 4" in other.text
    assert f"{DEPOSIT}?version=1" in other.html
    await other.go(next(address for address, words in other.links if words == "Older versions"))
    assert "version 1 " in other.text.split("History")[1]
    assert (await other.go(f"{DEPOSIT}?version=3")).status == 200
    for absent in ("99", "0", "x", "-1"):
        assert (await other.go(f"{DEPOSIT}?version={absent}")).status == 404


async def test_two_tabs_are_a_conflict_and_no_refusal(town: City) -> None:
    first, second = await somebody(town), await somebody(town, 2)
    await first.go(f"{DEPOSIT}/edit")
    await second.go(f"{DEPOSIT}/edit")
    await first.send("_etag", **{"t:/title/en": "First title", "act": "save"})
    await second.send("_etag", **{"t:/title/en": "Second title", "act": "save"})
    assert second.status == 412
    assert "Somebody saved another version meanwhile" in second.text
    assert "First title" in second.text
    assert "Second title" in second.html
    assert "cannot be approved" not in second.text
    assert any(address == f"{DEPOSIT}?version=2" for address, _ in second.links)
    await second.send("_etag", act="save")
    assert "Saved as a draft" in second.text
    assert (await administrator(town).get("/v1/admin/benefits/library-deposit")).json()["version"] == 3


async def test_an_id_that_is_taken_leads_to_its_document(town: City) -> None:
    browser = await somebody(town)
    await browser.go("/admin/benefits/new")
    await browser.send("_etag", **{"t:/benefit_id": "library-deposit", "t:/title/en": "Mine", "act": "save"})
    assert browser.status == 409
    assert "There is a document of this id already" in browser.text
    assert any(address == DEPOSIT for address, _ in browser.links)
    assert "Mine" in browser.html
    assert "cannot be approved" not in browser.text


@pytest.mark.parametrize("name", ["Bad Id !!", "a/b", "..", "ab?c=1", "new"])
async def test_an_invalid_id_is_reported_at_its_field(shared_city: City, name: str) -> None:
    browser = await somebody(shared_city)
    await browser.go("/admin/benefits/new")
    await browser.send("_etag", **{"t:/benefit_id": name, "act": "save"})
    assert browser.status == 422
    assert "It was not saved." in browser.text
    assert any(address == "#at-/benefit_id" and words == "Benefit id" for address, words in browser.links)
    assert "small letters, digits and hyphens" in browser.text


async def test_a_draft_is_discarded_and_the_version_in_force_edited_again(town: City) -> None:
    browser = await somebody(town)
    await browser.go(f"{DEPOSIT}/edit")
    await browser.send("_etag", **{"t:/title/en": "A slip", "act": "save"})
    await browser.send("Discard draft")
    assert "The draft was discarded" in browser.text
    await browser.go(f"{DEPOSIT}/edit")
    assert "A slip" not in browser.html
    await browser.send("_etag", act="save")
    assert "Saved as a draft" in browser.text


async def test_retiring_names_what_ends_and_needs_a_future_day(town: City) -> None:
    browser = await somebody(town)
    await browser.go("/admin/services/book-loan")
    await browser.go(next(address for address, words in browser.links if words == "Retire it"))
    assert "all its benefits" in browser.text
    assert "library-deposit" in browser.text
    today = await town.today()
    await browser.send("I have read what will end", **{"from": today.isoformat()})
    assert "Tick the box" in browser.text
    for day in ((today - timedelta(days=1)).isoformat(), "2026-02-30", "soon", ""):
        await browser.send("I have read what will end", **{"from": day, "sure": "yes"})
        assert browser.status == 422
        assert "Choose a date that is today or later" in browser.text
        assert "cannot be approved" not in browser.text
    await browser.send("I have read what will end", **{"from": (today + timedelta(days=3)).isoformat(), "sure": "yes"})
    assert "It ends on that day" in browser.text
    assert "In force" in browser.text


async def test_the_second_editor_sees_a_conflict(town: City) -> None:
    first, two = await somebody(town), await somebody(town, 2)
    await first.go(DEPOSIT)
    await first.go(f"{DEPOSIT}/versions/1/suspend")
    await first.send("Reason; colleagues", reason="A complaint is being examined.")
    await first.send("Start again")
    assert "It starts again when another person agrees" in first.text
    asked = "A restart was requested; a second person is needed."
    assert asked in first.text
    assert asked in (await two.go("/admin")).text
    assert asked in (await two.go(DEPOSIT)).text
    await two.send("Agree to restart")
    assert "It is in force again." in two.text
    assert asked not in two.text
    # The page names the officer as the one a review waits for.
    source = (await administrator(town).get("/v1/admin/sources/green-travel")).json()["document"]
    await put_document(administrator(town), "/v1/admin/sources/green-travel", {**source, "division": "21"}, "*")
    await first.go("/admin/sources/green-travel")
    await first.send("Submit")
    assert "A privacy officer reviews it" in first.text


@pytest.mark.parametrize(("language", "place"), [("zh-CN", 0), ("en", 1)])
async def test_enum_values_are_shown_by_their_labels(shared_city: City, language: str, place: int) -> None:
    browser = await somebody(shared_city, language=language)
    for kind, group, codes in (
        ("benefits", "effect_kind", EffectKind),
        ("services", "service_kind", ServiceKind),
        ("providers", "provider_kind", ProviderKind),
    ):
        await browser.go(f"/admin/{kind}/new")
        for code in codes:
            name = labels.LABELS[group][str(code)][place]
            # Money is typed in yuan; the API has fen.
            shown = name.replace("(fen)", "(yuan)").replace("（分）", "（元）")
            assert f">{shown}</option>" in unescape(browser.html)
    assert not re.search(r">[a-z]+ [a-z ]+</option>", browser.html)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_no_finding_shows_a_pointer_and_each_leads_to_a_field(shared_city: City, language: str) -> None:
    browser = await somebody(shared_city, language=language)
    await browser.go("/admin/benefits/new")
    half_done = {
        "t:/benefit_id": "half-done",
        "n:/quota/total/count": "many",
        "effect_kind": "fee_discount",
        "effect_amount": "50",
        "condition_at_least": "0",
    }
    await browser.send("_etag", act="check", **half_done)
    findings = browser.html.split('id="findings"')[1].split("</aside>")[0]
    shown = re.findall(r'<a href="([^"]*)">([^<]*)</a>', findings)
    assert len(shown) >= 10
    for address, words in shown:
        assert not words.startswith("/"), words
        assert f'id="{address[1:]}"' in browser.html
    sentences = re.findall(r"<p>([^<]*)</p>", findings)
    assert all(sentence.endswith(("。", ".")) for sentence in sentences)
    if language == "zh-CN":
        assert not [sentence for sentence in sentences if re.search("[A-Za-z]{4}", sentence)]
    limit = "减免须在 1% 到 30% 之间" if language == "zh-CN" else "1 to 30 percent"
    assert limit in findings


async def test_a_refused_benefit_is_named_at_the_top_and_at_its_field_and_not_previewed_as_redeemed(
    shared_city: City,
) -> None:
    browser = await (await somebody(shared_city)).go(f"{DEPOSIT}/edit")
    assert '<div class="mini">' in browser.html
    assert 'id="summary"' not in browser.html
    title = re.findall(r'<input type="(\w+)" name="sentence:title"', browser.html)
    assert set(title) == {"radio"}
    assert browser.html.count('aria-current="step"') == 1
    await browser.send("_etag", act="check", effect_kind="fee_discount", effect_amount="50")
    summary = browser.html.split('id="summary"')[1].split("</section>")[0]
    assert '<a href="#at-/effect/amount">' in summary
    assert 'id="fault-at-/effect/amount"' in browser.html
    assert 'aria-invalid="true" aria-describedby="fault-at-/effect/amount"' in browser.html
    preview = browser.html.split('aria-labelledby="desk"')[1].split("</section>")[0]
    assert "Redeemed" not in preview
    assert "Standard terms apply" in preview
    await browser.send("_etag", act="check", effect_kind="deposit_waiver", effect_amount="100")
    assert "No problem" in browser.html.split('id="summary"')[1].split("</p>")[0]


def test_every_place_has_a_name_and_a_field_near_it() -> None:
    benefit_, scheme = benefit_document(), {"indicators": [{"kind": "bike_trip", "tiers": [{}]}], "dimensions": []}
    for pointer, expected in {
        "/effect/percent": "How much it adds",
        "/effect": "What it adds",
        "/condition/all/1/at_least": "Condition",
        "/title": "Title",
        "/valid": "When it is valid",
        "/terms": "Terms",
        "/quota/per_resident": "Times for one person",
        "/wings/left": "Something else: wings › left",
    }.items():
        assert field_labels.label(ENGLISH, "benefits", pointer, benefit_) == expected
        assert field_labels.label(CHINESE, "benefits", pointer, benefit_) != expected
    assert field_labels.label(ENGLISH, "schemes", "/indicators/0/tiers", scheme) == "Indicator 1 · Bike trips · steps"
    assert field_labels.label(CHINESE, "schemes", "/indicators/0/yearly_cap", scheme) == "指标 1 · 骑行 · 每年上限"
    assert field_labels.label(ENGLISH, "sources", "/onboarding", {}) == "What the source declares"
    assert field_labels.anchor("benefits", "/title", benefit_) == "at-/title/zh-CN"
    assert field_labels.anchor("benefits", "/condition/any/2/measure", benefit_) == "at-/condition/2"
    assert field_labels.anchor("schemes", "/indicators/0/tiers", scheme) == "at-/indicators/0/tiers/0/up_to"
    assert field_labels.anchor("benefits", "/wings", benefit_) == "editor"


def test_values_are_shown_in_words() -> None:
    condition = {"all": [{"measure": "total", "at_least": 60}, {"measure": "green_living", "at_least": 5}]}
    assert field_labels.value_text(CHINESE, "benefits", "/condition", condition, {}) == "总积分至少 60 且绿色生活至少 5"
    assert field_labels.value_text(ENGLISH, "services", "/kind", "library_loan", {}) == "Library loan"
    assert field_labels.value_text(ENGLISH, "services", "/baseline/delivery", True, {}) == "yes"
    assert field_labels.value_text(ENGLISH, "benefits", "/condition", {"all": "x"}, {}) == '{"all": "x"}'
    text = {"zh-CN": "借书", "en": "Borrow"}
    assert field_labels.value_text(ENGLISH, "benefits", "/title", text, {}) == "Borrow\n借书"
    assert field_labels.value_text(CHINESE, "benefits", "/title", text, {}) == "借书\nBorrow"


async def test_an_approved_benefit_says_when_it_comes_into_force(town: City) -> None:
    year = await town.last_year() + 2
    document = benefit_document(valid={"from": f"{year}-03-01", "until": f"{year}-12-31"})
    assert await publish_document(town, "benefits", "another-one", document) == "scheduled"
    browser = await Browser(town).sign_in(Audience.ADMINISTRATOR, "admin-1")
    await browser.go("/admin/benefits/another-one")
    assert f"comes into force on 1 March {year}" in browser.text


async def test_a_scheme_is_edited_in_parts_with_every_step_it_has(town: City) -> None:
    browser = await somebody(town)
    await browser.go("/admin/schemes/new")
    assert browser.html.count('<details class="card section">') == 5 + len(RecordKind) + 1
    assert "Indicator 1 · " in browser.text
    version = (await administrator(town).get("/v1/admin/schemes")).json()["data"][0]["id"]
    scheme = (await administrator(town).get(f"/v1/admin/schemes/{version}")).json()["document"]
    long = copy.deepcopy({**scheme, "version": "2090.1", "from_year": 2090})
    tiers = [{"up_to": 10 * place, "units": 1, "points": 1} for place in range(1, 9)]
    long["indicators"][0]["tiers"] = [*tiers, {"units": 2, "points": 1}]
    await administrator(town).post("/v1/admin/schemes", long)
    await browser.go("/admin/schemes/2090.1/edit")
    await browser.send("_etag", act="save")
    stored = (await administrator(town).get("/v1/admin/schemes/2090.1")).json()
    assert stored["version"] == 2
    assert len(stored["document"]["indicators"][0]["tiers"]) == 9
    assert f"What changes against what is in force {version}" in browser.text
    await browser.send("Preview the impact")
    assert "fewer than 200 people have points here" in browser.text
    assert "volunteer_minutes" not in browser.text.split("The whole document")[0]


async def test_documents_are_listed_by_name_with_distinct_versions(town: City) -> None:
    await put_document(
        administrator(town),
        "/v1/admin/benefits/library-deposit",
        {**(benefit_document(benefit_id="library-deposit"))},
        "*",
    )
    browser = await somebody(town, language="zh-CN")
    await browser.go("/admin/benefits")
    row = next(part for part in browser.html.split("<tr>") if "library-deposit" in part)
    assert "免押金借阅" in row
    assert row.index("生效中") < row.index("草稿")
    await browser.go(DEPOSIT)
    assert "<h1>免押金借阅" in browser.html
    await browser.go(f"{DEPOSIT}/edit")
    assert re.search(
        r'<select class="select" id="at-/service_id".*<option value="book-loan" selected>图书外借<',
        browser.html,
        re.S,
    )


async def test_an_invalid_number_of_points_is_reported_at_its_field(shared_city: City) -> None:
    browser = await (await somebody(shared_city)).go(DEPOSIT)
    await browser.send("green_living", green_living="abc")
    assert browser.status == 422
    assert "Points are a whole number" in browser.text
    assert "Standard terms apply" not in browser.text
    assert 'value="abc" aria-invalid="true"' in browser.html


async def test_the_page_names_what_a_worse_baseline_stops_before_submission(town: City) -> None:
    worse: dict[str, Any] = copy.deepcopy(SERVICE_DOCUMENT)
    worse["baseline"]["deposit_fen"] = 20_000
    await put_document(administrator(town), "/v1/admin/services/book-loan", worse, "*")
    browser = await (await somebody(town)).go("/admin/services/book-loan")
    assert "the benefit library-deposit is suspended at once" in browser.text
    assert "Advice" in browser.text


async def test_waiting_documents_are_listed_beyond_one_page(shared_city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "LIST_MAX", 3)
    await administrator(shared_city).post("/v1/admin/benefits", benefit_document(benefit_id="zz-last"))
    browser = await (await somebody(shared_city)).go("/admin")
    assert "zz-last" in browser.html


@pytest.mark.parametrize("name", ["t:/a/" + "9" * 5_000, "n:" + "/0" * 2_000, "t:/" + "x" * (FORM_BYTES_MAX // 2)])
async def test_odd_names_of_fields_break_nothing(shared_city: City, name: str) -> None:
    browser = await (await somebody(shared_city)).go("/admin/benefits/new")
    await browser.send("_etag", **{name: "1", "act": "check"})
    assert browser.status == 200


async def test_a_form_beyond_its_limit_is_refused(shared_city: City) -> None:
    browser = await (await somebody(shared_city)).go("/admin/benefits/new")
    await browser.send("_etag", **{"t:/" + "x" * FORM_BYTES_MAX: "1", "act": "check"})
    assert browser.status == 413


def test_ids_of_fields_are_there_once() -> None:
    for kind in ("providers", "venues", "sources", "services", "benefits", "notices", "schemes", "issuers"):
        drawn = [field.pointer for field in fields.fields_of(kind, {"indicators": [{}, {}]})]
        assert len(drawn) == len(set(drawn))


def editor_fields(browser: Browser) -> dict[str, str]:
    """The fields of the editor's form, not of the one that changes the language."""
    form = next(form for form in browser.forms if "t:/title/en" in dict(form.fields) and "lang=" not in form.action)
    return dict(form.fields)


async def test_a_whole_benefit_is_composed_without_typing_a_sentence(town: City) -> None:
    """Without scripts: structure first, then "Fill in", other sentences, and a draft that no officer need read."""
    author = await somebody(town)
    await author.go("/admin/benefits/new")
    assert "recommended" not in author.html
    structure = {
        "t:/benefit_id": "longer-loan",
        "t:/scene": "library",
        "t:/service_id": "book-loan",
        "t:/division": "2101",
        "condition_at_least": "40",
        "effect_kind": "longer_period",
        "effect_amount": "10",
        "n:/quota/per_resident/count": "2",
        "t:/quota/per_resident/period": "month",
        "t:/valid/from": "2026-01-01",
        "t:/valid/until": "2028-12-31",
        "t:/assessment_id": "PIA-2026-900",
    }
    await author.send("t:/title/en", act="fill", **structure)
    assert author.status == 200
    assert "No problems found." in author.text
    typed = editor_fields(author)
    assert typed["t:/title/zh-CN"] == "借期延长 10 天"
    assert typed["t:/title/en"] == "Borrow for 10 more days"
    assert "You can use it twice a month." in typed["t:/terms/en"]
    assert "offline.staff/city-library-main" in author.html
    # Other sentences for the terms alone, in the page's order.
    await author.send("t:/title/en", **{"sentence:terms": "rule.valid-days", "act": "fill"})
    typed = editor_fields(author)
    assert typed["t:/terms/zh-CN"] == "有效期自 2026 年 1 月 1 日起，至 2028 年 12 月 31 日止。"
    assert typed["t:/title/en"] == "Borrow for 10 more days"
    await author.send("t:/title/en", act="save")
    assert (author.status, "longer-loan" in author.url) == (200, True)
    submitted = await administrator(town).post("/v1/admin/benefits/longer-loan/versions/1/submit")
    assert submitted.json() == {"state": "submitted", "findings": []}


async def test_own_words_stay_and_are_for_an_officer(town: City) -> None:
    author = await somebody(town)
    await author.go(f"{DEPOSIT}/edit")
    assert "a privacy officer reads them first" in author.text
    await author.send("_etag", **{"t:/terms/en": "Ask at the counter.", "sentence:terms": "", "act": "fill"})
    typed = editor_fields(author)
    assert typed["t:/terms/en"] == "Ask at the counter."
    assert typed["t:/title/en"] == "Borrow without a deposit"
    assert "is not a closed sentence. A privacy officer will review it" in author.text


async def test_filling_in_a_faulty_structure_says_what_is_wrong(town: City) -> None:
    author = await somebody(town)
    await author.go("/admin/benefits/new")
    await author.send(
        "t:/title/en",
        **{"t:/service_id": "book-loan", "effect_kind": "fee_discount", "effect_amount": "50", "act": "fill"},
    )
    assert author.status == 200
    assert "1 to 30 percent" in author.text
    assert "#at-/effect" in author.html


async def test_another_condition_is_filled_into_the_texts(town: City) -> None:
    """As in the tutorial: the ticked sentences stay, with the new number."""
    author = await somebody(town)
    await author.go(f"{DEPOSIT}/edit")
    form = next(form for form in author.forms if "_etag" in dict(form.fields))
    changed = [(name, "50" if (name, value) == ("condition_at_least", "60") else value) for name, value in form.fields]
    await author.submit(replace(form, fields=[*changed, ("act", "fill")]))
    assert "at least 50 points in total" in editor_fields(author)["t:/description/en"]
    assert "总积分达到 50 分" in editor_fields(author)["t:/description/zh-CN"]
    assert "No problems found." in author.text


async def test_the_prominent_step_of_a_draft_is_the_one_that_can_succeed(town: City) -> None:
    """Submit with nothing refused, the partner's checklist while only others are missing, else the editor."""
    browser = await somebody(town)
    prominent = re.compile(r'<(?:button|a) class="btn ?"[^>]*>(?:<svg.*?</svg>)?([^<]+)<')
    await browser.go("/admin/providers/new")
    names = {"t:/name/zh-CN": "港湾停车", "t:/name/en": "Harbour Parking", "t:/division": "2101", "act": "save"}
    await browser.send("_etag", **names, **{"t:/provider_id": "harbour", "t:/kind": "parking_operator"})
    assert prominent.findall(browser.html) == ["Submit"]
    venue = names | {"t:/venue_id": "harbour-1", "t:/provider_id": "harbour"}
    await browser.go("/admin/venues/new")
    await browser.send("_etag", **venue)
    assert prominent.findall(browser.html) == ["Edit (a new version)"]
    await browser.go("/admin/venues/harbour-1/edit")
    await browser.send("_etag", **venue, **{"t:/client_id": "harbour-1"})
    assert [unescape(text) for text in prominent.findall(browser.html)] == ["Open the partner's checklist"]


async def test_fields_that_may_stay_empty_say_so(shared_city: City) -> None:
    browser = await somebody(shared_city)
    await browser.go("/admin/venues/new")
    optional = re.findall(r'<label for="at-([^"]+)">[^<]*<span class="soft">\(optional\)</span>', browser.html)
    assert optional == ["/address/zh-CN", "/address/en", "/hours", "/geo"]
    await browser.go("/admin/services/new")
    assert "What everybody gets without points" in browser.text


async def test_the_partners_one_filled_button_is_the_next_step(shared_city: City) -> None:
    browser = await (await somebody(shared_city)).go("/admin/partner?provider=city-library")
    main = browser.html.split("<main")[1]
    assert len(re.findall(r'class="btn(?: small)?"', main)) <= 1
    await browser.go("/admin/partner")
    assert re.findall(r'class="btn" href="([^"]*)"', browser.html) == ["/admin/providers/new"]


async def test_the_import_says_how_much_it_takes(shared_city: City) -> None:
    browser = await (await somebody(shared_city)).go("/admin/exchange")
    assert f"At most {FORM_BYTES_MAX // 1024} KiB here." in browser.text
