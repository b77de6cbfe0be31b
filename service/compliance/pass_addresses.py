"""The public address in passes: a city without the setting PUBLIC_URL compares them with a header that clients send."""

from __future__ import annotations

from datetime import datetime

from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind


async def need_public_url(at: datetime) -> bool:
    """Report whether the city recognises another one at `at`, whose passes name the venues here by the city's address.

    Passes of the city itself need the setting too; it is refused without.
    """
    return bool(await lifecycle.all_in_force(DocumentKind.ISSUERS, at))
