"""The schema of sources and notices, and the fields that all catalogue documents share.

Strict and closed: an unknown or missing member, a null, an invisible character or a wrong type is a fault with a JSON
pointer. A notice has every clause that PIPL 17 asks for, in both languages.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from consent.domain.document_kinds import DocumentKind
from consent.domain.purposes import Purpose
from consent.domain.records import KINDS_OF_CATEGORY, RecordKind, SourceCategory
from consent.kernel import bilingual
from consent.kernel.faults import DocumentInvalid, Fault, pointer_to

NAME_MAX = 80
"""Characters of a name or title: one line on a phone."""
TEXT_MAX = 2_000
"""Characters of a description, term or clause: short enough to be read while standing at a counter."""
FAULTS_MAX = 50
"""Faults in one answer: a large document of nothing but faults must not make a large answer."""
ANY_COUNTERPART = "*"
"""The counterpart of a notice that is shown for every counterpart of its purpose."""
PLACEHOLDER = "{counterpart}"
"""Replaced in a notice by the counterpart's name."""
NOTHING_IS_LOST = MappingProxyType(
    {
        "zh-CN": "不同意或撤回同意，您不会失去任何东西。",
        "en": "If you refuse or withdraw, you lose nothing.",
    }
)
"""Every notice has this sentence in these words, so that no wording can hint at a cost of refusing (R9)."""
CODES = MappingProxyType({"extra_forbidden": "unknown_field"})
"""The API's fault codes by pydantic's error types, for those that differ."""
LIMITS = ("ge", "le", "min_length", "max_length", "most")
"""The members of a pydantic error's context that are limits of this schema, and so may be shown."""

Language = Literal["zh-CN", "en"]


