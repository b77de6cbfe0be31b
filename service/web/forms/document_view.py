"""A catalogue document as people read it: places by their names, values in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True, slots=True)
class DocumentView:
    """One document of a kind in one language."""

    localizer: Localizer
    kind: str
    document: Mapping[str, Any]

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
                self._label(pointer), self._text(pointer, value), None, self._pieces(pointer, marks.get(pointer, ()))
            )
            for pointer, value in values
            if value not in (None, "", [], {})
        ]

    def changes(self, differences: Iterable[Mapping[str, Any]]) -> list[DocumentLine]:
        """Return the API's differences, rows of `pointer` with `before`, `after` or both, in words."""
        return [
            DocumentLine(
                self._label(row["pointer"]),
                self._text(row["pointer"], row["after"]) if "after" in row else None,
                self._text(row["pointer"], row["before"]) if "before" in row else None,
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

    def _pieces(self, pointer: str, marks: Iterable[Mapping[str, Any]]) -> list[TextPiece]:
        text = parse.value_at(self.document, pointer)
        return marked_pieces(text, marks) if isinstance(text, str) else []

    def _location(self, pointer: str, editor: str | None) -> dict[str, str]:
        place = {"place": self._label(pointer) if pointer else ""}
        if editor is None:
            return place
        return {**place, "href": f"{editor}#{field_labels.anchor(self.kind, pointer, self.document)}"}

    def _label(self, pointer: str) -> str:
        return field_labels.label(self.localizer, self.kind, pointer, self.document)

    def _text(self, pointer: str, value: Any) -> str:
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
