"""The shape of the report on the use of benefits."""

from __future__ import annotations

from typing import Annotated

from service.api.common_schemas import CivilDayText, Localized
from service.http.json_io import ApiModel
from service.http.openapi.named import one_of


class UsageRow(ApiModel):
    """Redemptions of one week, benefit or division, with noise and in tens; null when too small to publish."""

    key: str
    """The first day of the week, the id of the benefit, or the code of the division."""
    name: Localized | None = None
    """The title of a benefit in force."""
    count: int | None
    """Redemptions, in tens; null below 20, and for weeks whose figures were released without this number."""
    give_or_take: int | None = None
    """The distance from the truth that nineteen of twenty such counts stay within; larger for sums of more benefits."""
    too_few_people: bool = False
    """True where fewer than 200 people had a consent: nothing is published then."""


class UsageReport(ApiModel):
    """Redemptions as they were released, the same for everybody who asks.

    By week: the whole city in up to 26 weeks, the oldest first. By benefit or division: one week.
    """

    by: Annotated[str, one_of("UsageGroup", "The rows of a report on use.", "week", "benefit", "division")]
    first_day: CivilDayText
    """The first civil day that is counted."""
    last_day: CivilDayText
    """The last civil day that is counted."""
    synthetic: bool = False
    """True in a demonstration city, whose figures are invented."""
    data: list[UsageRow]
    """The rows."""
