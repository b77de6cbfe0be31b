// Pure rules of the two routes: usable balances, conditions, quota counters, answers.
import { schemeVersion } from './catalogue.js';

const DAY_MS = 86_400_000;
const QUARTER_MICROS = 900_000_000;

// Places instants in the city's time; the day and hour are computed once in a quarter of an hour.
export class CityTime {
  constructor(zone) {
    this.format = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', hourCycle: 'h23',
    });
    this.quarter = -1;
  }

  // The civil day as text and `yyyymmdd`, the year and the hour of an instant in microseconds.
  moment(micros) {
    const quarter = Math.floor(micros / QUARTER_MICROS);
    if (quarter !== this.quarter) {
      const parts = Object.fromEntries(
        this.format.formatToParts(new Date(micros / 1000)).map(({ type, value }) => [type, value]),
      );
      const day = `${parts.year}-${parts.month}-${parts.day}`;
      this.local = { day, number: dayNumber(day), year: Number(parts.year), hour: Number(parts.hour) };
      this.quarter = quarter;
    }
    return { micros, ...this.local };
  }
}

export function dayNumber(day) {
  return Number(day.replaceAll('-', ''));
}

export function dayText(number) {
  if (number === null) return null;
  const digits = String(number).padStart(8, '0');
  return `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`;
}

// Whether a stored balance of the current epoch may be used: schemes, expiry and consents still hold.
export function isUsable(balance, catalogue, now) {
  return (
    balance.timeline_sha256 === catalogue.timelineSha256 &&
    balance.scheme_version === schemeVersion(catalogue, now.year) &&
    balance.as_of <= now.number &&
    (balance.valid_until === null || balance.valid_until > now.number) &&
    (balance.covered_until === null || balance.covered_until > now.micros) &&
    (balance.covered_from === null || balance.covered_from <= now.micros)
  );
}

export function pointsBody(balance, now) {
  return {
    total: balance.total,
    dimensions: JSON.parse(balance.dimensions),
    scheme_version: balance.scheme_version,
    as_of: now.day,
    valid_until: dayText(balance.valid_until),
  };
}

export function measures(balance) {
  const have = { total: balance.total };
  for (const entry of JSON.parse(balance.dimensions)) have[entry.dimension] = entry.points;
  return have;
}

// Evaluate a condition: "at least", all of, any of.
export function applies(condition, have) {
  if (condition.all !== undefined) return condition.all.every((part) => applies(part, have));
  if (condition.any !== undefined) return condition.any.some((part) => applies(part, have));
  return (have[condition.measure] ?? 0) >= condition.at_least;
}

// The counters that a redemption takes from: the resident's own, then the total.
export function counters(keyring, benefit, subject, day) {
  const quota = benefit.body.quota ?? {};
  const result = [];
  if (quota.per_resident) {
    const [name, endsOn] = period(quota.per_resident.period, day);
    const key = keyring.blindIndex('quota', name, subject, benefit.benefitId);
    result.push({ key, endsOn: dayNumber(endsOn), most: quota.per_resident.count });
  }
  if (quota.total) {
    const [name, endsOn] = period(quota.total.period, day);
    const key = `${benefit.benefitId}|${name}`.slice(0, 96);
    result.push({ key, endsOn: dayNumber(endsOn), most: quota.total.count });
  }
  return result;
}

// The last day on which the redeemed benefit runs.
export function runsUntil(benefit, day) {
  return addDays(day, benefit.periodDays);
}

export function redemptionBody(benefit, redemptionId, endsOn) {
  return {
    applies: true,
    redemption_id: redemptionId,
    benefit_id: benefit.benefitId,
    effect: benefit.body.effect,
    terms: benefit.body.terms,
    runs_until: endsOn,
  };
}

export function validOn(benefit, day) {
  return benefit.body.valid.from <= day && day <= benefit.body.valid.until;
}

export function normalHandle(typed) {
  return typed.replace(/[\s-]/g, '').toLowerCase();
}

function addDays(day, days) {
  return new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);
}

// The name of the period a civil day is in, and its last day. Weeks begin on Monday.
function period(kind, day) {
  if (kind === 'day') return [day, day];
  if (kind === 'week') {
    const monday = addDays(day, -((new Date(day).getUTCDay() + 6) % 7));
    return [`week-${monday}`, addDays(monday, 6)];
  }
  const year = day.slice(0, 4);
  if (kind === 'month') {
    const last = new Date(Date.UTC(Number(year), Number(day.slice(5, 7)), 0)).toISOString().slice(0, 10);
    return [day.slice(0, 7), last];
  }
  return [year, `${year}-12-31`];
}
