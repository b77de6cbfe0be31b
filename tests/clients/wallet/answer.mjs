// A wallet that knows nothing of this project: `@openid4vc/openid4vp` reads requests and makes responses,
// `@sd-jwt/sd-jwt-vc` makes presentations. Reads {"requests": [url], "passes": [{"text", "jwk"}], "now"} from standard
// input and prints, for each request, the HTTP request that answers it, or the reason why the wallet does not answer.
import { createHash, webcrypto } from "node:crypto";
import { text } from "node:stream/consumers";
import { setGlobalConfig } from "@openid4vc/oauth2";
import { Openid4vpClient } from "@openid4vc/openid4vp";
import { SDJwtVcInstance } from "@sd-jwt/sd-jwt-vc";

setGlobalConfig({ allowInsecureUrls: true }); // the city of the tests has no TLS
const { requests, passes, now } = JSON.parse(await text(process.stdin));
const nobody = () => {
  throw new Error("the wallet needs no such callback");
};
const hash = (data, algorithm) => createHash(algorithm.replace("-", "")).update(data).digest();
const claimsOf = ({ text }) => JSON.parse(Buffer.from(text.split(".")[1], "base64url"));

// The first credential that a DCQL credential query accepts (OpenID4VP 1.0, 6.4), by type and by values of claims.
function chosen({ credentials: [query] }) {
  const fits = (pass) => {
    const claims = claimsOf(pass);
    return (
      query.meta.vct_values.includes(claims.vct) &&
      (query.claims ?? []).every(({ path, values }) => {
        const value = path.reduce((inner, name) => inner?.[name], claims);
        return values ? values.includes(value) : value !== undefined;
      })
    );
  };
  if (query.format !== "dc+sd-jwt") throw new Error("another format");
  const pass = passes.find(fits);
  if (!pass) throw new Error("no credential of this wallet fits");
  return [query.id, pass];
}

async function presentation(pass, audience, nonce) {
  const key = await webcrypto.subtle.importKey("jwk", pass.jwk, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
  const holder = new SDJwtVcInstance({
    hasher: hash,
    hashAlg: "sha-256",
    kbSignAlg: "ES256",
    kbSigner: async (data) =>
      Buffer.from(
        await webcrypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, Buffer.from(data)),
      ).toString("base64url"),
  });
  return holder.present(pass.text, undefined, { kb: { payload: { iat: now, aud: audience, nonce } } });
}

async function answer(url) {
  const sent = [];
  const callbacks = {
    hash, verifyJwt: nobody, decryptJwe: nobody, encryptJwe: nobody, signJwt: nobody, getX509CertificateMetadata: nobody,
    fetch: async (address, { method, headers, body }) => {
      sent.push({ url: String(address), method, headers: Object.fromEntries(new Headers(headers)), body: String(body) });
      return new Response("{}", { headers: { "content-type": "application/json" } });
    },
  };
  const client = new Openid4vpClient({ callbacks });
  const { params } = client.parseOpenid4vpAuthorizationRequest({ authorizationRequest: url });
  const resolved = await client.resolveOpenId4vpAuthorizationRequest({ authorizationRequestPayload: params });
  const payload = resolved.authorizationRequestPayload;
  const [id, pass] = chosen(resolved.dcql.query);
  const shown = await presentation(pass, payload.client_id, payload.nonce);
  const response = await client.createOpenid4vpAuthorizationResponse({
    authorizationRequestPayload: payload,
    authorizationResponsePayload: { vp_token: { [id]: [shown] } },
  });
  await client.submitOpenid4vpAuthorizationResponse({
    authorizationRequestPayload: payload,
    authorizationResponsePayload: response.authorizationResponsePayload,
  });
  return { prefix: resolved.client.prefix, version: resolved.version, sent: sent[0] };
}

const outcomes = [];
for (const url of requests) {
  outcomes.push(await answer(url).catch((error) => ({ refused: `${error.name}: ${error.message}` })));
}
console.log(JSON.stringify(outcomes));
