"""What a source and a notice must say, and the words all catalogue documents are made of.

Strict and closed: an unknown member, a missing one, a null, an invisible character or a wrong type is a fault with
a place. A notice holds everything PIPL 17 asks for in both languages, or it is no notice.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from consent.domain.purposes import Purpose
from consent.domain.records import KINDS_OF_CATEGORY, RecordKind, SourceCategory
from consent.kernel import bilingual
from consent.kernel.faults import DocumentInvalid, Fault, pointer_to

NAME_MAX = 80
"""Characters of a name or title: one line on a telephone."""
TEXT_MAX = 2_000
"""Characters of a description, term or clause: what somebody still reads standing at a counter."""
FAULTS_MAX = 50
"""How many faults one answer names; a document made of nothing but faults must not grow the answer."""
ANY_COUNTERPART = "*"
"""A notice that is shown for each counterpart of its purpose, with that counterpart's name written in."""
PLACEHOLDER = "{counterpart}"
NOTHING_IS_LOST = MappingProxyType(
    {
        "zh-CN": "不同意或撤回同意，您不会失去任何东西。",
        "en": "If you refuse or withdraw, you lose nothing.",
    }
)
"""Every notice says so, in these words: refusing must cost nothing, and nobody may word it otherwise (R9)."""
CODES = MappingProxyType({"extra_forbidden": "unknown_field"})
"""Where the public API's name of a fault is not pydantic's."""

LIMITS = ("ge", "le", "min_length", "max_length", "most")
"""What of a fault's context is a limit of ours, and may be said."""

Language = Literal["zh-CN", "en"]


def _plain(text: str) -> str:
    """Refuse blank text and characters nobody sees: they hide words from whoever reads and whatever scans."""
    if not text.strip():
        raise PydanticCustomError("blank", "the text is blank")
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp") and sign != "\n" for sign in text):
        raise PydanticCustomError("invisible_character", "the text holds a control or invisible character")
    return text


def _one_line(text: str) -> str:
    """Refuse line breaks: a name is written into notices and must not look like a paragraph of its own."""
    if "\n" in text:
        raise PydanticCustomError("line_break", "a name is one line")
    return _plain(text)


Closed = Field(strict=False)
"""For enumerations and lists of them: the JSON string or list is accepted, nothing else is."""
DocumentId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,62}$")]
ClientId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
AssessmentId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{2,62}$")]
Division = Annotated[
    str,
    Field(pattern=r"^(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[12])((0[1-9]|[1-9][0-9]){0,2})$"),
]
"""A GB/T 2260 code by prefix: province `21`, city `2101`, district `210102`; no trailing zeros."""
ShortText = Annotated[str, Field(max_length=NAME_MAX), AfterValidator(_one_line)]
LongText = Annotated[str, Field(max_length=TEXT_MAX), AfterValidator(_plain)]


