"""What an administrator may see of effects: counts of frozen figures, and somebody who does not exist. No person."""

from __future__ import annotations

from benefits.publishing import publish
from benefits.rules import conditions, effects
from benefits.rules.compiled import Rule
from benefits.scoring.scheme import Scheme
from benefits.statistics import simulation, weekly_figures
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind
from consent.kernel.errors import Conflict, NotFound
from service.api.admin import schemas
from service.api.admin.queries import named_kind, named_version
from service.http.endpoints import Answer, RequestContext


async def simulate(context: RequestContext, _: None) -> Answer:
    """To how many a benefit would apply, or who would gain and lose by a scheme: in tens, and never small."""
    if named_kind(context) not in (DocumentKind.BENEFITS, DocumentKind.SCHEMES):
        raise NotFound("only benefits and schemes are simulated")
    found = await named_version(context)
    if publish.shape_faults(found.kind, found.body):
        raise Conflict("the document cannot be read yet; see its findings")
    if not await lifecycle.all_in_force(DocumentKind.SCHEMES, context.at):
        raise Conflict("no scheme is in force yet: nobody has points")
    if found.kind is DocumentKind.SCHEMES:
        shift = await simulation.compare(Scheme.from_document(found.body), context.today, context.at)
        unsaid = shift.gain is None or shift.less is None
        return Answer(
            schemas.ImpactAnswer(
                population=shift.population,
                applies=None if unsaid else (shift.gain or 0) + (shift.less or 0),
                by_division={},
                scheme=schemas.PointsShift(
                    gain=shift.gain, less=shift.less, same=shift.same, lowers=list(shift.lowers)
                ),
            )
        )
    condition = conditions.parse(found.body["condition"])
    impact = await simulation.simulate(found.document_id, condition, context.today, context.at)
    return Answer(
        schemas.ImpactAnswer(
            population=impact.population,
            applies=impact.applies,
            by_division={found.body["division"]: impact.applies},
        )
    )


async def read_statistics(context: RequestContext, _: None) -> Answer:
    """Redemptions of the last finished week by scene and benefit, frozen when this week's figures were released."""
    found = await weekly_figures.load_or_release(context.today, context.at)
    return Answer(
        schemas.BenefitFigures(
            first_day=found["first_day"],
            last_day=found["last_day"],
            redemptions=found.get("by_benefit", {}),
        )
    )


async def dry_run(context: RequestContext, body: schemas.SyntheticPerson) -> Answer:
    """What the benefit would do for somebody who does not exist, with points as given."""
    if named_kind(context) is not DocumentKind.BENEFITS:
        raise NotFound("only benefits can be tried")
    found = await named_version(context)
    service = await lifecycle.in_force(DocumentKind.SERVICES, str(found.body.get("service_id")), context.at)
    if publish.shape_faults(found.kind, found.body) or service is None:
        raise Conflict("the document cannot be read yet; see its findings")
    rule = Rule(conditions.parse(found.body["condition"]))
    points = {str(dimension): count for dimension, count in body.points.items()}
    have = {**points, conditions.TOTAL: sum(points.values())}
    decided, baseline = rule.decide(have), service.body["baseline"]
    return Answer(
        schemas.DryRun(
            applies=decided.applies,
            conditions=[schemas.DryRunLine(**line._asdict()) for line in rule.lines(decided)],
            baseline=baseline,
            terms=effects.apply(effects.parse(found.body["effect"]), baseline) if decided.applies else baseline,
        )
    )
