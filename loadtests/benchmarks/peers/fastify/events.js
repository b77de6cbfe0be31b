// Events of a person's chain: salted commitment, sealed text, and the leaf for the transparency log's outbox.
import { createHash, hash, randomBytes } from 'node:crypto';
import { seal } from './crypto.js';

const COMMITMENT_PREFIX = Buffer.from('credit-easy-leaf-v1\0');
const SALT_BYTES = 32;
const HOUR_MICROS = 3_600_000_000;

// Members of the documents below stand in alphabetical order: JSON.stringify then writes canonical JSON.
function leafOf(kind, committed) {
  return JSON.stringify({ c: committed.toString('base64'), k: kind, v: 1 });
}

export function leafHash(leaf) {
  return hash('sha256', `\0${leaf}`);
}

// A leaf that stands for no event, so that the log grows alike for a known and an unknown handle.
export function emptyLeaf() {
  return leafOf('nothing', randomBytes(SALT_BYTES));
}

// The next event of a chain: a benefit redeemed, or checked without success. `at` is cut to the hour (microseconds).
export function benefitUsed(key, chain, benefit, granted, at) {
  const number = chain.events + 1;
  const hour = at - (at % HOUR_MICROS);
  const kind = granted ? 'benefit.redeemed' : 'benefit.checked';
  const event = {
    at: new Date(hour / 1000).toISOString().replace('.000Z', '+00:00'),
    facts: {
      organisation: benefit.providerId,
      outcome: granted ? 'applies' : 'standard_terms',
      purpose: 'benefit.check',
      what: benefit.benefitId,
    },
    kind,
    number,
    previous: chain.last_leaf,
    v: 1,
  };
  const salt = randomBytes(SALT_BYTES);
  const committed = createHash('sha256').update(COMMITMENT_PREFIX).update(salt).update(JSON.stringify(event)).digest();
  const leaf = leafOf(kind, committed);
  const plain = JSON.stringify({ event, salt: salt.toString('hex') });
  const sealed = seal(key, ['event', 'sealed', chain.person_id, String(number)], Buffer.from(plain));
  return { number, leafHash: leafHash(leaf), kind, at: hour, sealed, leaf };
}
