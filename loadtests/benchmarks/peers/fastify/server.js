// The two routes on Fastify and pg: `node server.js PORT`.
import { hash, randomBytes } from 'node:crypto';
import Fastify from 'fastify';
import pg from 'pg';
import { Histogram } from 'prom-client';
import { holds } from './catalogue.js';
import { Keyring } from './crypto.js';
import { RateCounter } from './limits.js';
import { Problem } from './problems.js';
import { Redeemer } from './redeeming.js';
import * as rules from './rules.js';
import { BODY_BYTES_MAX, CONNECTIONS, readSettings } from './settings.js';
import * as statements from './statements.js';
import { TokenVerifier } from './tokens.js';

const BIGINT = 20;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;
const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'strict-transport-security': 'max-age=63072000; includeSubDomains',
  'cache-control': 'no-store',
};
const CACHE_HEADERS = { 'cache-control': 'private, no-cache', vary: 'Authorization, Accept-Language' };

pg.types.setTypeParser(BIGINT, Number); // microseconds stay below 2^53
const settings = readSettings(process.env);
const keyring = new Keyring(settings.encryptionKeys, settings.indexKey);
const time = new rules.CityTime(settings.zone);
const pool = new pg.Pool({ ...settings.database, max: CONNECTIONS, idleTimeoutMillis: 0 });
const verifier = new TokenVerifier(settings.issuers);
const rates = new RateCounter();
const redeemer = new Redeemer(pool, keyring, time);
const seconds = new Histogram({
  name: 'peer_request_seconds', help: 'Time to answer', labelNames: ['method', 'path', 'status'],
});

const app = Fastify({
  logger: false,
  bodyLimit: BODY_BYTES_MAX,
  ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
});

app.removeContentTypeParser('application/json');
app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
  request.rawBody = body;
  try {
    done(null, JSON.parse(body));
  } catch {
    done(new Problem(400, 'malformed_json'));
  }
});
app.decorateRequest('rawBody', null);
app.decorateRequest('subject', '');

app.addHook('onRequest', (request, reply, done) => {
  reply.headers(SECURITY_HEADERS);
  reply.header('x-request-id', randomBytes(8).toString('hex'));
  if (!settings.allowedHosts.has(request.hostname)) return done(new Problem(400, 'bad_header'));
  return done(counted('address', request.ip));
});

app.addHook('onResponse', (request, reply, done) => {
  const path = request.routeOptions.url ?? 'other';
  seconds.labels(request.method, path, String(reply.statusCode)).observe(reply.elapsedTime / 1000);
  done();
});

app.setErrorHandler((error, _, reply) => {
  if (error instanceof Problem) return error.send(reply);
  if (error.validation) return new Problem(422, 'body_invalid').send(reply);
  const status = error.statusCode ?? 500;
  return new Problem(status, status === 415 ? 'not_json' : status < 500 ? 'bad_request' : 'internal').send(reply);
});

// Admit callers with a token of an audience, counted against its rate.
function admit(audience) {
  return (request, _, done) => {
    const finish = (subject) => {
      request.subject = subject;
      done(counted(audience, subject));
    };
    try {
      const known = verifier.recall(audience, request.headers.authorization);
      if (known.subject !== undefined) return finish(known.subject);
      verifier.verify(audience, known).then(finish, done);
    } catch (error) {
      done(error);
    }
    return undefined;
  };
}

function counted(rate, caller) {
  const wait = rates.count(rate, caller);
  return wait === undefined ? undefined : new Problem(429, 'rate_limited', wait);
}

app.get('/v1/me/points', { onRequest: admit('resident') }, async (request, reply) => {
  const { rows } = await pool.query(statements.readPoints([keyring.blindIndex('subject', request.subject)]));
  const [row] = rows;
  if (!holds(redeemer.catalogue, row.changes, row.at)) await redeemer.loadCatalogue(pool);
  if (row.withheld) throw new Problem(503, 'records_withheld', 5);
  const now = time.moment(row.at);
  if (!row.has_balance || !rules.isUsable(row, redeemer.catalogue, now)) throw new Problem(503, 'not_computed', 5);
  const content = JSON.stringify(rules.pointsBody(row, now));
  const tag = `"${hash('sha256', content).slice(0, 32)}"`;
  reply.headers(CACHE_HEADERS).header('etag', tag);
  if (tagMatches(request.headers['if-none-match'], tag)) return reply.code(304).send();
  return reply.type('application/json').send(content);
});

const redemption = {
  onRequest: admit('venue'),
  schema: {
    body: {
      type: 'object',
      additionalProperties: false,
      required: ['handle'],
      properties: { handle: { type: 'string', minLength: 1, maxLength: 64 } },
    },
  },
};

app.post('/v1/venue/redemptions', redemption, async (request, reply) => {
  const sent = request.headers['idempotency-key'];
  if (!sent) throw new Problem(400, 'idempotency_key_required');
  if (!IDEMPOTENCY_KEY.test(sent)) throw new Problem(400, 'bad_header');
  const key = {
    scope: keyring.answerIndex('venue', request.subject, request.url, sent),
    callerIndex: keyring.answerIndex('caller', 'venue', request.subject),
    fingerprint: hash('sha256', request.rawBody),
  };
  const answer = await redeemer.redeem(request.subject, rules.normalHandle(request.body.handle), key);
  if (answer.replayed) reply.header('idempotency-replayed', 'true');
  return reply.code(answer.status).type('application/json').send(answer.body);
});

function tagMatches(header, tag) {
  if (header === undefined) return false;
  return header.trim() === '*' || header.split(',').some((entry) => entry.trim().replace(/^W\//, '') === tag);
}

await verifier.start();
await redeemer.loadCatalogue(pool);
await app.listen({ port: Number(process.argv[2]), host: '127.0.0.1' });
process.on('SIGTERM', () => app.close().then(() => pool.end()));
