"""Types and schemas that several audiences share.

Types of answers change the published schema alone: nothing is validated when an answer is made.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from benefits.rules.vocabulary import Scene
from consent.crypto.blind_index import CODE_ALPHABET, CODE_LENGTH
from consent.documents.schema import DIVISION_PATTERN, DOCUMENT_ID_PATTERN
from consent.documents.schema import DocumentId as DocumentId
from consent.documents.versions import STATES
from consent.domain.document_kinds import DocumentKind, Severity
from consent.domain.grants import State
from consent.domain.objections import NO_CLAIM, Claim, ObjectionState, Reason
from consent.domain.purposes import Purpose
from consent.domain.records import QUANTITY_MAX, Dimension, RecordKind
from consent.kernel.civil_day import CIVIL_DAY
from service.http.json_io import ApiModel
from service.http.openapi.named import closed_set, component, one_of, reference, text

ID_MAX = 64
"""Characters of an id that this service or a source makes."""
ID_PATTERN = rf"^[A-Za-z0-9._-]{{1,{ID_MAX}}}$"
REASON_CODE_PATTERN = r"^[a-z][a-z0-9_]{0,63}$"

FREE_TEXT_PATTERN = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
"""Any text whose control characters are line breaks and tabs; PostgreSQL stores no NUL."""
_FREE_TEXT = re.compile(FREE_TEXT_PATTERN)


def _free_text(text: str) -> str:
    """Refuse blank text and control characters."""
    if not text.strip():
        raise PydanticCustomError("blank", "The text is blank.")
    if not _FREE_TEXT.match(text):
        raise PydanticCustomError(
            "control_character", "The text has a control character that is no line break or tab. Type the text anew."
        )
    return text


FREE_TEXT_RULES: Final = (AfterValidator(_free_text), Field(json_schema_extra={"pattern": FREE_TEXT_PATTERN}))
FreeText = Annotated[str, Field(min_length=1, max_length=2000), *FREE_TEXT_RULES]
"""Words of a person: a statement or a reason."""
ShortFreeText = Annotated[str, Field(min_length=1, max_length=500), *FREE_TEXT_RULES]
Id = Annotated[str, Field(pattern=ID_PATTERN)]
Account = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
Handle = Annotated[str, Field(min_length=1, max_length=64)]
ShortCode = Annotated[str, Field(min_length=8, max_length=32)]
"""A short code, or the code of a slip, as it was typed, with spaces and hyphens."""
ShortCodeText = Annotated[
    str,
    text("The short code, for reading out and typing.", pattern=f"^[{CODE_ALPHABET}]{{{CODE_LENGTH}}}$"),
]
ReasonCode = Annotated[str, Field(pattern=REASON_CODE_PATTERN)]
Day = Annotated[str, Field(pattern=rf"^{CIVIL_DAY.pattern}$", json_schema_extra={"format": "date"})]
"""A civil day in a request."""
Language = Annotated[
    Literal["zh-CN", "en"],
    component("Language", {"type": "string", "enum": ["zh-CN", "en"], "description": "A language of texts."}),
]
Document = dict[str, Any]

Instant = Annotated[str, text("An instant: RFC 3339 in UTC, with `Z`.", format="date-time")]
CivilDayText = Annotated[str, text("A civil day of the city, `YYYY-MM-DD`.", format="date")]
SHA256_PATTERN = "^[0-9a-f]{64}$"
Sha256 = Annotated[str, text("A SHA-256 in hexadecimal.", pattern=SHA256_PATTERN)]
LeafHash = Annotated[str, text("The hash of a leaf of a transparency log, in base64.", contentEncoding="base64")]
ConsentId = Annotated[str, text("The id of the consent.")]
LinkId = Annotated[str, text("The id of the link between a resident and an account.")]
RecordId = Annotated[str, text("This service's id of the record.")]
SourceRecordId = Annotated[str, text("The source's id of the record.", pattern=ID_PATTERN)]
ObjectionId = Annotated[str, text("The id of the objection.")]
CaseId = Annotated[str, text("The id of the officer's case.")]
SourceId = Annotated[str, text("The id of the source in the catalogue.", pattern=f"^{DOCUMENT_ID_PATTERN}$")]
ProviderId = Annotated[str, text("The id of the provider in the catalogue.", pattern=f"^{DOCUMENT_ID_PATTERN}$")]
VenueId = Annotated[str, text("The id of the venue in the catalogue.", pattern=f"^{DOCUMENT_ID_PATTERN}$")]
BenefitId = Annotated[str, text("The id of the benefit in the catalogue.", pattern=f"^{DOCUMENT_ID_PATTERN}$")]
NoticeId = Annotated[str, text("The id of the notice in the catalogue.", pattern=f"^{DOCUMENT_ID_PATTERN}$")]
CatalogueId = Annotated[str, text("The id of the catalogue document; of a scheme, its version.")]
SchemeVersion = Annotated[str, text("The version of the scoring scheme.", examples=["2026.1"])]
DivisionCode = Annotated[
    str,
    text("A division: a GB/T 2260 code by prefix.", pattern=DIVISION_PATTERN, examples=["2101"]),
]
StaffId = Annotated[str, text("The `staff_id` of a member of staff.")]
Pointer = Annotated[str, text("A place in the document: a JSON pointer (RFC 6901).")]
PurposeName = Annotated[str, closed_set(Purpose)]
ConsentState = Annotated[str, closed_set(State, "ConsentState")]
DimensionName = Annotated[str, closed_set(Dimension)]
RecordKindName = Annotated[str, closed_set(RecordKind)]
SceneName = Annotated[str, closed_set(Scene)]
ObjectionStateName = Annotated[str, closed_set(ObjectionState)]
ObjectionReason = Annotated[Reason, closed_set(Reason, "ObjectionReason")]
ObjectionReasonName = Annotated[str, closed_set(Reason, "ObjectionReason")]
DocumentKindName = Annotated[str, closed_set(DocumentKind)]
SeverityName = Annotated[str, closed_set(Severity)]
DocumentState = Annotated[str, one_of("DocumentState", "The state of a version of a catalogue document.", *STATES)]
MeasureName = Annotated[str, reference("Measure")]
NoticeTextFields = Annotated[Document, reference("NoticeText")]
ConditionTree = Annotated[Document, reference("Condition")]
EffectTerms = Annotated[Document, reference("Effect")]
Baseline = Annotated[Document, reference("BaselineDocument")]
Localized = Annotated[
    dict[str, str],
    component(
        "LocalizedText",
        {
            "type": "object",
            "description": "A text in both languages.",
            "properties": {
                "zh-CN": {"type": "string", "description": "The text in Chinese."},
                "en": {"type": "string", "description": "The text in English."},
            },
            "required": ["zh-CN", "en"],
        },
    ),
]
NextCursor = Annotated[
    str | None, Field(json_schema_extra={"description": "The cursor of the next page; null on the last."})
]
DOCUMENT_SCHEMAS = tuple(f"{kind.title().removesuffix('s')}Document" for kind in DocumentKind)
"""The names of the schemas of catalogue documents."""
UNFINISHED = "A draft that does not fit yet. Its findings name what is missing or wrong."
CatalogueDocument = Annotated[
    Document,
    component(
        "StoredCatalogueDocument",
        {
            "description": "A catalogue document as stored, of one of the eight kinds.",
            "anyOf": [
                *({"$ref": f"#/components/schemas/Stored{kind}"} for kind in DOCUMENT_SCHEMAS),
                {"type": "object", "title": "StoredUnfinishedDocument", "description": UNFINISHED},
            ],
        },
    ),
]


class ClaimedValues(ApiModel):
    """The values that a person says their record should have, as far as they name them."""

    kind: Annotated[RecordKind, Field(strict=False)] | None = None
    """The kind of deed."""
    quantity: Annotated[int, Field(ge=1, le=QUANTITY_MAX)] | None = None
    """The quantity, in the kind's unit."""
    occurred_on: Day | None = None
    """The civil day of the deed."""


class Claimed(ApiModel):
    """The values that a person has claimed for their record."""

    kind: RecordKindName | None = None
    """The kind of deed."""
    quantity: int | None = None
    """The quantity, in the kind's unit."""
    occurred_on: CivilDayText | None = None
    """The civil day of the deed."""


def claimed_values(claim: Claim) -> Claimed | None:
    """Return a person's claim as a member of an answer; None where they named nothing."""
    if claim == NO_CLAIM:
        return None
    day = None if claim.occurred_on is None else claim.occurred_on.isoformat()
    return Claimed(kind=claim.kind, quantity=claim.quantity, occurred_on=day)


class MarkedWords(ApiModel):
    """Words of a member's text that a finding is about, by place, counted in characters (code points)."""

    start: int
    """The index of the first character."""
    end: int
    """The index after the last character."""
    text: str
    """The words."""


class FindingRow(ApiModel):
    """Members of every finding of the publication rules."""

    code: str
    """The finding for programs."""
    rule: str
    """The number of the publication rule in the policy."""
    pointer: Pointer
    severity: SeverityName
    detail: str
    """The finding for people, in the language of the request."""
    marks: list[MarkedWords] | None = None
    """The words that the finding is about; absent where it is not about words."""
