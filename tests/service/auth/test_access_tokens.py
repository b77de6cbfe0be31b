"""Access tokens of the six audiences: accepted and refused, with real keys, tokens and a real JWKS server."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.auth import access_tokens
from service.auth.access_tokens import Audience, TokenVerifier, TrustedTokenIssuer, Venue
from service.auth.claims import STAFF_DIVISIONS_MAX
from service.auth.jwks import KeySource
from tests.support.tokens import (
    ISSUER,
    NOW,
    SECOND,
    claims,
    documents,
    ec_jwk,
    ec_key,
    make_verifier,
    refused,
    resident_says,
    rsa_key,
    token,
    trusted,
)

# Accepted tokens


def test_each_audience_gives_its_principal() -> None:
    principals = [make_verifier().verify(audience, token(claims(audience)), NOW) for audience in Audience]
    assert principals == [
        access_tokens.Resident("subject-1", date(1990, 1, 1)),
        access_tokens.Venue("subject-1"),
        access_tokens.Source("subject-1"),
        access_tokens.Administrator("subject-1", "staff-1"),
        access_tokens.PrivacyOfficer("subject-1", "staff-1"),
        access_tokens.CityApp("subject-1"),
    ]


def test_divisions_of_staff_are_codes() -> None:
    def divisions_of(value: Any) -> tuple[str, ...]:
        text = token(claims(Audience.ADMINISTRATOR, divisions=value))
        principal = make_verifier().verify(Audience.ADMINISTRATOR, text, NOW)
        assert isinstance(principal, access_tokens.Administrator)
        return principal.divisions

    assert divisions_of(["21", "210102"]) == ("21", "210102")
    assert divisions_of([]) == divisions_of(...) == ()
    most = STAFF_DIVISIONS_MAX
    assert len(divisions_of(["21"] * most)) == most
    for value in ("21", [21], ["2"], [""], ["21\n"], ["９9"], None, ["21"] * (most + 1)):
        with pytest.raises(access_tokens.TokenInvalid, match="malformed"):
            divisions_of(value)


def test_rs256_is_accepted_where_the_issuer_allows_it() -> None:
    text = jwt.encode(claims(), rsa_key(), algorithm="RS256", headers={"typ": "at+jwt", "kid": "rsa-1"})
    assert isinstance(resident_says(text), access_tokens.Resident)
    narrow = {audience: TrustedTokenIssuer(ISSUER, f"city:{audience}") for audience in Audience}
    only_ec = TokenVerifier(narrow, dict.fromkeys(Audience, KeySource.fixed(documents())))
    with pytest.raises(access_tokens.TokenInvalid, match="algorithm"):
        only_ec.verify(Audience.RESIDENT, text, NOW)


@pytest.mark.parametrize("kind", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"])
def test_access_token_types_are_compared_without_case(kind: str) -> None:
    assert resident_says(token(typ=kind))


def test_nothing_printed_tells_who_a_resident_is() -> None:
    assert repr(resident_says(token())) == "Resident()"


# Claims


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "iat", "sub"])
def test_required_claims_are_required(name: str) -> None:
    for absent in (..., None):
        claim: dict[str, Any] = {name: absent}
        assert refused(token(claims(**claim))) == "malformed"


@pytest.mark.parametrize(
    "issuer", ["", ISSUER + "/", ISSUER.upper(), "https://evil.example", "https://id.city.example.evil"]
)
def test_another_issuer_is_refused(issuer: str) -> None:
    assert refused(token(claims(iss=issuer))) == "issuer"


@pytest.mark.parametrize("audience", ["", "city", "city:residents", "CITY:RESIDENT"])
def test_another_audience_is_refused(audience: str) -> None:
    assert refused(token(claims(aud=audience))) == "audience"


@pytest.mark.parametrize("audience", [["city:resident"], ["city:resident", "city:venue"], [], {"aud": "city:resident"}])
def test_lists_of_audiences_are_refused(audience: Any) -> None:
    assert refused(token(claims(aud=audience))) == "malformed"


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("value", [True, "1782878400", 1782878400.0, 1782878400.5, -1, 10**30, None, [], "NaN"])
def test_dates_are_whole_numbers(name: str, value: Any) -> None:
    assert refused(token(claims(**{name: value}))) == "malformed"


@pytest.mark.parametrize(
    "value", ["", "x" * 256, 1, True, ["subject-1"], "a\x00b", "a\nb", "a\u202eb", "\ud800", "①", "ｓ"]
)
def test_subjects_are_one_to_255_printable_characters_in_nfkc(value: Any) -> None:
    assert refused(token(claims(sub=value))) == "malformed"


@pytest.mark.parametrize("value", ["x", "x" * 255, "居民-1", "a b", "auth0|1234"])
def test_other_subjects_are_taken_as_they_are(value: str) -> None:
    assert resident_says(token(claims(sub=value))) == access_tokens.Resident(value, date(1990, 1, 1))


def test_leeway_is_thirty_seconds_at_both_ends() -> None:
    text = token(claims(iat=SECOND, nbf=SECOND, exp=SECOND + 300))
    for offset in (-30, 0, 299, 300, 329):
        assert resident_says(text, NOW + timedelta(seconds=offset))
    assert resident_says(text, NOW + timedelta(seconds=329, microseconds=999_999))
    assert refused(text, NOW + timedelta(seconds=330)) == "expired"
    assert refused(text, NOW - timedelta(seconds=31)) == "not_yet_valid"
    assert refused(text, NOW - timedelta(seconds=30, microseconds=1)) == "not_yet_valid"


def test_not_before_is_honoured() -> None:
    text = token(claims(nbf=SECOND + 100))
    assert refused(text) == "not_yet_valid"
    assert resident_says(text, NOW + timedelta(seconds=70))


def test_a_token_that_ends_before_it_begins_is_refused() -> None:
    assert refused(token(claims(iat=SECOND + 20, exp=SECOND + 10))) == "expired"


def test_the_clock_handed_in_is_the_clock() -> None:
    past = datetime(2012, 1, 1, tzinfo=UTC)
    second = int(past.timestamp())
    assert resident_says(token(claims(iat=second, exp=second + 60)), past)
    with pytest.raises(ValueError, match="aware"):
        resident_says(token(), NOW.replace(tzinfo=None))


# Audiences


@pytest.mark.parametrize("own", list(Audience))
@pytest.mark.parametrize("other", list(Audience))
def test_a_token_for_one_audience_is_refused_by_the_others(own: Audience, other: Audience) -> None:
    verifier = make_verifier()
    text = token(claims(own))
    if own is other:
        assert verifier.verify(other, text, NOW)
        return
    with pytest.raises(access_tokens.WrongRole):
        verifier.verify(other, text, NOW)
    assert verifier.verify(own, text, NOW)
    with pytest.raises(access_tokens.WrongRole):  # also when it is cached for its own audience
        verifier.verify(other, text, NOW)


def test_an_invalid_token_for_another_audience_is_invalid_not_wrong_role() -> None:
    for text in (token(claims(), key=ec_key("attacker")), token(claims(exp=SECOND - 31, iat=SECOND - 60))):
        with pytest.raises(access_tokens.TokenInvalid):
            make_verifier().verify(Audience.VENUE, text, NOW)


def test_issuers_cannot_sign_for_each_others_audiences() -> None:
    issuers = {audience: TrustedTokenIssuer(f"https://{audience}.example", "credit") for audience in Audience}
    sources = {audience: KeySource.fixed({"keys": [ec_jwk(ec_key(audience), "k")]}) for audience in Audience}
    each = TokenVerifier(issuers, sources)

    def mint(signer: Audience, named: Audience) -> str:
        return token(claims(Audience.VENUE, iss=f"https://{named}.example", aud="credit"), key=ec_key(signer), kid="k")

    assert each.verify(Audience.VENUE, mint(Audience.VENUE, Audience.VENUE), NOW) == access_tokens.Venue("subject-1")
    with pytest.raises(access_tokens.TokenInvalid, match="signature"):
        each.verify(Audience.VENUE, mint(Audience.SOURCE, Audience.VENUE), NOW)
    with pytest.raises(access_tokens.WrongRole):
        each.verify(Audience.VENUE, mint(Audience.SOURCE, Audience.SOURCE), NOW)


def test_two_audiences_cannot_share_issuer_and_aud() -> None:
    shared = dict.fromkeys((Audience.VENUE, Audience.SOURCE), TrustedTokenIssuer(ISSUER, "both"))
    with pytest.raises(ValueError, match="for one only"):
        TokenVerifier(shared, dict.fromkeys(shared, KeySource.fixed(documents())))
    with pytest.raises(ValueError, match="its keys"):
        TokenVerifier(trusted(), {})


@pytest.mark.parametrize("audience", [Audience.VENUE, Audience.SOURCE])
def test_a_persons_token_through_the_venues_application_is_not_the_venue(audience: Audience) -> None:
    assert make_verifier().verify(audience, token(claims(audience, client_id="subject-1")), NOW)
    with pytest.raises(access_tokens.TokenInvalid, match="client"):
        make_verifier().verify(audience, token(claims(audience, client_id="library-app")), NOW)


def desk_verifier() -> TokenVerifier:
    """Return a verifier that knows the pages' client of the venues."""
    issuers = trusted(desk_clients=frozenset({"desk-pages"}))
    return TokenVerifier(issuers, dict.fromkeys(Audience, KeySource.fixed(documents())))


