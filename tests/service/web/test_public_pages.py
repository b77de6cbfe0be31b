"""Public pages without scripts: lists rendered once, ways on, and the deeds in words."""

from __future__ import annotations

import pytest

from service.auth.access_tokens import Audience
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
