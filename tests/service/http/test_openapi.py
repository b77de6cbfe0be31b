"""The OpenAPI document is valid, whole and honest: every route in it, every answer as it says."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Annotated, Any

import pytest
from pydantic import create_model
from starlette.routing import Mount, Route

from benefits.rules.vocabulary import EffectKind
from service import app
from service.api import openapi_texts
from service.api.resident.schemas import ConsentAnswer, ExplanationAnswer
from service.api.routes import AUDIENCES, OPERATIONS
from service.http.json_io import ApiModel
from service.http.openapi import schemas
from service.http.openapi.field_docs import describe_fields
from service.http.openapi.named import component
from service.http.openapi.operation import template
from service.http.problems import TABLE
from service.web import routes as site
from tests.support.city import City

HIDDEN = {
    *("/openapi.json", "/docs", "/docs.css", "/docs.js", "/static/{version}/{name}", "/demo-sign-in/token"),
    *(route.path for route in site.ROUTES),
    "/{rest}",
}
"""Routes for people and browsers, outside the document."""


@pytest.mark.slow
def test_the_document_is_valid_openapi_3_1() -> None:
    assert app.document()["openapi"].startswith("3.1")
    # Imported here: it takes half a second, and every process of a run imports this module.
    from openapi_spec_validator import OpenAPIV31SpecValidator

    assert list(OpenAPIV31SpecValidator(app.document()).iter_errors()) == []


def test_every_operation_is_named_once_and_guarded_as_it_says() -> None:
    ids = [operation.operation_id for operation in OPERATIONS]
    assert len(ids) == len(set(ids))
    for operation in OPERATIONS:
        described = app.document()["paths"][template(operation)][operation.method.lower()]
        assert described["operationId"] == operation.operation_id
        assert described["security"] == ([{operation.audience.value: []}] if operation.audience else [])
        assert set(operation.errors) <= set(TABLE)


def test_problems_speak_of_audiences() -> None:
    assert [
        code for code, row in TABLE.items() if "door" in " ".join(row.en).lower() or "入口" in "".join(row.zh)
    ] == []


def test_descriptions_distinguish_the_answers_that_succeed() -> None:
    answers = app.document()["paths"]["/v1/venue/redemptions"]["post"]["responses"]
    assert answers["201"]["description"] == "The benefit was redeemed."
    assert answers["200"]["description"] == "Standard terms apply: one answer for every reason."
    for calls in app.document()["paths"].values():
        for call in calls.values():
            models = [
                body
                for body in call["responses"].get("200", {}).get("content", {}).values()
                if "$ref" in body["schema"]
            ]
            assert not models or call["responses"]["200"]["description"] != "Done."


@pytest.mark.anyio
async def test_every_route_is_in_the_document(shared_city: City) -> None:
    running = shared_city.client._transport.app  # type: ignore[attr-defined]
    paths = set()
    for route in running.routes:
        if isinstance(route, Mount):
            paths |= {route.path + inner.path for inner in route.routes if isinstance(inner, Route)}
        elif isinstance(route, Route):
            paths.add(route.path)
    assert {path.replace(":path}", "}") for path in paths} - HIDDEN == set(app.document()["paths"])
    served = await shared_city.client.get("/openapi.json")
    assert served.json() == app.document()


@pytest.mark.anyio
async def test_the_page_loads_nothing_from_elsewhere(shared_city: City) -> None:
    class Loads(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.links: list[str] = []
            self.inline = False

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.links += [value or "" for name, value in attrs if name in ("src", "href")]
            self.inline |= tag == "style" or any(name.startswith("on") or name == "style" for name, _ in attrs)

    page = await shared_city.client.get("/docs")
    loads = Loads()
    loads.feed(page.text)
    assert not loads.inline
    assert {"/docs.css", "/docs.js", "/openapi.json"} <= set(loads.links)
    for target in loads.links:
        assert target.startswith(("/", "#")), target
        if target.startswith("/"):
            answer = await shared_city.client.get(target)
            assert answer.status_code == 200
            assert "http://" not in answer.text.replace("http://json-schema", "") or target == "/openapi.json"
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert (await shared_city.client.get("/docs.js")).headers["content-type"].startswith("text/javascript")


def walk(value: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object of the document with its place."""
    if isinstance(value, dict):
        yield place, value
        for name, inner in value.items():
            yield from walk(inner, f"{place}/{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from walk(inner, f"{place}/{index}")


def reachable(value: Any) -> set[str]:
    """Return the names of the schemas that a part of the document refers to, through others."""
    return set(schemas.used_schemas(value, app.document()["components"]["schemas"]))


def test_every_call_parameter_schema_and_member_is_described() -> None:
    api = app.document()
    known = api["components"]["schemas"]
    missing = [name for name, schema in known.items() if not schema.get("description")]
    for name, schema in known.items():
        for member, property_ in schema.get("properties", {}).items():
            target = known.get(property_.get("$ref", "").rpartition("/")[2], {})
            if not (property_.get("description") or target.get("description")):
                missing.append(f"{name}.{member}")
    for methods in api["paths"].values():
        for call in methods.values():
            missing += [call["operationId"]] if not (call["summary"] and call["description"]) else []
            missing += [f"{call['operationId']} {row['name']}" for row in call["parameters"] if not row["description"]]
    assert missing == [], "give each a docstring or description: classes and members in service/api/*/schemas.py"


def is_parameter(part: str) -> bool:
    """Report whether a part of a path is a parameter and nothing else."""
    return part.startswith("{") and part.endswith("}")


def test_no_two_paths_take_the_same_address() -> None:
    """As Redocly counts: equal segments or parameters throughout, and as many parameters in both."""
    paths = [path.split("/") for path in app.document()["paths"]]
    ambiguous = [
        ("/".join(first), "/".join(second))
        for first, second in itertools.combinations(paths, 2)
        if len(first) == len(second)
        and all(a == b or is_parameter(a) or is_parameter(b) for a, b in zip(first, second, strict=True))
        and sum(map(is_parameter, first)) == sum(map(is_parameter, second))
    ]
    assert ambiguous == []


def test_every_call_has_a_text_of_one_to_three_sentences_beyond_its_summary() -> None:
    texts = openapi_texts.load().descriptions
    operations = {operation.operation_id for operation in OPERATIONS}
    assert not (missing := operations - texts.keys()), f"describe in service/api/calls.toml: {missing}"
    assert not (left := texts.keys() - operations), f"no row of CALLS in service/api/*/routes.py, or too many: {left}"
    for operation in OPERATIONS:
        text = texts[operation.operation_id]
        assert text.rstrip(".") != operation.summary
        assert 1 <= len(re.findall(r"\.(?= [A-Z0-9`]|$)", text)) <= 3, (operation.operation_id, text)
    described = app.document()["paths"]["/v1/me/tickets"]["post"]["description"]
    assert described.startswith("Issues a one-time ticket")


def test_requests_are_closed_and_answers_open() -> None:
    known = app.document()["components"]["schemas"]
    requests, answers = set(), set()
    for methods in app.document()["paths"].values():
        for call in methods.values():
            requests |= reachable({"body": call.get("requestBody", {})})
            answers |= reachable(call["responses"])
    open_requests = {name for name in requests if "properties" in known[name]} - {
        name for name in requests if known[name].get("additionalProperties") is False
    }
    assert open_requests == set()
    closed = [name for name in answers for _, part in walk(known[name]) if part.get("additionalProperties") is False]
    assert closed == []
    assert {"Problem", "Fault", "MarkedWords", "StoredBenefitDocument"} <= answers


def test_members_left_out_of_an_answer_are_optional_and_never_null() -> None:
    """`default: null` made generators send null, and made members of a request required (TypeScript)."""
    api = app.document()
    assert [place for place, part in walk(api) if "default" in part and part["default"] is None] == []
    consent = api["components"]["schemas"]["ConsentAnswer"]
    assert "link" not in consent["required"]
    assert consent["properties"]["link"]["$ref"] == "#/components/schemas/LinkAnswer"
    assert {"applies", "benefit_id"} <= set(api["components"]["schemas"]["CheckAnswer"]["required"])
    request = api["components"]["schemas"]["ConsentRequest"]
    assert set(request["required"]) == {"purpose", "language"}


def test_states_scenes_kinds_and_measures_are_closed_sets() -> None:
    known = app.document()["components"]["schemas"]
    for name, value in (
        ("ConsentState", "withdrawn"),
        ("Scene", "medical_convenience"),
        ("RecordKind", "bike_trip"),
        ("Measure", "total"),
        ("DocumentState", "in_review"),
        ("ObjectionState", "asked"),
        ("Dimension", "green_living"),
    ):
        assert value in known[name]["enum"], name
    assert known["BenefitAnswer"]["properties"]["scene"] == {"$ref": "#/components/schemas/Scene"}
    assert known["ConsentAnswer"]["properties"]["given_at"]["format"] == "date-time"
    assert known["PointsAnswer"]["properties"]["as_of"]["format"] == "date"
    assert "enum" not in known["Problem"]["properties"]["code"]


def test_a_document_of_each_kind_is_typed_in_both_directions() -> None:
    known = app.document()["components"]["schemas"]
    for kind in ("Provider", "Venue", "Source", "Service", "Benefit", "Scheme", "Notice"):
        assert {"$ref": f"#/components/schemas/{kind}Document"} in known["DocumentBody"]["anyOf"]
        assert {"$ref": f"#/components/schemas/Stored{kind}Document"} in known["StoredCatalogueDocument"]["anyOf"]
    effects = {
        known[choice["$ref"].rpartition("/")[2]]["properties"]["kind"]["const"] for choice in known["Effect"]["anyOf"]
    }
    assert "deposit_waiver" in effects
    assert len(effects) == len(EffectKind)
    assert known["AnyConditions"]["properties"]["any"]["items"] == {"$ref": "#/components/schemas/Condition"}


def test_headers_and_media_types_are_in_the_document() -> None:
    paths = app.document()["paths"]
    points, edit = paths["/v1/me/points"]["get"], paths["/v1/admin/{kind}/{id}"]["put"]
    redeem, records = paths["/v1/venue/redemptions"]["post"], paths["/v1/source/records"]["post"]

    def sent(call: dict[str, Any]) -> set[str]:
        return {row["name"] for row in call["parameters"] if row["in"] == "header" and row["required"]}

    assert "If-None-Match" in {row["name"] for row in points["parameters"]}
    assert {"304", "200"} <= points["responses"].keys()
    assert "ETag" in points["responses"]["200"]["headers"]
    assert sent(edit) == {"If-Match"}
    assert sent(redeem) == {"Idempotency-Key"}
    assert "Idempotency-Replayed" in redeem["responses"]["201"]["headers"]
    assert "Retry-After" in redeem["responses"]["429"]["headers"]
    assert records["requestBody"]["content"].keys() == {"application/json", "application/x-ndjson"}
    assert records["responses"]["200"]["content"].keys() == {"application/json", "application/x-ndjson"}
    export = paths["/v1/admin/catalogue/export"]["get"]
    described = export["responses"]["200"]["content"]
    assert described.keys() == {"application/json", "application/yaml"}
    assert described["application/yaml"] == described["application/json"], "YAML means the same as JSON"


def test_names_of_schemas_are_plain_and_every_one_is_used() -> None:
    api = app.document()
    names = set(api["components"]["schemas"])
    assert all(re.fullmatch(r"[A-Z][A-Za-z0-9]+", name) for name in names)
    assert names == reachable(api["paths"])
    assert api["servers"]
    assert {tag["name"] for tag in api["tags"]} == {
        call["tags"][0] for methods in api["paths"].values() for call in methods.values()
    }


class _Other(ApiModel):
    """A model with a named type."""

    x: Annotated[str, component("Row", {"type": "string"})]


class _Another(ApiModel):
    """A model with another type of the same name."""

    x: Annotated[str, component("Row", {"type": "integer"})]


class _Both(ApiModel):
    """A model of which body and answer differ."""

    x: int | None = None


def test_two_schemas_of_one_name_are_refused() -> None:
    first = create_model("Row", __base__=ApiModel, x=(int, ...))
    second = create_model("Row", __base__=ApiModel, x=(str, ...))
    with pytest.raises(ValueError, match="one name"):
        schemas.component_schemas({first, second}, (), ())
    with pytest.raises(ValueError, match="Row"):
        schemas.component_schemas((), {_Other, _Another}, ())


def test_a_model_is_no_body_and_answer_at_once() -> None:
    with pytest.raises(ValueError, match="_Both"):
        schemas.component_schemas({_Both}, {_Both}, ())


def test_a_docstring_of_a_member_is_its_description() -> None:
    assert describe_fields(ConsentAnswer)["linked"].startswith("For a live consent for a source")
    assert "total" in describe_fields(ExplanationAnswer), "of the base class"


def test_no_venue_answer_could_name_a_person_or_points() -> None:
    known = app.document()["components"]["schemas"]
    for audience in AUDIENCES[next(key for key in AUDIENCES if key[1] == "/v1/venue")]:
        for response in audience.operation.responses.values():
            for model in response if isinstance(response, tuple) else (response,):
                assert model is not None
                text = str(known[model.__name__]).lower()
                for word in ("subject", "person", "points", "birth", "total", "score"):
                    assert f"'{word}" not in text, (model, word)


NEVER_STORED = {
    "ComposeBody/properties/choose/additionalProperties/items",
    "BindingCodeBody/properties/code",
    "ConfirmBody/properties/code",
    "HandleBody/properties/handle/anyOf/0",
    "HandleBody/properties/short_code/anyOf/0",
    "TicketBody/properties/ticket",
    # An instant in RFC 3339, parsed before it is stored.
    "SessionBody/properties/begins_at",
    "SessionBody/properties/ends_at",
    # Verified; of a pass nothing is stored but that its own row was used.
    "OfflineItem/properties/pass",
    "ShownPassBody/properties/pass",
    "ShownPassBody/properties/presentation/anyOf/0",
    "ShownPassBody/properties/issuer/anyOf/0",
    "ShownPassBody/properties/status_list/anyOf/0",
    "OfflineItem/properties/presentation/anyOf/0",
    "OfflineItem/properties/at",
    "OfflineBody/properties/issuers/anyOf/0/items",
    "OfflineBody/properties/status_lists/anyOf/0/items",
    # Refused row by row, with a code of its own, so that one row stops no delivery.
    "RecordBody/properties/kind",
    "RecordBody/properties/occurred_on",
}
"""Texts of bodies without a pattern: compared, hashed or refused before anything is stored."""


def test_every_text_of_a_body_has_a_pattern_or_is_never_stored() -> None:
    """PostgreSQL stores no NUL: a free text has the pattern of `FreeText`."""
    api = app.document()
    sent = reachable([call.get("requestBody", {}) for methods in api["paths"].values() for call in methods.values()])
    documents = {name for name in sent if name.endswith("Document")}
    texts = {
        f"{name}{place}"
        for name in sent - reachable([api["components"]["schemas"][name] for name in documents]) - documents
        for place, part in walk(api["components"]["schemas"][name])
        if part.get("type") == "string" and not {"enum", "const", "pattern"} & part.keys()
    }
    assert texts == NEVER_STORED
