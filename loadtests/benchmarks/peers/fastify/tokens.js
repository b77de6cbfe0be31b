// Access tokens (RFC 9068, ES256): verified by jose, then remembered by their hash until they expire.
import { hash } from 'node:crypto';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { Problem } from './problems.js';

const TOKENS_MAX = 50_000;
const TOKEN_BYTES_MAX = 8192;
const LEEWAY_SECONDS = 30;
const ADULT_YEARS = 18;

export class TokenVerifier {
  constructor(issuers) {
    this.issuers = issuers;
    const addresses = new Set(Object.values(issuers).map((issuer) => issuer.jwks_url));
    this.keys = new Map([...addresses].map((address) => [address, createRemoteJWKSet(new URL(address))]));
    this.verified = new Map();
  }

  // Fetch every JWKS, so that no request waits for the first one.
  async start() {
    await Promise.all([...this.keys.values()].map((keys) => keys.reload()));
  }

  // The digest of a header's token and its subject, undefined while it has to be verified.
  recall(audience, authorization) {
    if (authorization === undefined || !/^bearer ./i.test(authorization)) throw new Problem(401, 'token_missing');
    const token = authorization.slice(7);
    const digest = hash('sha256', `${audience}\n${token}`, 'base64');
    const known = this.verified.get(digest);
    if (known !== undefined && Date.now() < known.expires * 1000) return { digest, token, subject: known.subject };
    return { digest, token, subject: undefined };
  }

  // The subject of a token; throws Problem 401 or 403.
  async verify(audience, { digest, token }) {
    const issuer = this.issuers[audience];
    let payload;
    try {
      if (token.length > TOKEN_BYTES_MAX) throw new Error('too long');
      ({ payload } = await jwtVerify(token, this.keys.get(issuer.jwks_url), {
        issuer: issuer.issuer,
        audience: issuer.audience,
        algorithms: ['ES256'],
        typ: 'at+jwt',
        clockTolerance: LEEWAY_SECONDS,
        requiredClaims: ['iss', 'aud', 'sub', 'exp', 'iat'],
      }));
    } catch {
      throw new Problem(401, 'token_invalid');
    }
    if (audience === 'resident') checkAdult(payload.birthdate);
    else if (payload.client_id !== undefined && payload.client_id !== payload.sub) throw new Problem(401, 'token_invalid');
    this.verified.set(digest, { subject: payload.sub, expires: payload.exp });
    if (this.verified.size > TOKENS_MAX) this.verified.delete(this.verified.keys().next().value);
    return payload.sub;
  }
}

function checkAdult(birthdate) {
  if (typeof birthdate !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(birthdate)) throw new Problem(403, 'birthdate_required');
  const today = new Date().toISOString().slice(0, 10);
  const latest = `${Number(today.slice(0, 4)) - ADULT_YEARS}${today.slice(4)}`;
  if (birthdate > latest) throw new Problem(403, 'adults_only');
}
