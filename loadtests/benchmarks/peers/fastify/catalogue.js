// The catalogue in force, read from its documents once and used while the catalogue's number of changes stays.
import { hash } from 'node:crypto';

// Compile the documents that bind at `at` (microseconds); `rows` are in the order of the statement.
export function compileCatalogue(rows, changes, at) {
  const latest = new Map();
  let until = Infinity;
  for (const row of rows) {
    if (row.in_force_from <= at) latest.set(`${row.kind}/${row.document_id}`, row);
    for (const moment of [row.in_force_from, row.ended_at]) {
      if (moment !== null && moment > at && moment < until) until = moment;
    }
  }
  const kinds = { schemes: new Map(), providers: new Map(), venues: new Map(), services: new Map(), benefits: new Map() };
  for (const row of latest.values()) {
    if (row.state === 'approved' && (row.ended_at === null || row.ended_at > at)) {
      kinds[row.kind].set(row.document_id, { version: row.version, body: JSON.parse(row.body) });
    }
  }
  const schemes = [...kinds.schemes.values()].map((entry) => entry.body).sort((a, b) => a.from_year - b.from_year);
  return {
    changes,
    since: at,
    until,
    venues: new Map([...kinds.venues.values()].map(({ body }) => [body.client_id, body])),
    benefits: compileBenefits(kinds),
    schemes,
    timelineSha256: sha256({ schemes: schemes.map(sha256) }),
  };
}

export function holds(catalogue, changes, at) {
  return changes === catalogue.changes && catalogue.since <= at && at < catalogue.until;
}

// The scheme version of a civil year.
export function schemeVersion(catalogue, year) {
  return catalogue.schemes.findLast((scheme) => scheme.from_year <= year).version;
}

function compileBenefits(kinds) {
  const benefits = new Map();
  for (const [benefitId, { version, body }] of kinds.benefits) {
    const service = kinds.services.get(body.service_id)?.body;
    if (service === undefined || !kinds.providers.has(service.provider_id)) continue;
    const longer = body.effect.kind === 'longer_period' ? body.effect.days : 0;
    const periodDays = (service.baseline.period_days ?? 0) + longer;
    benefits.set(benefitId, { benefitId, version, providerId: service.provider_id, body, periodDays });
  }
  return benefits;
}

function sha256(document) {
  return hash('sha256', canonical(document));
}

// RFC 8785 for what documents hold: text, whole numbers, booleans, null, lists and objects.
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
  return `{${members.join(',')}}`;
}
