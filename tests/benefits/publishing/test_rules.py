"""The publication rules on documents without a database: effects and the kinds of service they suit."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from benefits.publishing.rules import closed_texts
from benefits.publishing.rules.context import PublicationContext
from benefits.publishing.rules.evaluation import evaluate
from benefits.rules import effects
from benefits.rules.effects import EFFECTS
from benefits.rules.vocabulary import RESTRICTED_SERVICES, EffectKind, ServiceKind
from benefits.scoring import scheme
from consent.domain.document_kinds import DocumentKind, Severity
from service.i18n import findings

LISTED = {
    ServiceKind.HOSPITAL_ADMIN_COUNTER: {EffectKind.EXTRA_COUNTER, EffectKind.DELIVERY},
    ServiceKind.ELECTIVE_CHECKUP: {EffectKind.FEE_DISCOUNT, EffectKind.EXTRA_WINDOW, EffectKind.PAY_AFTER},
    ServiceKind.ELECTIVE_OUTPATIENT: {EffectKind.PAY_AFTER, EffectKind.EXTRA_WINDOW},
    ServiceKind.ELECTIVE_INPATIENT_PREPAYMENT: {EffectKind.DEPOSIT_WAIVER, EffectKind.PAY_AFTER},
    ServiceKind.TENANCY_DEPOSIT: {EffectKind.DEPOSIT_WAIVER, EffectKind.FEE_DISCOUNT},
}
"""The effects that the guardrails allow on these kinds of service."""


SCHEME_TEXTS_READ = PublicationContext(known_texts=closed_texts.texts_of_scheme(scheme.shipped()[-1]))
NAME = {"zh-CN": "某项服务", "en": "Some service"}


def benefit(effect_kind: EffectKind) -> dict[str, Any]:
    text = {"zh-CN": "到柜台办理", "en": "At the counter"}
    return {
        "benefit_id": "some-benefit", "service_id": "some-service", "scene": "library", "division": "2101",
        "title": text, "description": text, "condition": {"measure": "total", "at_least": 10}, "terms": text,
        "effect": {"kind": str(effect_kind), **dict.fromkeys(effects.amount_names(EFFECTS[effect_kind]), 5)},
        "need_based_alternative": text, "offline_path": text,
    }  # fmt: skip


def service(kind: ServiceKind) -> dict[str, Any]:
    baseline = {"price_fen": 1_000, "deposit_fen": 1_000, "capacity": 1_000}
    return {
        "service_id": "some-service",
        "provider_id": "some-provider",
        "kind": str(kind),
        "name": NAME,
        "baseline": baseline,
    }


def test_the_guardrails_list_the_effects_of_restricted_services() -> None:
    assert set(LISTED) == RESTRICTED_SERVICES
    assert {kind: effects.suited_to(kind) for kind in LISTED} == LISTED


@pytest.mark.parametrize("service_kind", ServiceKind)
def test_an_effect_that_does_not_suit_the_service_is_flagged_or_refused(service_kind: ServiceKind) -> None:
    context = PublicationContext(service=service(service_kind))
    for effect_kind in EffectKind:
        about = {
            finding.code: finding.severity
            for finding in evaluate(DocumentKind.BENEFITS, benefit(effect_kind), context)
            if finding.pointer == "/effect/kind"
        }
        if service_kind in EFFECTS[effect_kind].suits:
            assert not about, effect_kind
        elif service_kind in RESTRICTED_SERVICES:
            assert about == {"effect_not_of_service": Severity.REFUSED}, effect_kind
        else:
            assert about == {"effect_unsuited": Severity.FLAGGED}, effect_kind


def test_the_finding_names_the_effects_that_suit_in_both_languages() -> None:
    context = PublicationContext(service=service(ServiceKind.PARKING))
    (finding,) = (
        finding
        for finding in evaluate(DocumentKind.BENEFITS, benefit(EffectKind.LONGER_PERIOD), context)
        if finding.code == "effect_unsuited"
    )
    assert "More free minutes" in findings.localize(finding, "en")["detail"]
    assert "另加免费时间" in findings.localize(finding, "zh-CN")["detail"]


def test_a_scheme_without_ways_for_everybody_waits_for_an_officer() -> None:
    document = scheme.shipped()[-1]
    few = {**document, "indicators": [row for row in document["indicators"] if row["kind"] != "battery_returned"]}
    (finding,) = evaluate(DocumentKind.SCHEMES, few, SCHEME_TEXTS_READ)
    place = next(index for index, row in enumerate(few["dimensions"]) if row["dimension"] == "ecological_protection")
    assert (finding.code, finding.rule, finding.severity) == ("ways_too_few", "R16", Severity.FLAGGED)
    assert finding.pointer == f"/dimensions/{place}/dimension"
    assert evaluate(DocumentKind.SCHEMES, document, SCHEME_TEXTS_READ) == []


@pytest.mark.parametrize(("months", "codes"), [(11, ["validity_too_short"]), (12, [])])
def test_points_of_a_scheme_count_for_a_year(months: int, codes: list[str]) -> None:
    document = copy.deepcopy(scheme.shipped()[-1])
    document["indicators"][2]["validity_months"] = months
    findings_here = evaluate(DocumentKind.SCHEMES, document, SCHEME_TEXTS_READ)
    assert [(row.code, row.severity) for row in findings_here] == [(code, Severity.REFUSED) for code in codes]