@pytest.mark.parametrize(
    ("members", "client_id"),
    [
        ({"sub": "library", "client_id": "library"}, "library"),
        ({"sub": "library"}, "library"),
        ({"sub": "library", "client_id": "library", "venue_client_id": "library"}, "library"),
        ({"sub": "account-7", "client_id": "desk-pages", "venue_client_id": "library"}, "library"),
        ({"sub": "account-8", "client_id": "desk-pages", "venue_client_id": "museum"}, "museum"),
        ({"sub": "account-8", "client_id": "another-app", "venue_client_id": "museum"}, "museum"),
        ({"sub": "library", "client_id": "desk-pages"}, "library"),
        ({"sub": "account-8", "venue_client_id": "museum"}, "museum"),
    ],
)
def test_a_venues_token_is_its_machines_or_a_desks(members: dict[str, str], client_id: str) -> None:
    verified = desk_verifier().verify(Audience.VENUE, token(claims(Audience.VENUE, **members)), NOW)
    assert verified == Venue(client_id)


@pytest.mark.parametrize(
    "members",
    [
        {"sub": "library", "client_id": "another-app"},
        {"sub": "library", "client_id": "library", "venue_client_id": "museum"},
        {"sub": "account-7", "client_id": "desk-pages", "venue_client_id": ""},
        {"sub": "account-7", "client_id": "desk-pages", "venue_client_id": ["library", "museum"]},
        {"sub": "account-7", "client_id": "desk-pages", "venue_client_id": 7},
        {"sub": "account-7", "client_id": "desk-pages", "venue_client_id": "lib\u00adrary"},
    ],
)
def test_a_token_that_does_not_name_one_venue_is_refused(members: dict[str, object]) -> None:
    with pytest.raises(access_tokens.TokenInvalid):
        desk_verifier().verify(Audience.VENUE, token(claims(Audience.VENUE, **members)), NOW)


