"""A route of the API that names all methods of its path where a request has another one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from consent.domain.document_kinds import DocumentKind
from service.http.openapi.operation import Operation


class DocumentKindConvertor(StringConvertor):
    """Matches the kinds of documents alone, so that `{kind}` takes no method of a path such as `/sentences`."""

    regex = "|".join(DocumentKind)


register_url_convertor("document_kind", DocumentKindConvertor())


class ApiRoute(Route):
    """A route whose 405 has every method of its path in `Allow` (RFC 9110, section 15.5.6).

    Each operation is a route, and Starlette 1.10 names the methods of the first route of a path alone.
    """

    def __init__(self, path: str, endpoint: Any, operation: Operation, allow: str, **options: Any) -> None:
        closed = path.replace("{kind}", "{kind:document_kind}")
        super().__init__(closed, endpoint, methods=[operation.method], name=operation.operation_id, **options)
        self.path, self.allow = path, allow

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the endpoint; HTTPException 405 for a method that the route does not take."""
        if self.methods and scope["method"] not in self.methods:
            raise HTTPException(405, headers={"Allow": self.allow})
        await self.app(scope, receive, send)


def allowed_methods(operations: Iterable[Operation]) -> Mapping[str, str]:
    """Return the value of `Allow` for each path: the methods of its operations, and HEAD where there is GET."""
    by_path: dict[str, set[str]] = {}
    for operation in operations:
        methods = by_path.setdefault(operation.path, set())
        methods |= {"GET", "HEAD"} if operation.method == "GET" else {operation.method.value}
    return {path: ", ".join(sorted(methods)) for path, methods in by_path.items()}
