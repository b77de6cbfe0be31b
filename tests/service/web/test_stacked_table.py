"""Labels of table cells for narrow screens, and texts that do not break over two lines."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup, escape

from service.web import stacked_table
from service.web.i18n.formatting import UNBROKEN_MAX, Localizer, template_environment

HEAD = (
    '<thead><tr><th scope="col">Source</th><th scope="col"><a href="?sort=due">Due</a></th><th>Both</th></tr></thead>'
)


def test_each_cell_has_its_heading_and_each_part_its_role() -> None:
    row = '<tr><th scope="row">Bikes</th><td class="n">1</td><td></td></tr><tr><td colspan="2">x</td><td>y</td></tr>'
    assert stacked_table.with_labels(f"{HEAD}<tbody>{row}</tbody>") == (
        '<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">Source</th>'
        '<th scope="col" role="columnheader"><a href="?sort=due">Due</a></th>'
        '<th role="columnheader">Both</th></tr></thead>'
        '<tbody role="rowgroup"><tr role="row"><th scope="row" role="rowheader">Bikes</th>'
        '<td class="n" role="cell" data-label="Due">1</td><td role="cell"></td></tr>'
        '<tr role="row"><td colspan="2" role="cell">x</td><td role="cell" data-label="Both">y</td></tr></tbody>'
    )


@given(st.text(max_size=20), st.text(max_size=20))
def test_texts_of_a_table_stay_text(heading: str, value: str) -> None:
    table = f"<thead><tr><th>{escape(heading)}</th></tr></thead><tbody><tr><td>{escape(value)}</td></tr></tbody>"
    labelled = stacked_table.with_labels(table)
    assert f">{escape(value)}</td>" in labelled
    assert labelled.count("<") == table.count("<")


def test_a_row_beyond_its_headings_has_no_label() -> None:
    assert stacked_table.with_labels("<tbody><tr><td>1</td></tr></tbody>") == (
        '<tbody role="rowgroup"><tr role="row"><td role="cell">1</td></tr></tbody>'
    )


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_dates_and_ids_of_the_templates_stay_in_one_line(language: str) -> None:
    localizer = Localizer(language, ZoneInfo("Asia/Shanghai"))
    show = template_environment(localizer).from_string("{{ value|day }} {{ id|unbroken }} {{ id|person }}").render
    day = localizer.day("2026-11-28")
    assert show(value="2026-11-28", id="admin-1") == (
        f'<span class="nowrap">{day}</span>' + 2 * ' <span class="nowrap">admin-1</span>'
    )
    long = "a-" * UNBROKEN_MAX
    assert show(value=None, id=long) == f" {long} {long}"
    assert show(value=None, id="<b>").count("&lt;b&gt;") == 2
    # The element around a day changes no spaces of a Chinese sentence.
    sentence = template_environment(localizer).from_string('{{ _("from %(day)s", day=value|day) }}')
    assert Markup(sentence.render(value="2026-11-28")).striptags() == localizer.filled_text(
        "from %(day)s", {"day": day}
    )
