"""Previews of a version's effect for administrators: noisy counts, and a synthetic person. No real person."""

from __future__ import annotations

from benefits.publishing import document_checks
from benefits.rules import conditions, effects
from benefits.rules.compiled import Rule
from benefits.scoring.scheme import Scheme
from benefits.statistics import simulation, weekly_figures
from benefits.statistics.privacy_budget import ALLOWANCES, ReleaseKind
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind
from consent.kernel.errors import Conflict, NotFound
from service.api.admin import preview_schemas, schemas
from service.api.admin.handlers import checked_preview
from service.api.admin.queries import named_kind, named_version
from service.http.endpoints import Answer, RequestContext


async def simulate(context: RequestContext, _: None) -> Answer:
    """Count the people to whom a benefit would apply, or who would gain or lose by a scheme.

    Counts have noise and are in tens; small ones are None, and all of them where there are too few people. Each run
    uses one of the week's simulations of the document (BudgetSpent after that), each new question some of the week's
    epsilon (PrivacyBudgetSpent). NotFound for other kinds, Conflict for a document with faults of shape or while no
    scheme is in force.
    """
    if named_kind(context) not in (DocumentKind.BENEFITS, DocumentKind.SCHEMES):
        raise NotFound("only benefits and schemes are simulated")
    version = await named_version(context)
    if document_checks.shape_faults(version.kind, version.body):
        raise Conflict("the document cannot be read yet; see its findings")
    await checked_preview(context, version.kind, version.body)
    if not await lifecycle.all_in_force(DocumentKind.SCHEMES, context.at):
        raise Conflict("no scheme is in force yet: nobody has points")
    synthetic = context.app_context.settings.demo
    noise = ALLOWANCES[ReleaseKind.SIMULATIONS].give_or_take
    if version.kind is DocumentKind.SCHEMES:
        shift = await simulation.compare(Scheme.from_document(version.body), context.week, synthetic)
        suppressed = shift.gain is None or shift.less is None
        return Answer(
            schemas.ImpactAnswer(
                population=shift.population,
                applies=None if suppressed else (shift.gain or 0) + (shift.less or 0),
                by_division={},
                give_or_take=noise,
                too_few_people=shift.population is None,
                synthetic=synthetic,
                scheme=schemas.PointsShift(
                    gain=shift.gain, less=shift.less, same=shift.same, lowers=list(shift.lowers)
                ),
            )
        )
    condition = conditions.parse(version.body["condition"])
    impact = await simulation.simulate(version.document_id, condition, context.week, synthetic)
    return Answer(
        schemas.ImpactAnswer(
            population=impact.population,
            applies=impact.applies,
            by_division={version.body["division"]: impact.applies},
            give_or_take=noise,
            too_few_people=impact.population is None,
            synthetic=synthetic,
        )
    )


async def read_statistics(context: RequestContext, _: None) -> Answer:
    """Return redemptions of the last finished week by scene and benefit.

    Writes that week's figures at the first call, so that later calls cannot be subtracted from each other.
    """
    figures = await weekly_figures.load_or_count(context.week)
    return Answer(
        schemas.BenefitFigures(
            first_day=figures["first_day"],
            last_day=figures["last_day"],
            redemptions=figures.get("by_benefit", {}),
            give_or_take=figures.get("give_or_take", {}).get(ReleaseKind.REDEMPTIONS),
        )
    )


async def dry_run(context: RequestContext, body: preview_schemas.SyntheticPerson) -> Answer:
    """Decide a benefit for the points in the body; reads no person. NotFound for kinds other than benefits."""
    if named_kind(context) is not DocumentKind.BENEFITS:
        raise NotFound("only benefits can be tried")
    version = await named_version(context)
    service = await lifecycle.in_force(DocumentKind.SERVICES, str(version.body.get("service_id")), context.at)
    if document_checks.shape_faults(version.kind, version.body) or service is None:
        raise Conflict("the document cannot be read yet; see its findings")
    await checked_preview(context, version.kind, version.body)
    rule = Rule(conditions.parse(version.body["condition"]))
    points = {str(dimension): count for dimension, count in body.points.items()}
    have = {**points, conditions.TOTAL: sum(points.values())}
    decided, baseline = rule.decide(have), service.body["baseline"]
    return Answer(
        preview_schemas.DryRun(
            applies=decided.applies,
            conditions=[preview_schemas.DryRunLine(**line._asdict()) for line in rule.lines(decided)],
            baseline=baseline,
            terms=effects.apply(effects.parse(version.body["effect"]), baseline) if decided.applies else baseline,
        )
    )
