"""Offline passes as a page: for a venue of another city too, once this city has recognised it (T10)."""

from __future__ import annotations

import json

import pytest

from benefits.passes import jose, sd_jwt
from benefits.redemption.offline_passes.issuance import PASSES_MAX
from service.auth.access_tokens import Audience
from tests.factories import administrator, publish_document
from tests.support import means
from tests.support.browsing import Browser
from tests.support.city import City
from tests.support.issuers import URL, recognised
from tests.support.passes import new_key

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("language", "heading", "shown"),
    [
        ("en", "In another city", "Borrow without a deposit, Neighbour City · their-library"),
        ("zh-CN", "在其他城市使用", "邻市 · their-library"),
    ],
)
async def test_t10_passes_for_a_venue_of_another_city_are_taken_on_the_page(
    town: City, language: str, heading: str, shown: str
) -> None:
    await means.reader(town)
    me = await Browser(town, language).sign_in(Audience.RESIDENT, "wang")
    await me.go("/me/passes")
    assert heading not in me.text
    # The script makes as many keys as the API takes.
    assert f'data-passes-max="{PASSES_MAX}"' in me.html
    await recognised(town)
    # With uses left for both keys, one pass is taken: it counts at once.
    body = (await administrator(town).get("/v1/admin/benefits/library-deposit")).json()["document"]
    several = {**body, "quota": {"per_resident": {"count": 5, "period": "year"}}}
    await publish_document(town, "benefits", "library-deposit", several)
    await me.go("/me/passes")
    assert heading in me.text
    (form,) = [form for form in me.forms if "issuer_id" in dict(form.fields)]
    assert dict(form.fields)["benefit"] == "library-deposit@"
    keys = json.dumps([jose.public_jwk(new_key().public_key()) for _ in range(2)])
    await me.submit(form, venue_id="Their Library!", keys=keys)
    assert me.status == 422
    await me.submit(form, venue_id=" their-library ", keys=keys, _key="another-key-of-the-form")
    taken = json.loads(me.html)["passes"]
    assert len(taken) == 1
    assert sd_jwt.take_apart(taken[0]["pass"])[1].venue == f"{URL}/venues/their-library"
    await me.go("/me/passes")
    assert shown in me.text
