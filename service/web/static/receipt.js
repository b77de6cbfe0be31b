// Checks a receipt in the browser: its signature (ES256), that each event is the content of its leaf, and that each
// leaf is in the consent log under a signed checkpoint. The same steps as verify_receipt.py.
import {concatenated, equal, fromBase64, keysOf, noteOf, rootOfProof, sha256, toBase64, verifyNote} from './tlog.js';

const text = new TextEncoder();
const fromUrl = (encoded) => fromBase64(encoded.replaceAll('-', '+').replaceAll('_', '/'));
const toUrl = (raw) => toBase64(raw).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

/** Canonical JSON (RFC 8785) of objects, lists, strings, integers, booleans and null. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value !== null && typeof value === 'object') return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`;
  return JSON.stringify(value);
}

/** Report whether one of the service's keys (JWK) has signed the receipt. */
async function isSigned(receipt, jws, keys) {
  const [head, empty, signature] = jws.split('.'), header = JSON.parse(atob(head.replaceAll('-', '+').replaceAll('_', '/')));
  const key = keys.find((row) => row.kid === header.kid);
  if (empty || header.alg !== 'ES256' || header.typ !== 'consent-receipt+jws' || 'crit' in header || !key) return false;
  const imported = await crypto.subtle.importKey('jwk', {kty: key.kty, crv: key.crv, x: key.x, y: key.y}, {name: 'ECDSA', namedCurve: 'P-256'}, false, ['verify']);
  const signed = text.encode(`${head}.${toUrl(text.encode(canonical(receipt)))}`);
  return crypto.subtle.verify({name: 'ECDSA', hash: 'SHA-256'}, imported, fromUrl(signature), signed);
}

/** Return the leaf hash (RFC 6962) of an event with its salt (hex). */
async function leafOf({event, salt}) {
  const raw = Uint8Array.from(salt.match(/../g) || [], (pair) => parseInt(pair, 16));
  const commitment = await sha256(concatenated(text.encode('credit-easy-leaf-v1\0'), raw, text.encode(canonical(event))));
  const leaf = canonical({c: toBase64(commitment), k: event.kind, v: 1});
  return sha256(concatenated(Uint8Array.of(0), text.encode(leaf)));
}

/** Return null for a leaf that a signed checkpoint includes, else `log`; `unsupported` where the signature cannot be checked. */
async function inclusionProblem(leaf, proof, keys) {
  const end = proof.indexOf('\n\n'), [magic, index, ...hashes] = proof.slice(0, end).split('\n'), note = noteOf(proof.slice(end + 2));
  if (magic !== 'c2sp.org/tlog-proof@v1') return 'log';
  const signed = await verifyNote(note, keys);
  const root = await rootOfProof(Number(index.replace('index ', '')), note.size, leaf, hashes.map(fromBase64));
  if (signed === false || root === null || !equal(root, note.root)) return 'log';
  return signed === null ? 'unsupported' : null;
}

/** Return null for a receipt that holds, else the name of the first problem: signature, event, waiting, log or unsupported. */
export async function receiptProblem(answer, jwks, log) {
  if (!await isSigned(answer.receipt, answer.jws, jwks.keys)) return 'signature';
  const listed = answer.receipt.events, opened = answer.events;
  if (listed.length !== opened.length) return 'event';
  const keys = [...keysOf(log), ...(log.previous || []).map((epoch) => epoch.verifier_key)];
  for (const [index, opening] of opened.entries()) {
    const leaf = await leafOf(opening), entry = listed[index];
    if (toBase64(leaf) !== opening.leaf_hash || opening.leaf_hash !== entry.leaf_hash || opening.event.kind !== entry.kind) return 'event';
    if (opening.event.facts.consent_id !== answer.receipt.record_id) return 'event';
    if (!opening.proof) return 'waiting';
    const problem = await inclusionProblem(leaf, opening.proof, keys);
    if (problem) return problem;
  }
  return null;
}
