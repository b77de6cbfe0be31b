"""Invented weekly figures of the demonstration city, so that its reports and public figures show bars.

They are released figures of whole weeks, marked as synthetic: no redemption, consent or person is written for them, and
a city in production never has one. The exact numbers are the same each time; the noise is drawn as for real ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta

from benefits.rules.vocabulary import Scene
from benefits.statistics import noise, weekly_figures
from benefits.statistics.privacy_budget import REDEMPTIONS_PER_PERSON, ReleaseKind
from benefits.statistics.weeks import Week, week_at
from consent.database import queries
from consent.documents import lifecycle
from consent.domain.complaints import COUNTED_PER_PERSON
from consent.domain.document_kinds import DocumentKind
from consent.domain.exact_counts import ExactCounts
from consent.domain.purposes import Purpose
from service.demo.synthetic_people import WEEKS_AHEAD
from service.http.context import AppContext

WEEKS_BEFORE = 15
"""Weeks before the present one, so that the plot by week has a line to show; a row each."""
GROWTH = 0.03
"""The part by which a week is larger than the one before it."""
WAVE = 0.12
"""The part by which a month's best week is above its mean."""
WEEK_OF_SCENE: Mapping[Scene, int] = {
    Scene.LIBRARY: 900,
    Scene.PARKING: 1_450,
    Scene.MEDICAL_CONVENIENCE: 110,
    Scene.TOURISM: 380,
    Scene.MOBILITY: 1_200,
    Scene.LODGING: 70,
    Scene.RENTAL: 160,
    Scene.SHOPPING: 520,
    Scene.FITNESS: 680,
    Scene.APPROVALS: 90,
    Scene.BILLS: 300,
}
"""Redemptions of a benefit of each scene in the present week."""
WEEK_OF_OTHERS = 200
"""The same for a scene that WEEK_OF_SCENE lacks."""
LIVE_CONSENTS: Mapping[Purpose, int] = {Purpose.POINTS_COMPUTE: 7_900, Purpose.BENEFIT_CHECK: 5_200}
"""Live consents of the present week, for 5,000 people."""


COMPLAINTS: Mapping[str, int] = {"riverside-parking": 240, "city-library": 160}
"""People whose latest complaint is about a provider; nobody complains about the others."""


async def add_to_figures(app_context: AppContext) -> None:
    """Add figures of WEEKS_BEFORE weeks, of this week and of WEEKS_AHEAD more; released ones stay.

    Raises:
        RuntimeError: the settings are not those of a demonstration city.
    """
    if not app_context.settings.demo:
        raise RuntimeError("only a demonstration city has synthetic use")
    at = await app_context.clock()
    await noise.load()
    async with queries.transaction():
        # Benefits that came into force a moment ago stand in for the benefits of the weeks before.
        benefits = {
            version.document_id: Scene(version.body["scene"])
            for version in await lifecycle.all_in_force(DocumentKind.BENEFITS, at)
        }
        providers = [version.document_id for version in await lifecycle.all_in_force(DocumentKind.PROVIDERS, at)]
        for ahead in range(-WEEKS_BEFORE, WEEKS_AHEAD + 1):
            week = week_at(at + timedelta(days=7 * ahead), app_context.settings.city_zone)
            shown = Week(at, week.today, week.monday, week.ends_at)
            await weekly_figures.add_synthetic(shown, invent(benefits, providers, ahead))


def invent(benefits: Mapping[str, Scene], providers: Sequence[str], ahead: int) -> Mapping[ReleaseKind, ExactCounts]:
    """Return the exact counts of the week that is `ahead` weeks from now: smaller before, with a wave by month."""
    part = (1 + GROWTH) ** ahead * (1 + WAVE * math.sin(ahead * math.pi / 2))
    redeemed = {
        name: round(WEEK_OF_SCENE.get(scene, WEEK_OF_OTHERS) * part) for name, scene in sorted(benefits.items())
    }
    consents = {str(purpose): round(count * (1 + GROWTH) ** ahead) for purpose, count in LIVE_CONSENTS.items()}
    return {
        ReleaseKind.REDEMPTIONS: ExactCounts(redeemed, REDEMPTIONS_PER_PERSON),
        ReleaseKind.LIVE_CONSENTS: ExactCounts(consents, 1),
        ReleaseKind.COMPLAINTS: ExactCounts({name: COMPLAINTS.get(name, 0) for name in providers}, COUNTED_PER_PERSON),
    }