class StrictDocument(BaseModel):
    """What all documents share: strict types, nothing unknown, unchangeable once read."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Name(StrictDocument):
    """A name or title in both languages."""

    zh_cn: ShortText = Field(alias="zh-CN")
    en: ShortText


class Prose(StrictDocument):
    """A text in both languages."""

    zh_cn: LongText = Field(alias="zh-CN")
    en: LongText


class Onboarding(StrictDocument):
    """What a source declares. Deeds done under pressure are no good deeds: without both an officer looks (R11)."""

    legal_basis: LongText
    voluntary: bool
    independent_of_employer_landlord_school_penal: bool
    assessment_id: AssessmentId


class SourceDocument(StrictDocument):
    """Who delivers records, of which kinds."""

    source_id: DocumentId
    name: Name
    category: Annotated[SourceCategory, Closed]
    kinds: Annotated[tuple[Annotated[RecordKind, Closed], ...], Closed]
    division: Division
    client_id: ClientId
    onboarding: Onboarding

    @model_validator(mode="after")
    def _kinds_fit(self) -> Self:
        if not self.kinds:
            raise PydanticCustomError("empty", "a source delivers at least one kind", {"pointer": "/kinds"})
        if len(set(self.kinds)) != len(self.kinds):
            raise PydanticCustomError("kinds_repeated", "each kind is named once", {"pointer": "/kinds"})
        if not set(self.kinds) <= KINDS_OF_CATEGORY[self.category]:
            raise PydanticCustomError(
                "kind_outside_category", "a source delivers kinds of its category only", {"pointer": "/kinds"}
            )
        return self


class NoticeText(StrictDocument):
    """A notice in one language: everything PIPL 17 and 30 ask for, each with a text of its own."""

    title: ShortText
    controller_name: ShortText
    controller_contact: LongText
    purposes: LongText
    method: LongText
    data_kinds: LongText
    recipients: LongText
    retention_period: LongText
    sensitive_data: LongText
    rights: LongText
    how_to_withdraw: LongText
    consequences_of_refusal: LongText


class NoticeLanguages(StrictDocument):
    """Both languages; neither is a summary of the other."""

    zh_cn: NoticeText = Field(alias="zh-CN")
    en: NoticeText

    @model_validator(mode="after")
    def _nothing_is_lost(self) -> Self:
        for language, text in (("zh-CN", self.zh_cn), ("en", self.en)):
            if NOTHING_IS_LOST[language] not in text.consequences_of_refusal:
                raise PydanticCustomError(
                    "refusal_must_cost_nothing",
                    "the notice must say that refusing costs nothing, in the fixed words",
                    {"pointer": f"/{language}/consequences_of_refusal"},
                )
        return self


class NoticeDocument(StrictDocument):
    """A notice for one purpose. `material` says whether people who were shown an older version must be asked anew."""

    notice_id: DocumentId
    purpose: Annotated[Purpose, Closed]
    counterpart: Annotated[str, Field(pattern=r"^(\*|[a-z0-9][a-z0-9-]{1,62})$")]
    material: bool
    languages: NoticeLanguages


HEADINGS = bilingual.by_language(bilingual.load("consent.documents", "headings.toml"), "headings")
"""Headings of a notice's clauses by member and language, in the order in which a notice is shown."""

D = TypeVar("D", bound=StrictDocument)


def parse_document(model: type[D], document: Mapping[str, Any]) -> D:
    """The document as its model. Raises DocumentInvalid with a fault for each place, at most FAULTS_MAX."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        faults = [_fault(one) for one in found[:FAULTS_MAX]]
        raise DocumentInvalid(tuple(one for one in faults if not _follows(one, faults))) from None


def to_document(document: StrictDocument) -> dict[str, Any]:
    """The JSON value that was read; what was left out stays out, so that its hash is the same."""
    return document.model_dump(mode="json", by_alias=True, exclude_unset=True)


def render_notice_text(notice: NoticeDocument, language: Language, counterpart_name: str) -> str:
    """The notice as plain text, the counterpart's name written in: exactly what a person is shown and agrees to."""
    text = notice.languages.zh_cn if language == "zh-CN" else notice.languages.en
    paragraphs = [text.title]
    for member, heading in HEADINGS.items():
        clause = counterpart_name if member == "counterpart" else getattr(text, member)
        paragraphs.append(f"{heading[language]}\n{clause}")
    return "\n\n".join(paragraphs).replace(PLACEHOLDER, counterpart_name) + "\n"


def _follows(fault: Fault, faults: Sequence[Fault]) -> bool:
    """Whether a list is called too short only because what stands in it cannot be read."""
    return fault.code == "too_short" and any(one.pointer.startswith(f"{fault.pointer}/") for one in faults)


def _fault(error: ErrorDetails) -> Fault:
    """A pydantic error as ours. A validator that looks at several members names the one at fault in its context."""
    context = error.get("ctx", {})
    pointer = pointer_to(error["loc"]) + str(context.get("pointer", ""))
    values = {name: value for name, value in context.items() if isinstance(value, int) and name in LIMITS}
    return Fault(pointer, CODES.get(error["type"], error["type"]), error["msg"], values)
