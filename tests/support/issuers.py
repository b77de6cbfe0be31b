"""An issuer: another city whose passes for its library count as this city's library benefit."""

from __future__ import annotations

from typing import Any

URL = "https://other.example"
TYPE = f"{URL}/vct/library-deposit/1"
ISSUER: dict[str, Any] = {
    "issuer_id": "other-city",
    "url": URL,
    "name": {"zh-CN": "邻市", "en": "Neighbour City"},
    "division": "2101",
    "keys_sha256": "a" * 64,
    "recognises": [{"vct": TYPE, "benefit_id": "library-deposit"}],
}
