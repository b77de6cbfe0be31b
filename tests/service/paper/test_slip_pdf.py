"""The PDF of a slip: one page, readable without installed fonts, the code in letters and as a QR code."""

from __future__ import annotations

import base64
import re
import zlib

import pytest

from service.api.resident import slips
from service.demo import seed
from service.paper import slip_pdf
from service.paper.slip_pdf import SlipText

CODE = "AB2CD3EF4GH5JK6M"
TEXTS = (
    SlipText("信易+ 纸质凭证", "免押金借阅", ("使用地点：市图书馆", "有效期至2026年12月29日，只能使用一次。")),
    SlipText("Credit-Easy+ paper slip", "Borrow without a deposit", ("Where: City Library", "Until then, once.")),
)


def streams(data: bytes) -> bytes:
    """The unpacked streams of a PDF, one after the other; some are ASCII85 as well."""
    packed = re.findall(rb">>\s*stream\r?\n(.*?)endstream", data, re.S)
    parts = [base64.a85decode(part.strip().removesuffix(b"~>")) if b"~>" in part[-6:] else part for part in packed]
    return b"".join(zlib.decompressobj().decompress(part) for part in parts)


def test_it_is_one_page_with_its_font_inside() -> None:
    data = slip_pdf.draw(CODE, TEXTS)
    assert data.startswith(b"%PDF-")
    assert data.count(b"/Type /Page\n") + len(re.findall(rb"/Type /Page[^s]", data)) >= 1
    assert b"/FontFile2" in data
    assert b"/ToUnicode" in data
    assert len(data) < 120_000


@pytest.mark.parametrize("benefit_id", ["library-deposit", "checkup-window"])
def test_a_benefit_of_the_city_fits_one_page(benefit_id: str) -> None:
    benefits = seed.documents("benefits")
    benefit = next(body for body in benefits if body["benefit_id"] == benefit_id)
    venue = {"name": {"zh-CN": "市第二医院体检中心服务台", "en": "Second Hospital, check-up desk"}}
    data = slip_pdf.draw(CODE, [slips.text_of(language, benefit, venue, "2026-12-29") for language in ("zh-CN", "en")])
    assert re.findall(rb"/Count (\d+)", data) == [b"1"]


def test_the_same_slip_is_the_same_file() -> None:
    assert slip_pdf.draw(CODE, TEXTS) == slip_pdf.draw(CODE, TEXTS)


def test_long_terms_are_wrapped_within_the_page_and_continue_on_the_next() -> None:
    long = SlipText("x", "y", ("请在柜台出示。" * 200, "word " * 400))
    data = slip_pdf.draw(CODE, (long, long))
    assert int(re.findall(rb"/Count (\d+)", data)[0]) > 1
    for text in long.lines:
        for line in slip_pdf.wrapped(text, slip_pdf.TEXT_POINTS, 400):
            from reportlab.pdfbase.pdfmetrics import stringWidth

            assert stringWidth(line, slip_pdf.FONT, slip_pdf.TEXT_POINTS) <= 400


@pytest.mark.parametrize(("text", "lines"), [("", []), ("A", ["A"]), ("信易，", ["信易，"])])
def test_short_texts_stay_on_a_line(text: str, lines: list[str]) -> None:
    assert slip_pdf.wrapped(text, 16, 400) == lines


def test_a_line_never_begins_with_closing_punctuation() -> None:
    lines = slip_pdf.wrapped("一二三四五，六七八九十。" * 6, 16, 81)
    assert lines
    assert [line for line in lines if line[0] in "，。"] == []


def test_the_code_is_drawn_and_grouped() -> None:
    assert slip_pdf.grouped(CODE) == "AB2C D3EF 4GH5 JK6M"
    assert streams(slip_pdf.draw(CODE, TEXTS)).count(b" re") > 100
