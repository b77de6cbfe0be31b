"""What is wrong with a document: one fault for one place, named by an RFC 6901 pointer and a stable code.

Details say what is allowed instead; they never repeat what was sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Values = Mapping[str, int | str | tuple[str, ...]]
"""Limits and closed words of ours, by name; never what somebody sent."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`code` is snake_case and stable; `detail` is a sentence for people; `pointer` is empty for the whole document.

    `values` are what the sentence names.
    """

    pointer: str
    code: str
    detail: str
    values: Values = field(default_factory=dict, compare=False)


class Faulty(ValueError):
    """A value that cannot be read; `fault` says where and why. Raised by the pure parsers."""

    def __init__(self, pointer: str, code: str, detail: str, **values: int | str | tuple[str, ...]) -> None:
        super().__init__(f"{pointer or '/'}: {code}: {detail}")
        self.fault = Fault(pointer, code, detail, values)

    @property
    def pointer(self) -> str:
        """RFC 6901 pointer, relative to what was parsed."""
        return self.fault.pointer

    @property
    def code(self) -> str:
        """The stable code."""
        return self.fault.code


class DocumentInvalid(ValueError):
    """A document that does not fit its kind; `faults` in document order, at least one."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{fault.pointer or '/'}: {fault.code}" for fault in faults))
        self.faults = faults


def pointer_to(parts: Iterable[str | int]) -> str:
    """The RFC 6901 pointer to a place in a document: `("a/b", 0)` is `/a~1b/0`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