def test_a_source_has_no_desks() -> None:
    for members in ({"client_id": "desk-pages"}, {"client_id": "desk-pages", "venue_client_id": "green-travel"}):
        with pytest.raises(access_tokens.TokenInvalid, match="client"):
            desk_verifier().verify(Audience.SOURCE, token(claims(Audience.SOURCE, **members)), NOW)


@pytest.mark.parametrize("audience", [Audience.ADMINISTRATOR, Audience.PRIVACY])
def test_staff_tokens_name_a_person_and_live_five_minutes(audience: Audience) -> None:
    assert make_verifier().verify(audience, token(claims(audience, exp=SECOND + 300)), NOW)
    for bad in ({"exp": SECOND + 301}, {"iat": SECOND - 1}, {"staff_id": ...}, {"staff_id": ""}, {"staff_id": 7}):
        with pytest.raises(access_tokens.TokenInvalid):
            make_verifier().verify(audience, token(claims(audience, **bad)), NOW)


# Residents


def at_home(day: str, clock: str = "12:00") -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZoneInfo("Asia/Shanghai"))


def resident_at(birthdate: Any, now: datetime) -> access_tokens.Principal:
    second = int(now.timestamp())
    return resident_says(token(claims(birthdate=birthdate, iat=second, exp=second + 60)), now.astimezone(UTC))


