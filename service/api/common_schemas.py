"""Types and schemas that several audiences share."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from consent.documents.schema import DocumentId as DocumentId
from service.http.json_io import ApiModel

Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
Account = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
Handle = Annotated[str, Field(min_length=1, max_length=64)]
Language = Literal["zh-CN", "en"]
Localized = dict[str, str]
Document = dict[str, Any]


class DocumentList(ApiModel):
    """A page of catalogue documents."""

    data: list[Document]
    next_cursor: str | None
