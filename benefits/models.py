"""The tables of the benefits package; imported only inside it. Migrations create them, a drift test compares both."""

from __future__ import annotations

from consent.database.composite_key import CompositeKeyModel
from consent.database.fields import BigInteger, CivilDay, Integer, Micros, Sealed, Text
from consent.database.table_model import TableModel


class Snapshot(TableModel):
    """A person's points as computed last; valid only under the same epoch and before `valid_until`."""

    person_id = Text(primary_key=True)
    epoch = BigInteger()
    scheme_version = Text()
    timeline_sha256 = Text()
    total = Integer()
    dimensions = Text()
    as_of = CivilDay()
    valid_until = CivilDay(null=True)
    covered_until = Micros(null=True)
    covered_from = Micros(null=True)

    class Meta:
        table = "snapshot"


class StoredTicket(TableModel):
    """A resident's ticket for a benefit at a venue, by the index of what is shown there; also each use of a binding.

    Deleted 24 hours after `unlink_from`, or after `issued_at` where that is NULL; an erasure sets `person_id` to NULL
    before. `counters` is a JSON list of the quota keys that it was issued under, and once it is redeemed of those that
    the redemption counted on. `checks` is the number of checks by a venue. `kind` is a `TicketKind`; a slip or binding
    names its row of LastingTicket.
    """

    handle_index = Text(primary_key=True)
    ticket_id = Text()
    person_id = Text(null=True)
    benefit_id = Text()
    benefit_version = Integer()
    venue_id = Text()
    issued_at = Micros()
    expires_at = Micros()
    redemption_id = Text(null=True)
    counters = Text(db_default="[]")
    checks = Integer(db_default=0)
    kind = Text(db_default="ticket")
    lasting_id = Text(null=True)
    unlink_from = Micros(null=True)

    class Meta:
        table = "ticket"


class LastingTicket(CompositeKeyModel):
    """A person's slip or binding, which outlives the minute of an ordinary ticket; for their list and to stop it.

    `handle_index` is its row of StoredTicket, NULL until the code of a binding is typed. `sealed_code` is the code of a
    slip, or of a binding until it is typed.
    """

    KEY = ("person_id", "lasting_id")
    person_id = Text()
    lasting_id = Text()
    kind = Text()
    benefit_id = Text()
    venue_id = Text()
    created_at = Micros()
    valid_until = Micros()
    handle_index = Text(null=True)
    sealed_code = Sealed("lasting_id", null=True)
    code_expires_at = Micros(null=True)

    class Meta:
        table = "lasting_ticket"


class AddedSession(TableModel):
    """A session that a venue adds for a benefit with added places, and how many of its places are taken."""

    session_id = Text(primary_key=True)
    venue_id = Text()
    benefit_id = Text()
    begins_at = Micros()
    ends_at = Micros()
    places = Integer()
    taken = Integer()

    class Meta:
        table = "added_session"


class Booking(CompositeKeyModel):
    """A person's place in an added session; deleted a day after the session.

    It ends with the consent for `provider_id` that lived at `created_at`.
    """

    KEY = ("person_id", "booking_id")
    person_id = Text()
    booking_id = Text()
    session_id = Text()
    benefit_id = Text()
    venue_id = Text()
    begins_at = Micros()
    ends_at = Micros()
    provider_id = Text(db_default="")
    created_at = Micros(db_default=0)

    class Meta:
        table = "booking"


class BindingCode(TableModel):
    """The code of a binding that waits for being typed in the venue's own app, by its keyed index.

    `benefit_version` is the version whose terms the resident accepted; 0, no version, for codes from before 0013.
    """

    code_index = Text(primary_key=True)
    venue_id = Text()
    person_id = Text()
    lasting_id = Text()
    expires_at = Micros()
    benefit_version = Integer(db_default=0)

    class Meta:
        table = "binding_code"


class Redemption(TableModel):
    """A benefit that was granted, never with the person; its time is the hour.

    `handle_index` is the index of the ticket's handle; for a pass of this city the pass id, for a pass of another city
    the `use_index` of its RecognisedUse.
    """

    redemption_id = Text(primary_key=True)
    handle_index = Text(unique=True)
    venue_id = Text()
    benefit_id = Text()
    benefit_version = Integer()
    day = CivilDay()
    hour = Integer()
    state = Text()
    runs_until = CivilDay(null=True)
    reversal_reason = Text(null=True)
    delivered_on = CivilDay(null=True)

    class Meta:
        table = "redemption"