def _plain(text: str) -> str:
    """Refuse blank text and invisible characters, which hide words from readers and from the word check."""
    if not text.strip():
        raise PydanticCustomError("blank", "the text is blank")
    if any(unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp") and char != "\n" for char in text):
        raise PydanticCustomError("invisible_character", "the text holds a control or invisible character")
    return text


def _one_line(text: str) -> str:
    """Refuse line breaks: a name is inserted into notices, where it must not form a paragraph of its own."""
    if "\n" in text:
        raise PydanticCustomError("line_break", "a name is one line")
    return _plain(text)


Closed = Field(strict=False)
"""For enumerations and lists of them: takes the JSON string or list, which strict mode would refuse."""
DOCUMENT_ID_PATTERN = r"[a-z0-9][a-z0-9-]{1,62}"
"""The id of every catalogue document but a scheme: 2 to 63 characters, as of a DNS label; used by every schema."""
SCHEME_ID_PATTERN = r"[a-z0-9][a-z0-9.-]{1,62}"
"""A scheme is named by its version, which has a full stop."""
DocumentId = Annotated[str, Field(pattern=rf"^{DOCUMENT_ID_PATTERN}$")]
ClientId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
AssessmentId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{2,62}$")]
DIVISION_PATTERN = r"^(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[12])((0[1-9]|[1-9][0-9]){0,2})$"
Division = Annotated[str, Field(pattern=DIVISION_PATTERN)]
"""A GB/T 2260 code by prefix: province `21`, city `2101`, district `210102`; no trailing zeros."""
ShortText = Annotated[str, Field(max_length=NAME_MAX), AfterValidator(_one_line)]
LongText = Annotated[str, Field(max_length=TEXT_MAX), AfterValidator(_plain)]


class StrictDocument(BaseModel):
    """Base of all document schemas: strict types, no unknown members, frozen."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Name(StrictDocument):
    """A name or title in both languages."""

    zh_cn: ShortText = Field(alias="zh-CN")
    """The text in Chinese."""
    en: ShortText
    """The text in English."""


class Prose(StrictDocument):
    """A text in both languages."""

    zh_cn: LongText = Field(alias="zh-CN")
    """The text in Chinese."""
    en: LongText
    """The text in English."""


class Onboarding(StrictDocument):
    """The declarations of a source.

    Deeds done under pressure are not voluntary: unless both booleans are true, an officer reviews the source (R11).
    """

    legal_basis: LongText
    """The legal basis on which the source has the records."""
    voluntary: bool
    """True where nobody has to do the deeds or to take part."""
    independent_of_employer_landlord_school_penal: bool
    """True where no employer, landlord, school or penal programme stands behind the deeds."""
    assessment_id: AssessmentId
    """The id of the impact assessment."""


class SourceDocument(StrictDocument):
    """A source: the organisation that delivers records, and their kinds."""

    source_id: DocumentId
    """The id of the source."""
    name: Name
    """The name."""
    category: Annotated[SourceCategory, Closed]
    """The category, which decides the kinds that it may deliver."""
    kinds: Annotated[tuple[Annotated[RecordKind, Closed], ...], Closed]
    """The kinds of deed that it delivers."""
    division: Division
    """The division in which it works."""
    client_id: ClientId
    """The API client that acts for it."""
    onboarding: Onboarding
    """Its declarations."""

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
    """A notice in one language, with a text for each clause that PIPL 17 and 30 ask for."""

    title: ShortText
    """The title of the notice."""
    controller_name: ShortText
    """The name of the controller."""
    controller_contact: LongText
    """The controller's contact."""
    purposes: LongText
    """The purposes of the processing."""
    method: LongText
    """The method of the processing."""
    data_kinds: LongText
    """The kinds of data."""
    recipients: LongText
    """The recipients of data."""
    retention_period: LongText
    """The time for which data are stored."""
    sensitive_data: LongText
    """The sensitive data, if any, and the reason for them."""
    rights: LongText
    """The person's rights."""
    how_to_withdraw: LongText
    """The way to withdraw."""
    consequences_of_refusal: LongText
    """The statement, in fixed words, that refusing costs nothing."""


class NoticeLanguages(StrictDocument):
    """A notice in both languages; neither is a summary of the other."""

    zh_cn: NoticeText = Field(alias="zh-CN")
    """The text in Chinese."""
    en: NoticeText
    """The text in English."""

    @model_validator(mode="after")
    def _check_refusal_costs_nothing(self) -> Self:
        for language, text in (("zh-CN", self.zh_cn), ("en", self.en)):
            if NOTHING_IS_LOST[language] not in text.consequences_of_refusal:
                raise PydanticCustomError(
                    "refusal_must_cost_nothing",
                    "the notice must say that refusing costs nothing, in the fixed words",
                    {"pointer": f"/{language}/consequences_of_refusal"},
                )
        return self


class NoticeDocument(StrictDocument):
    """A notice for one purpose; `counterpart` is a source or provider id, or ANY_COUNTERPART.

    `material` is true for a change that invalidates tickets of older versions: their people are shown the new one.
    """

    notice_id: DocumentId
    """The id of the notice."""
    purpose: Annotated[Purpose, Closed]
    """The purpose of the consents that it asks for."""
    counterpart: Annotated[str, Field(pattern=rf"^(\*|{DOCUMENT_ID_PATTERN})$")]
    """The id of the source or provider, or `*` for every one of the purpose."""
    material: bool
    """True for a change after which tickets of older versions are void."""
    languages: NoticeLanguages
    """The texts."""


HEADINGS = bilingual.by_language(bilingual.load("consent.documents", "headings.toml"), "headings")
"""Headings of a notice's clauses by member and language, in the order in which a notice is shown."""

D = TypeVar("D", bound=StrictDocument)


def parse_document(model: type[D], document: Mapping[str, Any]) -> D:
    """Return the document as its model.

    Raises:
        DocumentInvalid: holds a fault for each place, at most FAULTS_MAX.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        faults = [_fault(details) for details in errors[:FAULTS_MAX]]
        raise DocumentInvalid(tuple(fault for fault in faults if not _is_consequence(fault, faults))) from None


def is_document_id(kind: DocumentKind, text: str) -> bool:
    """Report whether a document of this kind can have the id `text`."""
    pattern = SCHEME_ID_PATTERN if kind is DocumentKind.SCHEMES else DOCUMENT_ID_PATTERN
    return re.fullmatch(pattern, text, re.ASCII) is not None


def to_document(document: StrictDocument) -> dict[str, Any]:
    """Return the JSON value that was parsed, without defaults, so that its hash is unchanged."""
    return document.model_dump(mode="json", by_alias=True, exclude_unset=True)


def render_notice_text(notice: NoticeDocument, language: Language, counterpart_name: str) -> str:
    """Return the notice as plain text with the counterpart's name: exactly the text that a person agrees to."""
    text = notice.languages.zh_cn if language == "zh-CN" else notice.languages.en
    paragraphs = [text.title]
    for member, heading in HEADINGS.items():
        clause = counterpart_name if member == "counterpart" else getattr(text, member)
        paragraphs.append(f"{heading[language]}\n{clause}")
    return "\n\n".join(paragraphs).replace(PLACEHOLDER, counterpart_name) + "\n"


def _is_consequence(fault: Fault, faults: Sequence[Fault]) -> bool:
    """Report whether a list is too short only because items of it have faults."""
    return fault.code == "too_short" and any(other.pointer.startswith(f"{fault.pointer}/") for other in faults)


def _fault(error: ErrorDetails) -> Fault:
    """Return a pydantic error as a Fault. A validator of several members names the faulty one in its context."""
    context = error.get("ctx", {})
    pointer = pointer_to(error["loc"]) + str(context.get("pointer", ""))
    values = {name: value for name, value in context.items() if isinstance(value, int) and name in LIMITS}
    return Fault(pointer, CODES.get(error["type"], error["type"]), error["msg"], values)
