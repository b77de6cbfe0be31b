// RFC 6962 trees and C2SP signed notes: hashes, roots, proofs and signatures, computed with WebCrypto.
const text = new TextEncoder();

export const fromBase64 = (encoded) => Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
export const toBase64 = (raw) => btoa(String.fromCharCode(...raw));
export const equal = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);
export const sha256 = async (raw) => new Uint8Array(await crypto.subtle.digest('SHA-256', raw));
export const concatenated = (...parts) => {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
};
export const nodeHash = (left, right) => sha256(concatenated(Uint8Array.of(1), left, right));

/** Root of a tree from the hashes of its leaves. */
export async function rootOf(leaves) {
  if (!leaves.length) return sha256(new Uint8Array());
  let level = leaves;
  // Level by level: a node without a neighbour goes up as it is, which is the tree of RFC 6962.
  while (level.length > 1) {
    const above = [];
    for (let at = 0; at < level.length; at += 2) above.push(at + 1 < level.length ? nodeHash(level[at], level[at + 1]) : level[at]);
    level = await Promise.all(above);
  }
  return level[0];
}

/** Root to which an inclusion proof leads, or null for a proof of a wrong length (RFC 9162, 2.1.3.2). */
export async function rootOfProof(index, size, leaf, proof) {
  let place = index, last = size - 1, hash = leaf;
  if (index < 0 || index >= size) return null;
  for (const sibling of proof) {
    if (last === 0) return null;
    if (place % 2 || place === last) {
      hash = await nodeHash(sibling, hash);
      while (place && place % 2 === 0) [place, last] = [Math.floor(place / 2), Math.floor(last / 2)];
    } else hash = await nodeHash(hash, sibling);
    [place, last] = [Math.floor(place / 2), Math.floor(last / 2)];
  }
  return last === 0 ? hash : null;
}

/** True if a consistency proof shows that the tree of `size` begins with the tree of `old` (RFC 9162, 2.1.4.2). */
export async function isConsistent(old, size, oldRoot, root, proof) {
  const path = (old & (old - 1)) === 0 ? [oldRoot, ...proof] : [...proof];
  if (!path.length) return false;
  let place = old - 1, last = size - 1;
  while (place % 2) [place, last] = [Math.floor(place / 2), Math.floor(last / 2)];
  let [first] = path, second = path[0];
  for (const sibling of path.slice(1)) {
    if (last === 0) return false;
    if (place % 2 || place === last) {
      [first, second] = [await nodeHash(sibling, first), await nodeHash(sibling, second)];
      while (place && place % 2 === 0) [place, last] = [Math.floor(place / 2), Math.floor(last / 2)];
    } else second = await nodeHash(second, sibling);
    [place, last] = [Math.floor(place / 2), Math.floor(last / 2)];
  }
  return last === 0 && equal(first, oldRoot) && equal(second, root);
}

/** Parts of a signed note: the signed text, its origin, size and root, and the signature lines. */
export function noteOf(note) {
  const end = note.lastIndexOf('\n\n'), body = note.slice(0, end + 1), [origin, size, root] = body.split('\n');
  const signatures = note.slice(end + 2).split('\n').filter((line) => line.startsWith('— ')).map((line) => {
    const at = line.lastIndexOf(' ');
    return {name: line.slice(2, at), raw: fromBase64(line.slice(at + 1))};
  });
  return {body, origin, size: Number(size), root: fromBase64(root), signatures};
}

/** Every key that has ever signed a log's checkpoints: the current one and those before. */
export const keysOf = (log) => [log.verifier_key, ...(log.keys || []).map((key) => key.verifier_key)];

/** Keys that may sign the present checkpoint: the current one, and others while a key is replaced; none that was. */
export const signingKeysOf = (log) => [log.verifier_key, ...(log.keys || []).filter((key) => key.valid_until === null).map((key) => key.verifier_key)];

/** True if one of the keys has signed the note; null where the browser knows no Ed25519. */
export async function verifyNote(note, keys) {
  for (const key of keys) {
    const [name, id, ...rest] = key.split('+'), raw = fromBase64(rest.join('+'));
    const hash = await sha256(concatenated(text.encode(`${name}\n`), raw)), own = [...hash.slice(0, 4)];
    if (raw[0] !== 1 || own.map((byte) => byte.toString(16).padStart(2, '0')).join('') !== id || name !== note.origin) continue;
    const signature = note.signatures.find((line) => line.name === name && own.every((byte, at) => line.raw[at] === byte));
    if (!signature) continue;
    let imported;
    try { imported = await crypto.subtle.importKey('raw', raw.slice(1), {name: 'Ed25519'}, false, ['verify']); } catch { return null; }
    return crypto.subtle.verify({name: 'Ed25519'}, imported, signature.raw.slice(4), text.encode(note.body));
  }
  return false;
}
