"""Checks of names, docstrings and comments in Python source against the project's writing rules.

Pure: `check_source` takes the text of a module and returns its faults. The rules are in docs/contributing.md.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache

from tests.structure import syntax
from tests.structure.syntax import NodesByType

RELATIVE_WORD = re.compile(r"(What|Who|Whether|Where|How|Why|When|Whoever|Whatever|Whose)\b")
RELATIVE_OPENING = re.compile(rf"(?:^|[.:;!?]\s+|\n\n\s*){RELATIVE_WORD.pattern}")
"""A sentence that begins with a relative word delays its subject; such docstrings read like riddles."""
REFUSED_PROSE = re.compile(
    r"\b(beside|besides|anew|lent|glance\w*|wears?|worn|dress|dressed|said|kept|held|whoever|whatever"
    r"|let(?:s|ting)? through|(?:goes|go|going|went|gone) on|puts? out|hands off|as it is|tidy|anybody else"
    r"|all or nothing|farewell|doors?|rooms?)\b"
    r"|(?<!not )(?<!Not )\bfound\b|\blook(?:s|ed|ing)?\b(?! ?-?up)",
    re.IGNORECASE,
)
REFUSED_NAME = re.compile(
    r"(?:^|_)(beside|anew|lent|glance|wear|worn|dress|dressed|said|kept|held|found|whoever|look|looked|looks|told|wanted|those"
    r"|made|swift|swiftly|express|shortcut|tidy|farewell|house|surroundings|door|doors|rooms?|riddle)(?:_|$)",
    re.IGNORECASE,
)
REFUSED_WHOLE_NAME = frozenset({"one", "ones", "of", "do", "put", "it", "ask", "tell", "hold", "holds"})
STANDARD_NAMES = frozenset({"not_found", "NotFound", "NOT_FOUND", "READING_ROOM", "connection_made"})
"""Terms of HTTP, kinds of service whose names the API fixes, and a method of asyncio's protocols."""
API_FIELDS = frozenset({"beside", "door", "found"})
"""Members of answers that clients read; allowed as fields of a class alone."""
PARAMETERS_MAX = 6


def check_source(text: str) -> list[str]:
    """Return the faults of a Python module's source, a line each: `line: message`."""
    nodes = syntax.nodes_by_type(ast.parse(text))
    faults = [*_docstring_faults(nodes), *_name_faults(nodes), *_parameter_faults(nodes), *_comment_faults(text)]
    return [f"{line}: {message}" for line, message in sorted(set(faults))]


def _docstrings(nodes: NodesByType) -> Iterator[tuple[int, str]]:
    """Yield (line, text) of every docstring, those of attributes included."""
    for statement in nodes[ast.Expr]:
        if isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str):
            yield statement.lineno, statement.value.value


def _docstring_faults(nodes: NodesByType) -> Iterator[tuple[int, str]]:
    for line, text in _docstrings(nodes):
        yield from _prose_faults(line, text)


def _prose_faults(line: int, text: str) -> Iterator[tuple[int, str]]:
    # Quoted code and quotations are not our words.
    plain = re.sub(r"`[^`]*`|「[^」]*」|\"[^\"\n]*\"|“[^”]*”", "x", text)
    if match := RELATIVE_OPENING.search(plain.strip()):
        yield line, f"a sentence begins with {match[1]!r}"
    if match := REFUSED_PROSE.search(plain):
        yield line, f"refused words {match[0]!r}"


def _names(nodes: NodesByType) -> Iterator[tuple[str, ast.AST]]:
    """Yield every name that the source gives something, with its node."""
    for kind in (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef):
        yield from ((node.name, node) for node in nodes[kind])
    yield from ((node.arg, node) for node in nodes[ast.arg])
    yield from ((node.id, node) for node in nodes[ast.Name] if isinstance(node.ctx, ast.Store))
    yield from ((node.attr, node) for node in nodes[ast.Attribute] if isinstance(node.ctx, ast.Store))
    yield from ((node.asname, node) for node in nodes[ast.alias] if node.asname)


@cache
def _is_refused(name: str) -> bool:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return name.strip("_") in REFUSED_WHOLE_NAME or bool(REFUSED_NAME.search(snake.strip("_")))


def _name_faults(nodes: NodesByType) -> Iterator[tuple[int, str]]:
    fields = {
        id(member.target)
        for node in nodes[ast.ClassDef]
        for member in node.body
        if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name) and member.target.id in API_FIELDS
    }
    for name, node in _names(nodes):
        if _is_refused(name) and name not in STANDARD_NAMES and id(node) not in fields:
            yield getattr(node, "lineno", 1), f"refused name {name!r}"


def _parameter_faults(nodes: NodesByType) -> Iterator[tuple[int, str]]:
    for node in (*nodes[ast.FunctionDef], *nodes[ast.AsyncFunctionDef]):
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        count = len([argument for argument in arguments if argument.arg not in ("self", "cls")])
        # A decorated function's parameters are fixtures, options or a route's: the framework fills them.
        if count > PARAMETERS_MAX and not node.decorator_list and not node.name.startswith("test_"):
            yield node.lineno, f"{node.name} has {count} parameters; at most {PARAMETERS_MAX}"


def _comment_faults(text: str) -> Iterator[tuple[int, str]]:
    # Splitting a module into tokens takes as long as all else, and is needed only to tell comments from strings.
    if not any(mark and _maybe_faulty(rest) for _, mark, rest in (line.partition("#") for line in text.splitlines())):
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield from _prose_faults(token.start[0], token.string.lstrip("# "))


def _maybe_faulty(text: str) -> bool:
    """Report whether a line's text after its first `#` has a word that a comment may not have or not begin with."""
    return bool(REFUSED_PROSE.search(text) or RELATIVE_WORD.search(text))