PARTIAL_BIRTHDATES = ["", "1990", "0000-05-05", "1990-02-30", "19900101", "1990-W01-1", "1990-1-1", " 1990-01-01"]


@pytest.mark.parametrize("birthdate", [..., None, *PARTIAL_BIRTHDATES, "1990-01-01\n", "１９９０-01-01"])
def test_a_resident_needs_a_full_birthdate(birthdate: Any) -> None:
    with pytest.raises(access_tokens.BirthdateRequired):
        resident_at(birthdate, NOW)


def test_a_birthdate_is_a_string() -> None:
    assert refused(token(claims(birthdate=19900101))) == "malformed"


def test_adults_from_the_eighteenth_birthday_at_midnight_in_the_city() -> None:
    with pytest.raises(access_tokens.AdultsOnly):
        resident_at("2008-07-02", at_home("2026-07-01", "23:59:59"))
    assert resident_at("2008-07-02", at_home("2026-07-02", "00:00:00"))
    assert at_home("2026-07-02", "00:00:00").astimezone(UTC).date() == date(2026, 7, 1)
    with pytest.raises(access_tokens.AdultsOnly):
        resident_at("2030-01-01", NOW)


def test_born_on_a_leap_day_is_adult_on_the_first_of_march() -> None:
    with pytest.raises(access_tokens.AdultsOnly):
        resident_at("2008-02-29", at_home("2026-02-28"))
    assert resident_at("2008-02-29", at_home("2026-03-01"))


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.dates(date(1900, 1, 1), date(2100, 1, 1)))
def test_an_adult_stays_an_adult(birthdate: date, today: date) -> None:
    if access_tokens.is_adult(birthdate, today):
        assert access_tokens.is_adult(birthdate, today + timedelta(days=1))
        assert (today - birthdate).days >= 18 * 365


# Remembered tokens


def test_a_cached_token_ends_with_its_exp_even_when_the_clock_is_wrong() -> None:
    verifier = make_verifier()
    text = token(claims(exp=SECOND + 600))
    assert verifier.verify(Audience.RESIDENT, text, NOW) is verifier.verify(
        Audience.RESIDENT, text, NOW + timedelta(seconds=599)
    )
    with pytest.raises(access_tokens.TokenInvalid, match="expired"):
        verifier.verify(Audience.RESIDENT, text, NOW + timedelta(seconds=630))
    assert verifier.verify(Audience.RESIDENT, text, NOW)
    with pytest.raises(access_tokens.TokenInvalid, match="not_yet"):
        verifier.verify(Audience.RESIDENT, text, NOW - timedelta(hours=1))


def test_the_token_cache_is_bounded_and_evicts_the_oldest() -> None:
    verifier = make_verifier(cached_tokens_max=3)
    texts = [token(claims(Audience.VENUE, sub=f"venue-{number}")) for number in range(6)]
    remembered = [verifier.verify(Audience.VENUE, text, NOW) for text in texts]
    assert len(verifier._cached_tokens) == 3
    assert [
        verifier.verify(Audience.VENUE, text, NOW) is first
        for text, first in zip(texts[3:], remembered[3:], strict=True)
    ] == [True] * 3
    assert verifier.verify(Audience.VENUE, texts[0], NOW) is not remembered[0]


def test_refusals_are_not_cached() -> None:
    verifier = make_verifier()
    with pytest.raises(access_tokens.TokenInvalid):
        verifier.verify(Audience.RESIDENT, token(key=ec_key("attacker")), NOW)
    assert not verifier._cached_tokens


def test_a_cached_token_costs_at_most_15_microseconds() -> None:
    verifier, text = make_verifier(), token()
    verifier.verify(Audience.RESIDENT, text, NOW)
    best = 10**9
    for _ in range(20):
        begun = time.perf_counter_ns()
        for _ in range(200):
            verifier.verify(Audience.RESIDENT, text, NOW)
        best = min(best, (time.perf_counter_ns() - begun) // 200)
    assert best <= 15_000, f"{best} ns"
