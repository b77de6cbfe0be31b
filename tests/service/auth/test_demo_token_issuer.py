"""The demonstration issuer: its key file, its tokens, and that they pass the same verifier as any other."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from service.auth import access_tokens, demo_token_issuer, key_files
from service.auth.access_tokens import Audience
from service.auth.demo_token_issuer import DemoTokenIssuer

NOW = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)


def test_every_audience_accepts_a_minted_token(tmp_path: Path) -> None:
    demo = DemoTokenIssuer.load(tmp_path)
    verifier = demo.verifier()
    assert [verifier.verify(audience, demo.mint(audience, "someone", now=NOW), NOW) for audience in Audience] == [
        access_tokens.Resident("someone", date(1990, 1, 1)),
        access_tokens.Venue("someone"),
        access_tokens.Source("someone"),
        access_tokens.Administrator("someone", "someone", ("21",)),
        access_tokens.PrivacyOfficer("someone", "someone", ("21",)),
        access_tokens.CityApp("someone"),
    ]
    named = demo.mint(Audience.PRIVACY, "someone", now=NOW, staff_id="S-7")
    assert verifier.verify(Audience.PRIVACY, named, NOW) == access_tokens.PrivacyOfficer("someone", "S-7", ("21",))
    with pytest.raises(access_tokens.AdultsOnly):
        verifier.verify(
            Audience.RESIDENT, demo.mint(Audience.RESIDENT, "child", now=NOW, birthdate=date(2015, 1, 1)), NOW
        )


def test_a_desks_token_has_the_shape_of_a_citys_provider(tmp_path: Path) -> None:
    demo = DemoTokenIssuer.load(tmp_path)
    text = demo.mint(Audience.VENUE, "account-7", now=NOW, venue_client_id="city-library-main")
    claims = jwt.decode(text, options={"verify_signature": False})
    assert claims["client_id"] == "credit-easy-pages-venue"
    assert (claims["sub"], claims["venue_client_id"]) == ("account-7", "city-library-main")
    assert demo.verifier().verify(Audience.VENUE, text, NOW) == access_tokens.Venue("city-library-main")
    machine = jwt.decode(demo.mint(Audience.VENUE, "city-library-main", now=NOW), options={"verify_signature": False})
    assert machine["client_id"] == machine["sub"] == "city-library-main"


def test_lifetimes(tmp_path: Path) -> None:
    demo = DemoTokenIssuer.load(tmp_path)
    for audience, seconds in ((Audience.RESIDENT, 3600), (Audience.VENUE, 3600), (Audience.PRIVACY, 300)):
        text = demo.mint(audience, "someone", now=NOW)
        assert demo.verifier().verify(audience, text, NOW + timedelta(seconds=seconds + 29))
        with pytest.raises(access_tokens.TokenInvalid):
            demo.verifier().verify(audience, text, NOW + timedelta(seconds=seconds + 30))


def test_mint_refuses_claims_that_no_audience_accepts(tmp_path: Path) -> None:
    demo = DemoTokenIssuer.load(tmp_path)
    with pytest.raises(ValueError, match="five minutes"):
        demo.mint(Audience.ADMINISTRATOR, "a", now=NOW, lifetime=timedelta(seconds=301))
    with pytest.raises(ValueError, match="birthdate"):
        demo.mint(Audience.VENUE, "a", now=NOW, birthdate=date(1990, 1, 1))
    with pytest.raises(ValueError, match="staff_id"):
        demo.mint(Audience.RESIDENT, "a", now=NOW, staff_id="s")
    with pytest.raises(ValueError, match="venue"):
        demo.mint(Audience.RESIDENT, "a", now=NOW, venue_client_id="library")
    with pytest.raises(ValueError, match="name"):
        demo.mint(Audience.RESIDENT, "a\n", now=NOW)
    with pytest.raises(ValueError, match="aware"):
        demo.mint(Audience.RESIDENT, "a", now=NOW.replace(tzinfo=None))


def test_the_key_is_created_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    first = DemoTokenIssuer.load(folder)
    path = folder / demo_token_issuer.KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in folder.iterdir()] == [demo_token_issuer.KEY_FILE]
    again = DemoTokenIssuer.load(folder)
    assert again.kid == first.kid
    assert first.verifier().verify(
        Audience.VENUE, again.mint(Audience.VENUE, "v", now=NOW), NOW
    ) == access_tokens.Venue("v")
    path.chmod(0o640)
    with pytest.raises(PermissionError, match="0600"):
        DemoTokenIssuer.load(folder)


def test_two_processes_that_create_the_key_at_once_share_it(tmp_path: Path) -> None:
    kids: list[str] = []
    threads = [threading.Thread(target=lambda: kids.append(DemoTokenIssuer.load(tmp_path).kid)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kids) == 8
    assert len(set(kids)) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_another_kind_of_key_and_a_link_elsewhere_are_refused(tmp_path: Path) -> None:
    pem = ec.generate_private_key(ec.SECP384R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / demo_token_issuer.KEY_FILE
    path.write_bytes(pem)
    path.chmod(0o600)
    with pytest.raises(ValueError, match="P-256"):
        DemoTokenIssuer.load(tmp_path)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        DemoTokenIssuer.load(tmp_path)


def test_the_jwks_is_public_and_its_kid_the_thumbprint(tmp_path: Path) -> None:
    demo = DemoTokenIssuer.load(tmp_path)
    (jwk,) = demo.jwks()["keys"]  # type: ignore[misc]
    assert set(jwk) == {"kty", "crv", "x", "y", "kid", "use", "alg"}  # type: ignore[has-type]
    assert jwk["kid"] == demo.kid == key_files.thumbprint(jwk)  # type: ignore[has-type]
    assert "key=" not in repr(demo)


def test_the_thumbprint_of_rfc_7638() -> None:
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"
        "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbI"
        "SD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    jwk = {"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}
    assert key_files.thumbprint(jwk) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
