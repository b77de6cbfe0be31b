"""The OpenAPI document is valid, whole and honest: every route in it, every answer as it says."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.routing import Mount, Route

from service import app
from service.api.routes import AUDIENCES, OPERATIONS
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
    assert list(OpenAPIV31SpecValidator(app.document()).iter_errors()) == []


def test_every_operation_is_named_once_and_guarded_as_it_says() -> None:
    ids = [operation.operation_id for operation in OPERATIONS]
    assert len(ids) == len(set(ids))
    for operation in OPERATIONS:
        described = app.document()["paths"][operation.path.replace(":path}", "}")][operation.method.lower()]
        assert described["operationId"] == operation.operation_id
        assert described["security"] == ([{operation.audience.value: []}] if operation.audience else [])
        assert set(operation.errors) <= set(TABLE)


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


def test_no_venue_answer_could_name_a_person_or_points() -> None:
    schemas = app.document()["components"]["schemas"]
    for audience in AUDIENCES[next(key for key in AUDIENCES if key[1] == "/v1/venue")]:
        for response in audience.operation.responses.values():
            for model in response if isinstance(response, tuple) else (response,):
                assert model is not None
                text = str(schemas[model.__name__]).lower()
                for word in ("subject", "person", "points", "birth", "total", "score"):
                    assert f"'{word}" not in text, (model, word)
