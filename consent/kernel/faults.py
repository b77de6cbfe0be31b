"""Faults of documents: one for each place, named by an RFC 6901 pointer and a stable code.

Details state what is allowed instead; they never repeat what was sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

FORM = "form"
"""Stands in a finding's `rule` for a mistake: a fault of form, or of the order in which documents come into force."""
Values = Mapping[str, int | str | tuple[str, ...]]
"""Limits and closed vocabularies by name, for translated sentences; never a value that was sent."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`code` is snake_case and stable; `detail` is a sentence for people; `pointer` is empty for the whole document.

    `values` holds the limits that the sentence names, so that it can be written in another language.
    """

    pointer: str
    code: str
    detail: str
    values: Values = field(default_factory=dict, compare=False)


class Faulty(ValueError):
    """A value that cannot be parsed; `fault` names the place and the cause. Raised by the pure parsers."""

    def __init__(self, pointer: str, code: str, detail: str, **values: int | str | tuple[str, ...]) -> None:
        super().__init__(f"{pointer or '/'}: {code}: {detail}")
        self.fault = Fault(pointer, code, detail, values)

    @property
    def pointer(self) -> str:
        """Return the RFC 6901 pointer, relative to the parsed value."""
        return self.fault.pointer

    @property
    def code(self) -> str:
        """Return the stable code."""
        return self.fault.code


class DocumentInvalid(ValueError):
    """A document that does not fit its kind; `faults` is in document order and never empty."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{fault.pointer or '/'}: {fault.code}" for fault in faults))
        self.faults = faults


def pointer_to(parts: Iterable[str | int]) -> str:
    """Return the RFC 6901 pointer to a place in a document: `("a/b", 0)` gives `/a~1b/0`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
