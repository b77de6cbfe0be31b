// Verifies passes with libraries that know nothing of this project: `jose`, and `@sd-jwt/sd-jwt-vc` with its status list.
// Reads {"metadata", "lists": {url: token}, "shown": [{"text", "nonce", "now", "venue"}]} from standard input and prints, for
// each shown pass, the claims that each library accepted or the reason of its refusal.
import { createHash } from "node:crypto";
import { text } from "node:stream/consumers";
import { SDJwtVcInstance } from "@sd-jwt/sd-jwt-vc";
import { createLocalJWKSet, importJWK, jwtVerify } from "jose";

const { metadata, lists, shown } = JSON.parse(await text(process.stdin));
const issuerKeys = createLocalJWKSet(metadata.jwks);

const inflated = async (packed) =>
  new Uint8Array(
    await new Response(
      new Blob([Buffer.from(packed, "base64url")]).stream().pipeThrough(new DecompressionStream("deflate")),
    ).arrayBuffer(),
  );

async function byJose({ text, nonce, now, venue }) {
  const [jws, binding] = text.split("~");
  const currentDate = new Date(now * 1000);
  const { payload } = await jwtVerify(jws, issuerKeys, {
    typ: "dc+sd-jwt", algorithms: ["ES256"], issuer: metadata.issuer, audience: venue, currentDate,
  });
  const device = await importJWK(payload.cnf.jwk, "ES256");
  const bound = await jwtVerify(binding, device, {
    typ: "kb+jwt", algorithms: ["ES256"], audience: venue, maxTokenAge: "120s", currentDate,
  });
  const hash = createHash("sha256").update(jws + "~").digest("base64url");
  if (bound.payload.nonce !== nonce || bound.payload.sd_hash !== hash) throw new Error("another key binding");
  const { uri, idx } = payload.status.status_list;
  const list = await jwtVerify(lists[uri], issuerKeys, { typ: "statuslist+jwt", subject: uri, currentDate });
  const bits = await inflated(list.payload.status_list.lst);
  if ((bits[idx >> 3] >> (idx & 7)) & 1) throw new Error("revoked");
  return payload;
}

async function bySdJwtVc({ text, nonce, now }) {
  const check = async (data, signature, key) => {
    const imported = await crypto.subtle.importKey("jwk", key, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
    return crypto.subtle.verify(
      { name: "ECDSA", hash: "SHA-256" }, imported, Buffer.from(signature, "base64url"), Buffer.from(data),
    );
  };
  const byIssuer = (data, signature) => check(data, signature, metadata.jwks.keys[0]);
  const verifier = new SDJwtVcInstance({
    hasher: (data, algorithm) => createHash(algorithm.replace("-", "")).update(Buffer.from(data)).digest(),
    hashAlg: "sha-256",
    verifier: byIssuer,
    statusVerifier: byIssuer,
    kbVerifier: (data, signature, payload) => check(data, signature, payload.cnf.jwk),
    statusListFetcher: async (uri) => lists[uri],
  });
  const { payload, kb } = await verifier.verify(text, { currentDate: now, keyBindingNonce: nonce });
  if (kb === undefined) throw new Error("no key binding");
  return payload;
}

const outcome = (verify, given) =>
  verify(given).then((claims) => ({ claims }), (error) => ({ refused: `${error.name}: ${error.message}` }));
const results = [];
for (const given of shown) {
  results.push({ jose: await outcome(byJose, given), "sd-jwt-vc": await outcome(bySdJwtVc, given) });
}
console.log(JSON.stringify(results));
