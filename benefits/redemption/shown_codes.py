"""A text that a resident shows to a venue: the handle of a picture, a short code that is typed, the code of a slip.

Pure. QR readers send capitals; people type spaces, hyphens and the full-width characters of Chinese keyboards.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from benefits.redemption.decision import TicketKind
from consent.crypto.blind_index import CODE_ALPHABET, CODE_LENGTH, SLIP_CODE_LENGTH, normal_code

COMPLETE = re.compile(rf"[0-9a-f]{{32}}|[{CODE_ALPHABET}]{{{CODE_LENGTH}}}|[{CODE_ALPHABET}]{{{SLIP_CODE_LENGTH}}}")
"""A handle, a short code or the code of a slip, each as it was issued."""


class ShownCode(NamedTuple):
    """A shown text as it was issued: a handle in lower case, a code in upper case, without spaces and hyphens.

    `is_short` is True for a text as long as a short code.
    """

    kind: TicketKind
    text: str
    is_short: bool = False

    @property
    def is_complete(self) -> bool:
        """True for a text that can be a handle or a code; any other is unknown to every venue."""
        return COMPLETE.fullmatch(self.text) is not None


def read(shown: str) -> ShownCode:
    """Return what a text can be, by its length: any text but that of a slip or short code is taken as a handle."""
    code = normal_code(shown)
    if len(code) == SLIP_CODE_LENGTH:
        return ShownCode(TicketKind.SLIP, code)
    if len(code) == CODE_LENGTH:
        return ShownCode(TicketKind.TICKET, code, is_short=True)
    return ShownCode(TicketKind.TICKET, code.lower())
