"""A paper slip as a PDF of one A4 page: large print, both languages, a QR code and its letters.

Pure but for the font file, which is read once. The font is embedded with the characters that the page uses, so that
Chinese prints on a viewer without Chinese fonts too.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import segno

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

FONT = "NotoSansSC"
FONT_FILE = "fonts/NotoSansSC-Regular-GB2312.ttf"
MARGIN_POINTS = 40
TEXT_POINTS, TITLE_POINTS, CODE_POINTS = 16, 26, 30
"""Sizes of type: 16 points are what people with low vision ask for at least."""
LEADINGS = (1.45, 1.3, 1.2)
"""Distances of two lines as a multiple of their size; the first with which a slip fits one page is taken."""
QR_POINTS = 170
"""6 cm: read from an arm's length by a desk's camera, also from a bad printer."""
CODE_GROUP = 4
"""Characters between two spaces of the code."""


@dataclass(frozen=True, slots=True)
class SlipText:
    """The texts of a slip in one language."""

    heading: str
    title: str
    lines: tuple[str, ...]


def draw(code: str, texts: Sequence[SlipText]) -> bytes:
    """Return the PDF of a slip: the code as QR and letters, then the texts, one language after the other.

    A character that the font lacks is printed as an empty box. Text beyond the page's end continues on further pages.
    """
    # Imported here: a process that prints nothing need not load it, and must start soon.
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    _register_font()
    out = io.BytesIO()
    # `invariant`: no time of making and no random id in the file.
    canvas = Canvas(out, pagesize=A4, invariant=True, pageCompression=True, lang="zh-CN")
    canvas.setTitle(texts[0].title)
    width, height = A4
    page = _Page(canvas, width, height - MARGIN_POINTS, height)
    _draw_code(page, code)
    page.leading = _leading(texts, width - 2 * MARGIN_POINTS, page.top - MARGIN_POINTS)
    for text in texts:
        for paragraph, size in _paragraphs(text):
            page.write(paragraph, size)
        page.top -= TEXT_POINTS
    canvas.save()
    return out.getvalue()


def _paragraphs(text: SlipText) -> list[tuple[str, int]]:
    """Return the paragraphs of one language with their sizes in points."""
    return [(text.heading, TEXT_POINTS), (text.title, TITLE_POINTS), *((line, TEXT_POINTS) for line in text.lines)]


def _leading(texts: Sequence[SlipText], width: float, height: float) -> float:
    """Return the widest leading with which the texts fit into `height` points, the narrowest if they never do."""
    gaps = TEXT_POINTS * len(texts)
    paragraphs = [paragraph for text in texts for paragraph in _paragraphs(text)]
    sizes = sum(size * len(wrapped(paragraph, size, width)) for paragraph, size in paragraphs)
    return next((leading for leading in LEADINGS if sizes * leading + gaps <= height), LEADINGS[-1])


@dataclass(slots=True)
class _Page:
    """A canvas, the height at which the next line begins, in points from the bottom, and the leading."""

    canvas: Canvas
    width: float
    top: float
    height: float
    leading: float = LEADINGS[0]

    def write(self, text: str, size: float) -> None:
        """Write a paragraph in as many lines as it needs, on a new page where this one is full."""
        for line in wrapped(text, size, self.width - 2 * MARGIN_POINTS):
            if self.top < MARGIN_POINTS + size:
                self.canvas.showPage()
                self.top = self.height - MARGIN_POINTS
            self.top -= size * self.leading
            self.canvas.setFont(FONT, size)
            self.canvas.drawString(MARGIN_POINTS, self.top, line)


def wrapped(text: str, size: float, width: float) -> list[str]:
    """Return the lines of a text: broken at spaces, and between Chinese characters, which have none."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    _register_font()
    lines, line = [], ""
    for word in _words(text):
        if line and stringWidth((line + word).rstrip(), FONT, size) > width:
            lines.append(line.rstrip())
            line = word.lstrip()
        else:
            line += word
    return [*lines, line.rstrip()] if line.strip() else lines


def _words(text: str) -> list[str]:
    """Return the parts between which a line may break; closing punctuation stays with the character before it."""
    words: list[str] = []
    for character in text:
        joins = (
            words
            and not words[-1].endswith(" ")
            and ((character.isascii() and words[-1][-1].isascii()) or character in "，。；：！？、）》”’")
        )
        if joins:
            words[-1] += character
        else:
            words.append(character)
    return words


def _draw_code(page: _Page, code: str) -> None:
    """Draw the QR code with vector squares, and its letters below it in groups of four."""
    matrix: tuple[bytearray, ...] = tuple(segno.make_qr(code, error="q").matrix)
    module = QR_POINTS / len(matrix)
    left, top = (page.width - QR_POINTS) / 2, page.top
    for row, modules in enumerate(matrix):
        for column, dark in enumerate(modules):
            if dark:
                x, y = left + column * module, top - (row + 1) * module
                page.canvas.rect(x, y, module * 1.02, module * 1.02, stroke=0, fill=1)
    page.top = top - QR_POINTS - CODE_POINTS * LEADINGS[0]
    page.canvas.setFont(FONT, CODE_POINTS)
    page.canvas.drawCentredString(page.width / 2, page.top, grouped(code))
    page.top -= TEXT_POINTS


def grouped(code: str) -> str:
    """Return a code in groups of four characters, for reading aloud."""
    return " ".join(code[at : at + CODE_GROUP] for at in range(0, len(code), CODE_GROUP))


@lru_cache(maxsize=1)
def _register_font() -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    data = (resources.files("service.paper") / FONT_FILE).read_bytes()
    pdfmetrics.registerFont(TTFont(FONT, io.BytesIO(data)))
