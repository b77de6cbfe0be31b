// Blind indexes (HMAC-SHA-256) and sealed values (AES-256-GCM bound to their place), in the project's formats.
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, randomBytes } from 'node:crypto';

const FORMAT = Buffer.from([1]);
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

function hmac(key, message) {
  return createHmac('sha256', key).update(message).digest();
}

function decrypt(key, nonce, body, associated) {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce);
  decipher.setAAD(associated).setAuthTag(body.subarray(body.length - TAG_BYTES));
  return Buffer.concat([decipher.update(body.subarray(0, body.length - TAG_BYTES)), decipher.final()]);
}

function bound(place) {
  return Buffer.from(`\x01${place.join('|')}|1`);
}

// Seal bytes at a place [table, column, person id, row id]: format, nonce, ciphertext, tag.
export function seal(key, place, plain) {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(bound(place));
  const body = cipher.update(plain);
  return Buffer.concat([FORMAT, nonce, body, cipher.final(), cipher.getAuthTag()]);
}

// Open bytes sealed at that place; throws for any other.
export function openSealed(key, place, sealed) {
  return decrypt(key, sealed.subarray(1, 1 + NONCE_BYTES), sealed.subarray(1 + NONCE_BYTES), bound(place));
}

export class Keyring {
  constructor(encryptionKeys, indexKeyHex) {
    const indexKey = Buffer.from(indexKeyHex, 'hex');
    this.wrapping = new Map(
      Object.entries(encryptionKeys).map(([version, hex]) => [Number(version), createSecretKey(hex, 'hex')]),
    );
    this.indexKeys = Object.fromEntries(
      ['subject', 'handle', 'quota'].map((use) => [use, createSecretKey(hmac(indexKey, `credit-easy-index-v1|${use}`))]),
    );
    this.answerKey = createSecretKey(hmac(indexKey, 'credit-easy-stored-answer-v1'));
  }

  // 32 hex digits for the parts; `use` is subject, handle or quota.
  blindIndex(use, ...parts) {
    const digest = createHmac('sha256', this.indexKeys[use]);
    for (const part of parts) {
      const bytes = Buffer.from(part);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      digest.update(length).update(bytes);
    }
    return digest.digest('hex').slice(0, 32);
  }

  // 64 hex digits under the key of stored answers: a scope, or the index of a caller.
  answerIndex(...parts) {
    return createHmac('sha256', this.answerKey).update(parts.join('\x1f')).digest('hex');
  }

  // A person's data key, unwrapped.
  personKey(personId, wrapped) {
    const header = wrapped.subarray(0, 3);
    const associated = Buffer.concat([header, Buffer.from(personId)]);
    const wrapping = this.wrapping.get(header.readUInt16BE(1));
    return decrypt(wrapping, wrapped.subarray(3, 3 + NONCE_BYTES), wrapped.subarray(3 + NONCE_BYTES), associated);
  }

  sealAnswer(scope, body) {
    return seal(this.answerKey, ['stored_answer', 'sealed_body', '', scope], body);
  }

  openAnswer(scope, sealed) {
    return openSealed(this.answerKey, ['stored_answer', 'sealed_body', '', scope], sealed);
  }
}
