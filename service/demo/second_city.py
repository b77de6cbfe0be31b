"""A second demonstration city: each of two cities recognises the other's passes for its library, and nothing else.

The keys are read from the other city's folder, as an officer would compare them with what the other city says: neither
city calls the other.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from benefits.passes import claims, issuers
from consent.database import queries
from consent.documents import bodies
from consent.domain.document_kinds import DocumentKind
from consent.kernel.canonical_json import sha256_of
from service.demo import seed
from service.settings import Settings

BENEFIT = "library-deposit"
DIVISION = "2101"
FIRST = ("first-city", {"zh-CN": "第一示范城市", "en": "First Demonstration City"})
SECOND = ("second-city", {"zh-CN": "第二示范城市", "en": "Second Demonstration City"})


def issuer_document(settings: Settings, url: str, city: tuple[str, dict[str, str]]) -> dict[str, Any]:
    """Return the document by which another city is recognised; `settings` are its own, `city` its id and name."""
    assert settings.pass_key is not None
    return {
        "issuer_id": city[0],
        "url": url,
        "name": city[1],
        "division": DIVISION,
        "keys_sha256": issuers.key_set_sha256([settings.pass_key.kid]),
        "recognises": [{"vct": claims.benefit_type(url, BENEFIT, 1), "benefit_id": BENEFIT}],
    }


async def recognise(document: dict[str, Any], at: datetime) -> bool:
    """Publish the document of another city, by three persons; return False if this very version was published before.

    It may have been suspended or retired since, which a new start does not undo.
    """
    if await bodies.by_hash(sha256_of(document)) is not None:
        return False
    async with queries.transaction():
        await seed.publish(DocumentKind.ISSUERS, document["issuer_id"], document, at)
    return True
