"""What an administrator may see of effects: counts of frozen figures, and somebody who does not exist. No person."""

from __future__ import annotations

from benefits.publishing import publish
from benefits.rules import conditions, effects
from benefits.rules.compiled import Rule
from benefits.scoring.scheme import Scheme
from benefits.statistics import simulation, weekly_figures
from consent.documents import lifecycle
from consent.domain.kinds import Kind
from consent.kernel.errors import Conflict, NotFound
from service.api.admin import schemas as shapes
from service.api.admin.queries import named_kind, named_version
from service.http.endpoints import Answer, Ask


async def simulate(ask: Ask, _: None) -> Answer:
    """To how many a benefit would apply, or who would gain and lose by a scheme: in tens, and never small."""
    if named_kind(ask) not in (Kind.BENEFITS, Kind.SCHEMES):
        raise NotFound("only benefits and schemes are simulated")
    found = await named_version(ask)
    if publish.shape_faults(found.kind, found.body):
        raise Conflict("the document cannot be read yet; see its findings")
    if not await lifecycle.all_in_force(Kind.SCHEMES, ask.at):
        raise Conflict("no scheme is in force yet: nobody has points")
    if found.kind is Kind.SCHEMES:
        shift = await simulation.compare(Scheme.from_document(found.body), ask.today, ask.at)
        unsaid = shift.gain is None or shift.less is None
        return Answer(
            shapes.ImpactAnswer(
                population=shift.population,
                applies=None if unsaid else (shift.gain or 0) + (shift.less or 0),
                by_division={},
                scheme=shapes.Shift(gain=shift.gain, less=shift.less, same=shift.same, lowers=list(shift.lowers)),
            )
        )
    condition = conditions.parse(found.body["condition"])
    impact = await simulation.simulate(found.document_id, condition, ask.today, ask.at)
    return Answer(
        shapes.ImpactAnswer(
            population=impact.population,
            applies=impact.applies,
            by_division={found.body["division"]: impact.applies},
        )
    )


async def read_statistics(ask: Ask, _: None) -> Answer:
    """Redemptions of the last finished week by scene and benefit, frozen when this week's figures were released."""
    found = await weekly_figures.released(ask.today, ask.at)
    return Answer(
        shapes.BenefitFigures(
            first_day=found["first_day"],
            last_day=found["last_day"],
            redemptions=found.get("by_benefit", {}),
        )
    )


async def dry_run(ask: Ask, body: shapes.SyntheticPerson) -> Answer:
    """What the benefit would do for somebody who does not exist, with points as given."""
    if named_kind(ask) is not Kind.BENEFITS:
        raise NotFound("only benefits can be tried")
    found = await named_version(ask)
    service = await lifecycle.in_force(Kind.SERVICES, str(found.body.get("service_id")), ask.at)
    if publish.shape_faults(found.kind, found.body) or service is None:
        raise Conflict("the document cannot be read yet; see its findings")
    rule = Rule(conditions.parse(found.body["condition"]))
    points = {str(dimension): count for dimension, count in body.points.items()}
    have = {**points, conditions.TOTAL: sum(points.values())}
    decided, baseline = rule.decide(have), service.body["baseline"]
    return Answer(
        shapes.DryRun(
            applies=decided.applies,
            conditions=[shapes.TriedLine(**line._asdict()) for line in rule.lines(decided)],
            baseline=baseline,
            terms=effects.apply(effects.parse(found.body["effect"]), baseline) if decided.applies else baseline,
        )
    )