class OfflinePass(TableModel):
    """A pass that was issued, by the position of its bit in a status list: `list_number.place`.

    Issue and expiry are full hours. `consent_given_at` is the begin of the consent that it was issued under: the pass
    ends with it, and a later one does not bring it back. `issuer_id` is the other city whose venue it is for, NULL for
    one of this city. `used_at` is the venue's time of its use once that was
    uploaded; `redemption_id` stays NULL where the venue bears it. `counters` is a JSON list of the quota keys that the
    redemption counted on. Deleted three days after its expiry; an erasure sets `person_id` to NULL before. A stop or an
    erasure sets `revoked_from` to the next step of the status lists.
    """

    pass_id = Text(primary_key=True)
    list_number = Integer()
    place = Integer()
    key_thumbprint = Text(unique=True)
    person_id = Text(null=True)
    provider_id = Text()
    benefit_id = Text()
    benefit_version = Integer()
    venue_id = Text()
    issued_at = Micros()
    expires_at = Micros()
    used_at = Micros(null=True)
    redemption_id = Text(null=True)
    counters = Text(db_default="[]")
    consent_given_at = Micros(db_default=0)
    revoked_from = Micros(null=True)
    issuer_id = Text(null=True)

    class Meta:
        table = "offline_pass"


class RecognisedUse(TableModel):
    """A use of another city's pass, by a keyed hash of the pass; of the person nothing is stored.

    `showing_index` is the hash of pass and second, by which the same use uploaded again is told from a second one.
    `redemption_id` stays NULL where the venue bears it. `counters` is a JSON list of the quota keys that the redemption
    counted on. Deleted from `delete_from` on, when no use of the pass can be uploaded any more.
    """

    use_index = Text(primary_key=True)
    showing_index = Text()
    delete_from = Micros()
    redemption_id = Text(null=True)
    counters = Text(db_default="[]")

    class Meta:
        table = "recognised_use"


class WalletRequest(TableModel):
    """A venue's request for a pass in a wallet. `redemption_id` is NULL where the answer was a "no"."""

    request_id = Text(primary_key=True)
    venue_id = Text()
    benefit_id = Text()
    nonce = Text()
    state = Text()
    expires_at = Micros()
    answered_at = Micros(null=True)
    redemption_id = Text(null=True)

    class Meta:
        table = "presentation_request"


class QuotaUse(TableModel):
    """The use of a quota in one period; the key of a person's quota is an HMAC that names nobody."""

    quota_key = Text(primary_key=True)
    taken = Integer()
    ends_on = CivilDay()

    class Meta:
        table = "quota_use"


class FrozenPoints(CompositeKeyModel):
    """Points of a week's Monday, and twelve months' sums of each record kind, in random order, without persons.

    `synthetic` is 1 for the invented people of the demonstration city, which production never counts.
    """

    KEY = ("week", "place")
    week = CivilDay()
    place = BigInteger()
    total = Integer()
    ecological_protection = Integer()
    ecological_business = Integer()
    green_living = Integer()
    ecological_culture = Integer()
    social_responsibility = Integer()
    bike_trip = BigInteger()
    transit_trip = BigInteger()
    volunteer_minutes = BigInteger()
    community_meeting = BigInteger()
    eco_course = BigInteger()
    tree_planted = BigInteger()
    green_shop_month = BigInteger()
    nature_observation = BigInteger(db_default=0)
    battery_returned = BigInteger(db_default=0)
    item_passed_on = BigInteger(db_default=0)
    item_repaired = BigInteger(db_default=0)
    reading_circle = BigInteger(db_default=0)
    synthetic = Integer(db_default=0)

    class Meta:
        table = "frozen_points"


class SimulationRun(CompositeKeyModel):
    """The number of simulations of a document in a week, which a limit is set on."""

    KEY = ("week", "document")
    week = CivilDay()
    document = Text()
    runs = Integer()

    class Meta:
        table = "simulation_run"


class ReleasedFigures(TableModel):
    """The figures of a week as they were released; never changed afterwards."""

    week = CivilDay(primary_key=True)
    figures = Text()

    class Meta:
        table = "released_figures"


class ExpiryRound(TableModel):
    """The progress of messages `days` before points expire: the civil day of the expiry, the last person, the end."""

    days = Integer(primary_key=True)
    expires_on = CivilDay()
    after_person = Text()
    finished = Integer()

    class Meta:
        table = "expiry_round"


class SpentEpsilon(CompositeKeyModel):
    """Thousandths of epsilon that a kind of release has used in a week, in so many releases."""

    KEY = ("week", "kind")
    week = CivilDay()
    kind = Text()
    spent_milli = Integer()
    releases = Integer()

    class Meta:
        table = "privacy_budget"


class ReleasedNumber(CompositeKeyModel):
    """The noisy answer to a question of a week: a JSON object of counts by cell."""

    KEY = ("week", "question_sha256")
    week = CivilDay()
    question_sha256 = Text()
    kind = Text()
    answer = Text()

    class Meta:
        table = "released_number"
