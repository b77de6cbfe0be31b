// A redemption on one connection: claim the key, lock the ticket and the person, decide, write, commit.
import { randomBytes } from 'node:crypto';
import { compileCatalogue, holds } from './catalogue.js';
import { openSealed } from './crypto.js';
import { benefitUsed, emptyLeaf, leafHash } from './events.js';
import { Problem } from './problems.js';
import * as rules from './rules.js';
import * as statements from './statements.js';

const NOT_APPLICABLE = Buffer.from('{"applies":false}');

export class Redeemer {
  constructor(pool, keyring, time) {
    this.pool = pool;
    this.keyring = keyring;
    this.time = time;
    this.catalogue = undefined;
  }

  // Read the catalogue in force. The number of changes is read first: a later change is then noticed.
  async loadCatalogue(client) {
    const [state] = (await client.query(statements.readState([]))).rows;
    const { rows } = await client.query(statements.readDocuments([]));
    this.catalogue = compileCatalogue(rows, state.changes, state.at);
  }

  // Redeem a handle at the venue of a client, in one transaction with the stored answer.
  async redeem(clientId, handle, key) {
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      const answer = await this.redeemOn(client, clientId, this.keyring.blindIndex('handle', 'index', handle), key);
      await client.query('COMMIT');
      client.release();
      return answer;
    } catch (error) {
      // A connection that cannot roll back is closed.
      await client.query('ROLLBACK').then(() => client.release(), (broken) => client.release(broken));
      throw error;
    }
  }

  async redeemOn(client, clientId, handleIndex, key) {
    // A second request with the same key waits here until the first has ended.
    const claimed = await client.query(statements.claim([key.scope, key.callerIndex, key.fingerprint]));
    if (claimed.rowCount === 0) {
      const [row] = (await client.query(statements.readAnswer([key.scope]))).rows;
      if (row.fingerprint !== key.fingerprint) throw new Problem(422, 'idempotency_key_reused');
      return { status: row.status, body: this.keyring.openAnswer(key.scope, row.sealed_body), replayed: true };
    }
    const scan = await this.lock(client, clientId, handleIndex);
    const benefit = this.coveredBenefit(scan);
    return benefit === undefined
      ? this.writeNothing(client, key.scope, scan.now)
      : this.decide(client, key.scope, scan, benefit);
  }

  async lock(client, clientId, handleIndex) {
    if (!this.catalogue.venues.has(clientId)) await this.loadCatalogue(client);
    let scan = await this.readLocked(client, clientId, handleIndex);
    // While the statement waited for the lock the person may have changed; PostgreSQL then shows the new row of the
    // person with older rows of consent and balance. A second statement sees the newest of all three.
    if (scan === undefined || (scan.row !== undefined && !scan.row.has_balance)) {
      scan = await this.readLocked(client, clientId, handleIndex);
    }
    if (scan === undefined) throw new Problem(503, 'unavailable', 5);
    return scan;
  }

  // Lock a ticket and its person and read all that decides; undefined, with the new catalogue, when it has changed.
  async readLocked(client, clientId, handleIndex) {
    const venue = this.catalogue.venues.get(clientId);
    if (venue === undefined) throw new Problem(403, 'suspended');
    const [row] = (await client.query(statements.lockTicket([handleIndex, venue.provider_id]))).rows;
    const state = row ?? (await client.query(statements.readState([]))).rows[0];
    if (state.withheld) throw new Problem(503, 'records_withheld', 5);
    if (!holds(this.catalogue, state.changes, state.at)) {
      await this.loadCatalogue(client);
      return undefined;
    }
    return { row, venue, handleIndex, now: this.time.moment(state.at) };
  }

  // The benefit of an open ticket of this venue under a live consent, else undefined.
  coveredBenefit({ row, venue, now }) {
    if (row === undefined || row.venue_id !== venue.venue_id) return undefined;
    if (row.redemption_id !== null || row.ticket_expires_at <= now.micros) return undefined;
    const benefit = this.catalogue.benefits.get(row.benefit_id);
    if (benefit === undefined || benefit.providerId !== venue.provider_id) return undefined;
    if (!rules.validOn(benefit, now.day)) return undefined;
    const live = row.given_at !== null && row.given_at <= now.micros && now.micros < row.consent_expires_at;
    return live ? benefit : undefined;
  }

  async decide(client, scope, scan, benefit) {
    const { row, now } = scan;
    if (!row.has_balance || !rules.isUsable(row, this.catalogue, now)) throw new Problem(503, 'not_computed', 5);
    const key = this.keyring.personKey(row.person_id, row.wrapped_key);
    const place = ['person', 'sealed_subject', row.person_id, row.person_id];
    const subject = openSealed(key, place, row.sealed_subject).toString();
    const wanted = rules.counters(this.keyring, benefit, subject, now.day);
    const granted = rules.applies(benefit.body.condition, rules.measures(row)) && (await take(client, wanted));
    const event = benefitUsed(key, row, benefit, granted, now.micros);
    const chain = [row.person_id, event.number, event.leafHash, event.kind, event.at, event.sealed, event.leaf, now.micros];
    if (!granted) {
      const sealed = this.keyring.sealAnswer(scope, NOT_APPLICABLE);
      await client.query(statements.writeNo([scope, sealed, ...chain]));
      return { status: 200, body: NOT_APPLICABLE, replayed: false };
    }
    const redemptionId = randomBytes(16).toString('hex');
    const endsOn = rules.runsUntil(benefit, now.day);
    const body = Buffer.from(JSON.stringify(rules.redemptionBody(benefit, redemptionId, endsOn)));
    await client.query(
      statements.writeYes([
        scope,
        this.keyring.sealAnswer(scope, body),
        ...chain,
        redemptionId,
        JSON.stringify(wanted.map((counter) => counter.key)),
        scan.handleIndex,
        scan.venue.venue_id,
        benefit.benefitId,
        benefit.version,
        now.number,
        now.hour,
        rules.dayNumber(endsOn),
      ]),
    );
    return { status: 201, body, replayed: false };
  }

  // Store the "no" with a leaf that stands for no event: the log's size must not tell a known handle.
  async writeNothing(client, scope, now) {
    const leaf = emptyLeaf();
    const sealed = this.keyring.sealAnswer(scope, NOT_APPLICABLE);
    await client.query(statements.writeNothing([scope, sealed, leafHash(leaf), leaf, now.micros]));
    return { status: 200, body: NOT_APPLICABLE, replayed: false };
  }
}

// Take from every counter or from none; whether it was taken.
async function take(client, wanted) {
  for (const [place, counter] of wanted.entries()) {
    const taken = await client.query(statements.take([counter.key, counter.endsOn, counter.most]));
    if (taken.rowCount === 0) {
      for (const earlier of wanted.slice(0, place)) await client.query(statements.giveBack([earlier.key]));
      return false;
    }
  }
  return true;
}
