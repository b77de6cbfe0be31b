"""Public pages without scripts: lists rendered once, ways on, and the deeds in words."""

from __future__ import annotations

import re

import pytest

from service.auth.access_tokens import Audience
from service.web.i18n import labels
from service.web.public import pages
from tests.support.browsing import Browser
from tests.support.city import City

pytestmark = pytest.mark.anyio


async def test_the_lists_for_everybody_are_rendered_once_for_each_language_and_answer(shared_city: City) -> None:
    for rendered, path in ((pages._benefit_list, "/benefits"), (pages._prohibited_use_list, "/never")):
        rendered.cache_clear()
        for language in ("en", "zh-CN", "en", "zh-CN"):
            reader = Browser(shared_city, language)
            await reader.go(path)
            assert reader.status == 200
        assert (rendered.cache_info().misses, rendered.cache_info().hits) == (2, 2), path


async def test_a_list_of_another_answer_is_rendered_again(shared_city: City) -> None:
    reader = Browser(shared_city)
    await reader.go("/benefits?scene=parking")
    assert "Park free for 30 more minutes" in reader.text
    assert "Borrow without a deposit" not in reader.text


async def test_public_pages_lead_residents_to_their_points(shared_city: City) -> None:
    """The link is in the header of every public page, also for somebody who is signed in; the stored page has none."""
    for reader in (Browser(shared_city), await Browser(shared_city).sign_in(Audience.RESIDENT, "resident-1")):
        for path in ("/", "/benefits", "/earn", "/figures", "/help"):
            await reader.go(path)
            assert ("/me", "My points") in reader.links, path
        await reader.go("/offline")
        assert ("/me", "My points") not in reader.links


async def test_the_steps_of_a_deed_name_their_unit(shared_city: City) -> None:
    for path in ("/scheme", "/earn"):
        reader = await Browser(shared_city).go(path)
        assert "up to 1,200 minutes : 1 for every 60 minutes" in reader.text.replace("minutes:", "minutes :"), path


async def test_each_answer_of_the_help_leads_on(shared_city: City) -> None:
    reader = await Browser(shared_city).go("/help")
    links = {address for address, _ in reader.links}
    assert {"/earn", "/benefits", "/scheme", "/privacy", "/me/records", "/never"} <= links


@pytest.mark.parametrize(
    ("language", "label", "text"), [("en", "Counts for", "24 months"), ("zh-CN", "有效期", "24 个月")]
)
async def test_the_validity_of_a_deed_has_its_unit(shared_city: City, language: str, label: str, text: str) -> None:
    """On a narrow screen the label stands in front of the value: the two read as one sentence."""
    reader = await Browser(shared_city, language).go("/scheme")
    assert f'data-label="{label}">{text}</td>' in reader.html


@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_dates_in_prose_are_written_out(shared_city: City, language: str) -> None:
    for path in ("/", "/earn", "/benefits", "/scheme", "/figures", "/never", "/help", "/privacy"):
        reader = await Browser(shared_city, language).go(path)
        assert not re.findall(r"\b20\d\d-\d\d-\d\d\b", reader.text), path


async def test_a_clause_is_quoted_once_in_chinese_and_with_its_original_in_english(shared_city: City) -> None:
    chinese = await Browser(shared_city, "zh-CN").go("/never")
    assert "“各市推出的个人信用分不能用于失信联合惩戒”" in chinese.text
    assert "個人信用分" not in chinese.text
    english = await Browser(shared_city).go("/never")
    assert "「各市推出的個人信用分不能用於失信聯合懲戒」" in english.text


async def test_every_scene_has_two_short_lines_in_chinese(shared_city: City) -> None:
    assert {len(label.in_language("zh-CN").split(" · ")) for label in labels.LABELS["scene"].values()} == {2}


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "You choose what counts. Points are never deducted."), ("zh-CN", "您同意，才计分。只加分，不扣分。")],
)
async def test_a_page_describes_itself_to_search_engines(shared_city: City, language: str, sentence: str) -> None:
    reader = await Browser(shared_city, language).go("/")
    assert f'<meta name="description" content="{sentence}">' in reader.html
