"""Forms and documents: what a form shows of a document is what it makes of it again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benefits.scoring import scheme
from consent.domain.document_kinds import DocumentKind
from service.demo import seed
from service.web.dispatch import FIELDS_MAX
from service.web.forms import fields, parse
from service.web.forms.fields import Field
from tests.support.issuers import ISSUER


def filled(kind: str, document: dict[str, Any]) -> list[tuple[str, str]]:
    """The fields of a form as a browser sends them, nothing changed."""
    sent: list[tuple[str, str]] = []
    for field in fields.fields_of(kind, document):
        sent += _sent(field, parse.value_at(document, field.pointer), document)
    return sent


def _sent(field: Field, value: Any, document: dict[str, Any]) -> list[tuple[str, str]]:
    if field.type == "condition":
        built = parse.condition_builder(document.get("condition"))
        rows = [("condition_measure", measure) for measure, _ in built.rows]
        return [("condition_mode", built.mode), *rows, *(("condition_at_least", text) for _, text in built.rows)]
    if field.type == "effect":
        return [("effect_kind", value["kind"]), ("effect_amount", parse.effect_amount(value))]
    if field.type == "choices":
        return [(f"c:{field.pointer}", item) for item in value]
    if field.type == "flag":
        return [(field.name, "" if value is None else "yes" if value else "no")]
    if field.type == "money":
        return [(field.name, parse.yuan_text(value))]
    return [(field.name, "" if value is None else str(value))]


def documents() -> list[tuple[str, dict[str, Any]]]:
    catalogue = [
        (str(kind), body)
        for kind in DocumentKind
        if kind not in (DocumentKind.SCHEMES, DocumentKind.ISSUERS)
        for body in seed.documents(kind)
    ]
    return [*catalogue, ("issuers", ISSUER), *(("schemes", dict(body)) for body in scheme.shipped())]


@pytest.mark.parametrize(("kind", "document"), documents(), ids=lambda value: str(value)[:30])
def test_a_form_sent_as_it_came_changes_nothing(kind: str, document: dict[str, Any]) -> None:
    parsed = parse.to_document(filled(kind, document))
    # A line of text is trimmed at its ends; nothing else differs.
    assert trimmed(parsed) == trimmed(document)


def trimmed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: trimmed(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [trimmed(inner) for inner in value]
    return value.strip() if isinstance(value, str) else value


def test_text_that_is_no_number_stays_for_the_check_to_report() -> None:
    parsed = parse.to_document([("n:/baseline/items", "five"), ("n:/baseline/price_fen", "9" * 40), ("n:/x", "٣")])
    assert parsed == {"baseline": {"items": "five", "price_fen": "9" * 40}, "x": "٣"}


def test_a_condition_deeper_than_the_builder_is_shown_whole() -> None:
    deep = {"all": [{"any": [{"measure": "total", "at_least": 5}]}, {"measure": "total", "at_least": 7}]}
    assert parse.condition_builder(deep).too_deep == deep
    assert (
        parse.condition_builder({"any": [{"measure": "total", "at_least": 1}] * (parse.CONDITION_ROWS + 1)}).too_deep
        is not None
    )


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=20))
def test_no_form_breaks_the_reader(sent: list[tuple[str, str]]) -> None:
    assert isinstance(parse.to_document(sent), dict)


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[tnfc]:(/(a|b|0|1|quota|indicators|tiers|count|kind)){1,4}", fullmatch=True),
            st.text(max_size=5),
        ),
        max_size=15,
    )
)
def test_any_pointer_into_a_document_is_handled(sent: list[tuple[str, str]]) -> None:
    assert isinstance(parse.to_document(sent), dict)


def test_every_step_of_a_scheme_is_drawn_and_one_more() -> None:
    document = dict(scheme.shipped()[0])
    tiers = [{"up_to": place + 1, "units": 1, "points": 1} for place in range(scheme.TIERS_MAX - 1)]
    indicators = [{**indicator, "tiers": [*tiers, {"units": 1, "points": 1}]} for indicator in document["indicators"]]
    full = {**document, "indicators": indicators}
    sent = filled("schemes", full)
    assert parse.to_document(sent) == {**trimmed(full)}
    assert len(sent) + 8 <= FIELDS_MAX
    two = {**document, "indicators": [{**document["indicators"][0], "tiers": tiers[:2]}]}
    drawn = [field.pointer for field in fields.fields_of("schemes", two)]
    assert "/indicators/0/tiers/2/points" in drawn
    assert "/indicators/0/tiers/3/points" not in drawn


@pytest.mark.parametrize(
    "name",
    [
        "t:/a/" + "9" * 5_000,
        "n:" + "/0" * 2_000,
        "t:/" + "x" * 1_000_000,
        "t:/a/1000",
        "c:/kinds" + "/a" * 8,
        "t:/" + "x" * 65,
        "t://",
        "tt:/a",
        "t:a",
    ],
    ids=lambda name: name[:12],
)
def test_a_name_that_no_form_has_is_passed_over(name: str) -> None:
    assert parse.to_document([(name, "1"), ("t:/name/en", "Library")]) == {"name": {"en": "Library"}}


@pytest.mark.parametrize("kind", [*fields.FIELDS, "schemes"])
def test_every_field_has_a_label(kind: str) -> None:
    unlabelled = [field.pointer for field in fields.fields_of(kind, {"indicators": [{}]}) if "/" in field.label.en[:1]]
    assert not unlabelled, "add them to service/web/forms/labels.toml"
