"""Rules of issuers: own and doubled addresses, changed keys, and benefits that no pass can stand for (R19)."""

from __future__ import annotations

from typing import Any

import pytest

from benefits.catalogue import schema
from benefits.publishing.rules.context import PublicationContext
from benefits.publishing.rules.evaluation import evaluate
from consent.domain.document_kinds import DocumentKind, Severity
from consent.kernel.faults import DocumentInvalid
from tests.support.issuers import ISSUER, TYPE, URL

BENEFIT: dict[str, Any] = {"division": "2101", "effect": {"kind": "deposit_waiver", "up_to_fen": 10_000}}


def codes(benefit: dict[str, Any] | None = None, **context: Any) -> dict[str, Severity]:
    """The findings about ISSUER by code, but for its new name."""
    known = {} if benefit is None else {"library-deposit": benefit}
    read = PublicationContext(recognised=known, **context)
    findings = evaluate(DocumentKind.ISSUERS, ISSUER, read)
    return {finding.code: finding.severity for finding in findings if finding.code != "name_new"}


def test_an_issuer_without_a_fault_has_no_findings() -> None:
    schema.read("issuers", ISSUER)
    assert codes(BENEFIT, city_url="https://own.example") == {}


@pytest.mark.parametrize(
    ("context", "code", "severity"),
    [
        ({"city_url": URL}, "own_issuer", Severity.REFUSED),
        ({"issuer_urls": [URL]}, "url_taken", Severity.REFUSED),
        ({"predecessors": [{**ISSUER, "keys_sha256": "b" * 64}]}, "keys_changed", Severity.FLAGGED),
        ({"predecessors": [{**ISSUER, "url": "https://another.example"}]}, "url_changed", Severity.FLAGGED),
    ],
)
def test_what_the_rules_say_about_address_and_keys(context: dict[str, Any], code: str, severity: Severity) -> None:
    assert codes(BENEFIT, **context) == {code: severity}


@pytest.mark.parametrize(
    ("change", "code", "severity"),
    [
        ({"division": "2102"}, "recognition_outside", Severity.REFUSED),
        ({"effect": {"kind": "extra_window", "extra_capacity": 5}}, "places_not_recognised", Severity.REFUSED),
        ({"commitment": {"kind": "pay", "within_days": 3}}, "commitment_not_recognised", Severity.REFUSED),
        ({"quota": {"per_resident": {"count": 1, "period": "day"}}}, "resident_limit_uncounted", Severity.ADVICE),
    ],
)
def test_what_the_rules_say_about_a_benefit(change: dict[str, Any], code: str, severity: Severity) -> None:
    assert codes({**BENEFIT, **change}) == {code: severity}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"url": "http://other.example"}, "/url"),
        ({"url": f"{URL}/"}, "/url"),
        ({"url": "https://user@other.example"}, "/url"),
        ({"url": "https://other.example?x=1"}, "/url"),
        ({"keys_sha256": "A" * 64}, "/keys_sha256"),
        ({"recognises": []}, "/recognises"),
        ({"recognises": [{"vct": "library", "benefit_id": "library-deposit"}]}, "/recognises/0/vct"),
        ({"recognises": [{"vct": "https://x.example/vct/a1/1", "benefit_id": "b1"}]}, "/recognises/0/vct"),
        ({"recognises": [{"vct": TYPE, "benefit_id": "b1"}, {"vct": TYPE, "benefit_id": "b2"}]}, "/recognises/1/vct"),
        ({"recognises": [{"vct": TYPE, "benefit_id": "b1", "points": 60}]}, "/recognises/0/points"),
        ({"points": True}, "/points"),
    ],
)
def test_what_an_issuer_cannot_say(change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(DocumentInvalid) as error:
        schema.read("issuers", {**ISSUER, **change})
    assert pointer in [fault.pointer for fault in error.value.faults]


@pytest.mark.parametrize("url", ["http://127.0.0.1:8001", "http://localhost:8001", "https://a.example:8443/city"])
def test_addresses_that_are_accepted(url: str) -> None:
    row = {"vct": f"{url}/vct/library-deposit/1", "benefit_id": "library-deposit"}
    schema.read("issuers", {**ISSUER, "url": url, "recognises": [row]})
