"""Every place that a new page needs: its row of a table, its template, a link to it, its confirmation and a test."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from functools import cache
from pathlib import Path

from service.web import routes
from service.web.page import Page, PageRoute
from service.web.public import pages

ROOT = Path(__file__).parents[2]
WEB = ROOT / "service" / "web"
TEMPLATES = WEB / "templates"
ROWS = re.compile(r'PageRoute\(\s*"[^"]*"')
UNLINKED = {"/offline", "/design"}
"""The page of the service worker, and the components, which only developers open."""
NO_ROW = {pages.not_found}
"""Handlers that `dispatch` calls for paths of no row."""


@cache
def sources() -> dict[Path, str]:
    """Return the text of each module and template of the pages."""
    return {path: path.read_text(encoding="utf-8") for path in (*WEB.rglob("*.py"), *TEMPLATES.rglob("*.html"))}


def opened_by_people() -> list[PageRoute]:
    """Return the rows that somebody opens: no part of a page, no file, and no path that names one thing."""
    return [
        row
        for row in routes.ROUTES
        if row.method == "GET" and not row.fragment and "{" not in row.path and "." not in row.path
    ]


def test_every_handler_is_in_a_table() -> None:
    routed = {row.handler for row in routes.ROUTES} | NO_ROW
    missing = []
    for path in sources():
        if path.suffix == ".py":
            module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
            missing += [
                f"add a PageRoute with {name} to ROUTES of {path.relative_to(ROOT)}, and *ROUTES to routes.py beside it"
                for name, function in vars(module).items()
                if inspect.iscoroutinefunction(function) and function.__module__ == module.__name__
                and not name.startswith("_") and is_handler(function) and function not in routed
            ]  # fmt: skip
    assert not missing, "\n".join(missing)


def is_handler(function: object) -> bool:
    """Report whether a function takes a page alone and returns a response."""
    signature = inspect.signature(function, eval_str=True)  # type: ignore[arg-type]
    taken = [parameter.annotation for parameter in signature.parameters.values()]
    return taken == [Page] and "Response" in str(signature.return_annotation)


def test_every_template_is_used() -> None:
    names = {path: str(path.relative_to(TEMPLATES)) for path in sources() if path.suffix == ".html"}
    unused = [
        f"render or include {name}, or delete it from service/web/templates"
        for path, name in names.items()
        if not any(f'"{name}"' in text for other, text in sources().items() if other != path)
    ]
    assert not unused, "\n".join(unused)


def test_every_page_is_linked() -> None:
    texts = "\n".join(ROWS.sub("", text) for text in sources().values())
    missing = [
        f"link to {row.path} from a page (public ones: service/web/templates/base.html)"
        for row in opened_by_people()
        if row.path not in UNLINKED and not re.search(rf"\"{re.escape(row.path)}[\"?#]", texts)
    ]
    assert not missing, "\n".join(missing)


@cache
def confirmations() -> frozenset[tuple[str, str]]:
    """Return the module and the code of each redirect that confirms an act, where the code is written there."""
    return frozenset(
        (str(path.relative_to(ROOT)), part.value)
        for path, text in sources().items()
        if path.suffix == ".py" and ".redirect(" in text
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "redirect"
        for part in (part for argument in node.args[1:2] for part in ast.walk(argument))
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    )


def test_every_confirmation_has_its_sentence() -> None:
    sentences = "\n".join(text for path, text in sources().items() if path.name == "confirmation.html")
    assert len(confirmations()) > 10
    missing = [
        f'{module} redirects with "{code}": add its sentence to a confirmation.html of service/web/templates'
        for module, code in sorted(confirmations())
        if f'"{code}":' not in sentences
    ]
    assert not missing, "\n".join(missing)


def test_every_page_is_in_a_test() -> None:
    texts = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    addresses = set(re.findall(r"/[\w/.-]*", texts))
    missing = [
        f"open {row.path} in a test of tests/service/web" for row in opened_by_people() if row.path not in addresses
    ]
    assert not missing, "\n".join(missing)
