"""Paper slips as pages, without scripts: made from a code's page and at the kiosk, printed, stopped (T8)."""

from __future__ import annotations

import re

import pytest

from service.auth.access_tokens import Audience
from tests.support import means
from tests.support.browsing import Browser
from tests.support.city import City

pytestmark = pytest.mark.anyio


async def reader(town: City) -> Browser:
    """Somebody to whom the library's benefit applies, signed in."""
    await means.reader(town)
    return await Browser(town).sign_in(Audience.RESIDENT, "wang")


async def test_t8_a_slip_from_a_code_is_printed_and_scanned(town: City) -> None:
    """T8: the desk's page takes the sixteen characters of the paper."""
    me = await reader(town)
    await me.go("/me/show")
    await me.send("/me/show", benefit="library-deposit@city-library-main")
    await me.submit(next(form for form in me.forms if form.action == "/me/slips"))
    assert "Here is the slip." in me.text
    (path,) = [href for href, _text in me.links if href.endswith("/print")]
    pdf = await me.client.get(path)
    assert (pdf.headers["content-type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    assert b"/Count 1 " in pdf.content, "one sheet of paper"
    code = re.search(r'class="num">((?:[2-9A-Z]{4} ?){4})<', me.html)
    assert code, me.html
    desk = await Browser(town).sign_in(Audience.VENUE, "city-library-main")
    await desk.go("/desk")
    await desk.send("/desk/answer", handle=code[1], act="redeem")
    assert "No deposit, up to ¥100" in desk.text
    await me.go("/me/slips")
    assert "Used" in me.text
    assert [href for href, _text in me.links if href.endswith("/print")] == []


async def test_a_stopped_slip_is_gone(town: City) -> None:
    me = await reader(town)
    await me.go("/me/show")
    await me.send("/me/show", benefit="library-deposit@city-library-main")
    await me.submit(next(form for form in me.forms if form.action == "/me/slips"))
    await me.submit(next(form for form in me.forms if form.action.endswith("/stop")))
    assert "Stopped. The slip no longer works." in me.text
    assert "No paper slips." in me.text


async def test_the_kiosk_prints_a_slip_for_somebody_without_a_phone(town: City) -> None:
    me = await reader(town)
    await me.go("/me/kiosk")
    await me.submit(next(form for form in me.forms if "Borrow without a deposit" in form.text))
    await me.submit(next(form for form in me.forms if form.action == "/me/kiosk/slip"))
    assert me.url.startswith("/me/kiosk/slip/") or "/me/kiosk/slip/" in me.url
    assert "Print the slip" in me.text
    (path,) = [href for href, _text in me.links if href.endswith("/print")]
    assert (await me.client.get(path)).content[:5] == b"%PDF-"
    assert (await town.resident("wang").post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
    await me.go(me.url)
    assert "Ended" in me.text
