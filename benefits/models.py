"""The benefits room's tables, imported only inside this room.

The migrations create them, a drift test compares both.
"""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model


class Snapshot(Model):
    """A person's points as last computed: believed only under the same epoch and before `valid_until`."""

    person_id = fields.CharField(32, primary_key=True)
    epoch = fields.BigIntField()
    scheme_version = fields.CharField(64)
    timeline_sha256 = fields.CharField(64)
    total = fields.IntField()
    dimensions = fields.TextField()
    as_of = fields.IntField()
    valid_until = fields.IntField(null=True)
    covered_until = fields.BigIntField(null=True)

    class Meta:
        table = "snapshot"


class Ticket(Model):
    """A resident's one-time yes. Found by the keyed index of its handle; the person is cut off after 24 hours."""

    handle_index = fields.CharField(32, primary_key=True)
    ticket_id = fields.CharField(32)
    person_id = fields.CharField(32, null=True)
    benefit_id = fields.CharField(64)
    benefit_version = fields.IntField()
    venue_id = fields.CharField(64)
    issued_at = fields.BigIntField()
    expires_at = fields.BigIntField()
    redemption_id = fields.CharField(32, null=True)
    counters = fields.TextField()

    class Meta:
        table = "ticket"


class Redemption(Model):
    """A benefit honoured. Carries the ticket, never the person; its time is rounded to the hour."""

    redemption_id = fields.CharField(32, primary_key=True)
    handle_index = fields.CharField(32)
    venue_id = fields.CharField(64)
    benefit_id = fields.CharField(64)
    benefit_version = fields.IntField()
    day = fields.IntField()
    hour = fields.IntField()
    state = fields.CharField(16)
    runs_until = fields.IntField(null=True)
    reversal_reason = fields.CharField(32, null=True)

    class Meta:
        table = "redemption"


class QuotaUse(Model):
    """How much of a quota is taken in one period; the key of a person's quota is an HMAC that names nobody."""

    quota_key = fields.CharField(64, primary_key=True)
    taken = fields.IntField()
    ends_on = fields.IntField()

    class Meta:
        table = "quota_use"


class FrozenPoints(Model):
    """Points, and the sums of twelve months' deeds, of a week in random order, without persons."""

    week = fields.IntField(primary_key=True)
    place = fields.BigIntField()
    total = fields.IntField()
    ecological_protection = fields.IntField()
    ecological_business = fields.IntField()
    green_living = fields.IntField()
    ecological_culture = fields.IntField()
    social_responsibility = fields.IntField()
    bike_trip = fields.BigIntField()
    transit_trip = fields.BigIntField()
    volunteer_minutes = fields.BigIntField()
    community_meeting = fields.BigIntField()
    eco_course = fields.BigIntField()
    tree_planted = fields.BigIntField()
    green_shop_month = fields.BigIntField()

    class Meta:
        table = "frozen_points"


class SimulationRun(Model):
    """How often a benefit, or any scheme, was simulated in a week."""

    week = fields.IntField(primary_key=True)
    document = fields.CharField(64)
    runs = fields.IntField()

    class Meta:
        table = "simulation_run"


class ReleasedFigures(Model):
    """Figures of a week as they were released."""

    week = fields.IntField(primary_key=True)
    figures = fields.TextField()

    class Meta:
        table = "released_figures"
