"""No name of the product is left without a use: functions, classes, constants, classes of stylesheets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.support.processes import ROOT

PRODUCT = ("consent", "benefits", "service")
WEB = ROOT / "service" / "web"
DEFINED = re.compile(
    r"(?P<decorator>^ *@[^\n]*\n|^ *\)\n)?^ *(?:async def|def|class) (?P<function>\w+)"
    r"|^(?P<constant>[A-Za-z_]\w*)(?:: [^=\n]+)? = ",
    re.MULTILINE,
)
"""A function or class at any depth, with the line of a decorator above it, or a constant of a module."""
USED_ELSEWHERE = {
    **dict.fromkeys(("in_bulk", "bulk_update", "refresh_from_db", "get_queryset", "_db_sqlite"), "Tortoise"),
    **dict.fromkeys(("client_class", "_in_transaction", "create_pool"), "Tortoise"),
    "expire_connections": "tests, as of the pool of asyncpg",
    "build_middleware_stack": "Starlette",
    "field_title_should_be_set": "Pydantic",
    "data_received": "asyncio",
    **dict.fromkeys(("pong", "restart_all", "handle_ttin"), "uvicorn"),
    "check_inclusion": "tests as the reader of a proof",
    "sign_key_binding": "tests as the resident's device",
    "chinese_words": "the script that writes the file of pinyin",
}
"""Names that no module of the product mentions again, and who uses them."""
COMPOSED = re.compile(r"t-[\w-]+|qrline")
"""Classes that no file names whole: colour roles on the page of components, and the class of the QR code's lines."""


def modules() -> dict[Path, str]:
    """Return the source of every module of the product by its path."""
    paths = [path for package in PRODUCT for path in sorted((ROOT / package).rglob("*.py"))]
    return {path: path.read_text(encoding="utf-8") for path in paths}


def files(*patterns: str) -> str:
    """Return the text of the files of the pages that fit a pattern."""
    return "\n".join(path.read_text(encoding="utf-8") for pattern in patterns for path in sorted(WEB.glob(pattern)))


def defined(source: str) -> Iterator[str]:
    """Yield the names of a module's functions and classes without a decorator, and of its constants."""
    for match in DEFINED.finditer(source):
        name = match["constant"] or match["function"]
        if match["decorator"] is None and not name.startswith("__"):
            yield name


def test_every_name_of_a_module_is_used() -> None:
    sources = modules()
    words = Counter(re.findall(r"\w+", "\n".join((*sources.values(), files("templates/**/*.html")))))
    unused = {
        name: str(path.relative_to(ROOT))
        for path, source in sources.items()
        for name in defined(source)
        if words[name] == 1
    }
    assert {name: path for name, path in unused.items() if name not in USED_ELSEWHERE} == {}
    assert USED_ELSEWHERE.keys() <= unused.keys()


def test_every_class_of_a_stylesheet_is_used() -> None:
    rules = re.sub(r"/\*.*?\*/", "", files("static/*.css"), flags=re.DOTALL)
    classes = set(re.findall(r"\.([a-zA-Z][\w-]*)(?=[^{};]*\{)", rules))
    used = set(re.findall(r"[\w-]+", files("templates/**/*.html", "static/*.js", "**/*.py")))
    assert sorted(name for name in classes - used if not COMPOSED.fullmatch(name)) == []
