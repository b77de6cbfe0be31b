// The text of the QR code in which this device shows a pass: `CE1:` and the Base45 (RFC 9285) of a COSE_Sign1 whose
// payload is the pass and the second of the showing. The verifier is benefits.passes.cwt.
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const PREFIX = "CE1:";
const [UNSIGNED, BYTES, TEXT, LIST] = [0, 2, 3, 4];
const text = new TextEncoder();

// One array of the bytes of all parts.
function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// The head of a CBOR value (RFC 8949) in its shortest form; numbers up to 32 bits.
function head(major, number) {
  const first = major << 5;
  if (number < 24) return [first | number];
  if (number < 0x100) return [first | 24, number];
  if (number < 0x10000) return [first | 25, number >> 8, number & 0xff];
  return [first | 26, number >>> 24, (number >> 16) & 0xff, (number >> 8) & 0xff, number & 0xff];
}

const byteString = (bytes) => concat(head(BYTES, bytes.length), bytes);
const textString = (string) => concat(head(TEXT, string.length), text.encode(string));
const list = (...items) => concat(head(LIST, items.length), ...items);
const EMPTY_MAP = [0xa0];
// {1: -7, 16: "show+cwt"}: ES256, and the type (RFC 9596).
const PROTECTED = concat([0xa2, 0x01, 0x26, 0x10], textString("show+cwt"));

// Bytes as Base45 (RFC 9285): two become three characters, a single last one two.
export function base45(bytes) {
  let encoded = "";
  for (let at = 0; at < bytes.length; at += 2) {
    const isPair = at + 1 < bytes.length;
    let number = isPair ? bytes[at] * 256 + bytes[at + 1] : bytes[at];
    for (let characters = isPair ? 3 : 2; characters > 0; characters--) {
      encoded += ALPHABET[number % 45];
      number = Math.floor(number / 45);
    }
  }
  return encoded;
}

// The bytes of a base64url text without padding.
export function fromBase64url(encoded) {
  const binary = atob(encoded.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

// Return the text of the code: `pass` is the pass's bytes, `key` its private CryptoKey, `second` the time since 1970.
export async function codeOf(pass, key, second) {
  const payload = list(byteString(pass), concat(head(UNSIGNED, second)));
  const signed = list(textString("Signature1"), byteString(PROTECTED), byteString([]), byteString(payload));
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, signed);
  const shown = list(byteString(PROTECTED), EMPTY_MAP, byteString(payload), byteString(new Uint8Array(signature)));
  return PREFIX + base45(shown);
}
