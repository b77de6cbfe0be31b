"""Previews next to the editor: a benefit as residents and desks will see it, and the choices that suit it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from benefits.rules.effects import EFFECTS
from benefits.rules.vocabulary import EffectKind
from service.web.forms import field_labels
from service.web.i18n.labels import LABELS
from service.web.page import Page

CITY_DIGITS = 4
"""Digits of a city's code; codes that share them are of one city."""


@dataclass(frozen=True, slots=True)
class BenefitPreview:
    """A benefit in words; "" for what is not filled in yet."""

    title: str
    effect: str
    condition: str
    terms: str
    scene: str
    baseline: list[str]


def preview_of(page: Page, document: Mapping[str, Any], service: Mapping[str, Any] | None) -> BenefitPreview:
    """Return the preview of a benefit that may be half filled in."""
    localizer, title, effect = page.localizer, document.get("title"), document.get("effect")
    words = ""
    # An amount that is no number yet, or an effect without one, has no sentence.
    with suppress(KeyError, TypeError, ValueError, AttributeError):
        words = localizer.effect(effect or {})
    condition = document.get("condition")
    terms = document.get("terms")
    return BenefitPreview(
        localizer.name(title) if isinstance(title, Mapping) else "",
        words,
        "" if condition is None else field_labels.value_text(localizer, "benefits", "/condition", condition, document),
        localizer.name(terms) if isinstance(terms, Mapping) else "",
        str(document.get("scene", "")),
        localizer.baseline((service or {}).get("baseline")),
    )


async def service_of(page: Page, document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the newest version of the service that a benefit names, None while it names none."""
    service_id = document.get("service_id")
    if not isinstance(service_id, str) or not service_id:
        return None
    reply = await page.call_api("GET", f"/v1/admin/services/{quote(service_id, safe='')}")
    return dict(reply.body["document"]) if reply.succeeded else None


def effects_for(service: Mapping[str, Any] | None, document: Mapping[str, Any]) -> list[EffectKind]:
    """Return the effects that suit the service's kind, all while none is chosen, and always the present one."""
    kind = (service or {}).get("kind")
    effect = document.get("effect")
    present = effect.get("kind") if isinstance(effect, Mapping) else None
    fitting = [effect_kind for effect_kind in EffectKind if kind in EFFECTS[effect_kind].suits]
    return [offered for offered in EffectKind if not fitting or offered in fitting or offered == present]


async def divisions(page: Page) -> list[tuple[str, str]]:
    """Return the divisions to choose from as (code, name): those of the catalogue and their neighbours in the city.

    Empty while the catalogue names none; the code is then typed.
    """
    exported = (await page.read("/v1/admin/catalogue/export"))["catalogue"]
    used = {str(body["division"]) for bodies in exported.values() for body in bodies if body.get("division")}
    cities = {code[:CITY_DIGITS] for code in used if len(code) >= CITY_DIGITS}
    neighbours = {code for code in LABELS["division"] if code[:CITY_DIGITS] in cities}
    codes = used | neighbours
    return [(code, page.localizer.label("division", code)) for code in sorted(codes)]
