"""A catalogue document as people read it: places by their names, values in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from consent.documents.schema import HEADINGS
from consent.kernel.bilingual import LANGUAGES
from service.web.forms import field_labels, fields, parse
from service.web.i18n.formatting import Localizer


@dataclass(frozen=True, slots=True)
class TextPiece:
    """A part of a text, marked or not."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """A place of a document with its value in words and, in a comparison, its former value. None: there is nothing."""

    label: str
    value: str | None
    before: str | None = None
    pieces: Sequence[TextPiece] = ()
    """The value in pieces, if a finding marks words in it."""
    pointer: str = ""
    """The place as a JSON pointer."""
    referred_id: str = ""
    """The id of another document that the place names, if the value is that document's name."""


@dataclass(frozen=True, slots=True)
class DocumentView:
    """One document of a kind in one language."""

    localizer: Localizer
    kind: str
    document: Mapping[str, Any]
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Names of other documents by id, each by language tag; a document without one is read by its id."""

    def lines(self, findings: Iterable[Mapping[str, Any]] = ()) -> list[DocumentLine]:
        """Return every field of the document that has a value, with the words that the findings mark."""
        marks: dict[str, list[Mapping[str, Any]]] = {}
        for finding in findings:
            marks.setdefault(finding["pointer"], []).extend(finding.get("marks") or ())
        values = (
            (field.pointer, parse.value_at(self.document, field.pointer))
            for field in fields.fields_of(self.kind, self.document)
        )
        return [
            DocumentLine(
                self._label(pointer),
                self._text(pointer, value),
                None,
                self._pieces(pointer, marks.get(pointer, ())),
                pointer,
                value if self._referred_name(pointer, value) else "",
            )
            for pointer, value in values
            if value not in (None, "", [], {})
        ]

    def changes(self, differences: Iterable[Mapping[str, Any]]) -> list[DocumentLine]:
        """Return the API's differences, rows of `pointer` with `before`, `after` or both, in words."""
        return [
            DocumentLine(
                self._label(row["pointer"]),
                self._changed_text(row["pointer"], row["after"]) if "after" in row else None,
                self._changed_text(row["pointer"], row["before"]) if "before" in row else None,
            )
            for row in differences
        ]

    def with_labels(self, findings: Iterable[Mapping[str, Any]], editor: str | None = None) -> list[dict[str, Any]]:
        """Return findings, each with `place`, the name of its place, and `pieces`, its text with the marked words.

        With `editor`, the path of the editor's page ("" for the page itself), also with `href`, the link to the nearest
        field.
        """
        return [
            {
                **finding,
                **self._location(finding["pointer"], editor),
                "pieces": self._pieces(finding["pointer"], finding.get("marks") or ()),
            }
            for finding in findings
        ]

    def _changed_text(self, pointer: str, value: Any) -> str:
        """Return a value in words, a name with its id: two documents may have one name."""
        name = self._referred_name(pointer, value)
        return f"{name} · {value}" if name else self._text(pointer, value)

    def _pieces(self, pointer: str, marks: Iterable[Mapping[str, Any]]) -> list[TextPiece]:
        text = parse.value_at(self.document, pointer)
        return marked_pieces(text, marks) if isinstance(text, str) else []

    def _location(self, pointer: str, editor: str | None) -> dict[str, str]:
        location = {"place": self._label(pointer) if pointer else ""}
        if editor is None:
            return location
        return {**location, "href": f"{editor}#{field_labels.anchor(self.kind, pointer, self.document)}"}

    def label_of(self, pointer: str) -> str:
        """Return the name of a pointer whose text is written in both languages, or of any other pointer."""
        clause = pointer.removeprefix("/languages/")
        if clause != pointer and clause in HEADINGS:
            return self.localizer.heading(clause)
        return self._label(f"/languages/{LANGUAGES[0]}/{clause}") if clause != pointer else self._label(pointer)

    def _label(self, pointer: str) -> str:
        return field_labels.label(self.localizer, self.kind, pointer, self.document)

    def _referred_name(self, pointer: str, value: Any) -> str:
        """Return the name of the document that a place names by its id; "" for any other place, or without a name."""
        named = fields.by_pointer(self.kind, self.document).get(pointer)
        if named is None or named.type != "document" or not isinstance(value, str):
            return ""
        return self.localizer.name(self.names.get(value))

    def _text(self, pointer: str, value: Any) -> str:
        if name := self._referred_name(pointer, value):
            return name
        return field_labels.value_text(self.localizer, self.kind, pointer, value, self.document)


def marked_pieces(text: str, marks: Iterable[Mapping[str, Any]]) -> list[TextPiece]:
    """Return a text in pieces at the marks, which have `start` and `end` and may overlap; no pieces without a mark.

    Marks beyond the text are left out: the text may have changed since it was checked.
    """
    merged: list[tuple[int, int]] = []
    for start, end in sorted((mark["start"], mark["end"]) for mark in marks):
        if not 0 <= start < end <= len(text):
            continue
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    pieces: list[TextPiece] = []
    shown = 0
    for start, end in merged:
        pieces += [TextPiece(text[shown:start], False), TextPiece(text[start:end], True)]
        shown = end
    pieces.append(TextPiece(text[shown:], False))
    return [piece for piece in pieces if piece.text] if merged else []


@dataclass(frozen=True, slots=True)
class SideBySide:
    """One place of a document in both languages. `changed` is true if it differs from the version in force.

    A text that is written in both languages is one place; what is empty in one of them is None.
    """

    label: str
    here: DocumentLine | None
    other: DocumentLine | None
    changed: bool


def side_by_side(
    view: DocumentView,
    other: Localizer,
    differences: Iterable[Mapping[str, Any]],
    findings: Sequence[Mapping[str, Any]] = (),
) -> list[SideBySide]:
    """Return every place that has a value, with its words in both languages and what differs marked.

    `other` is the localizer of the language that the view is not in.
    """
    other_view = DocumentView(other, view.kind, view.document, view.names)
    changed = [row["pointer"] for row in differences]
    texts_by_pointer: dict[str, dict[str, DocumentLine]] = {}
    for language, lines in ((view.localizer.language, view.lines(findings)), (other.language, other_view.lines())):
        for line in lines:
            pointer, written_in = _without_language(line.pointer)
            if written_in is None:
                texts_by_pointer.setdefault(pointer, {})[language] = line
            elif language == view.localizer.language:
                texts_by_pointer.setdefault(pointer, {})[written_in] = line
    return [
        SideBySide(
            view.label_of(pointer),
            texts.get(view.localizer.language),
            texts.get(other.language),
            any(_touches(line.pointer, other) for line in texts.values() for other in changed),
        )
        for pointer, texts in texts_by_pointer.items()
    ]


def _without_language(pointer: str) -> tuple[str, str | None]:
    """Return a pointer without its language and that language; None for a value that is in no language."""
    parts = pointer.split("/")
    written_in = next((part for part in parts if part in LANGUAGES), None)
    if written_in is None:
        return pointer, None
    return "/".join(part for part in parts if part != written_in), written_in


def _touches(pointer: str, changed: str) -> bool:
    """Report whether one of two pointers encloses the other."""
    return pointer == changed or pointer.startswith(f"{changed}/") or changed.startswith(f"{pointer}/")
