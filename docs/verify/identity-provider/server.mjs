// An identity provider for trying a city with tokens that are not ours: npm oidc-provider, all audiences, RFC 9068.
// It checks no password. In production the configuration below goes to a provider that does.
//
//   npm install && node server.mjs configuration.json
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { exportJWK, generateKeyPair } from 'jose';
import Provider, { errors } from 'oidc-provider';

const file = process.argv[2];
const { issuer, city, accounts, machines } = JSON.parse(readFileSync(file, 'utf8'));

// One resource, and so one `aud`, for each audience. Staff tokens live five minutes at most.
const RESOURCES = {
  resident: { resource: `${city}/v1/me`, seconds: 600 },
  venue: { resource: `${city}/v1/venue`, seconds: 600 },
  source: { resource: `${city}/v1/source`, seconds: 600 },
  administrator: { resource: `${city}/v1/admin`, seconds: 300 },
  privacy: { resource: `${city}/v1/privacy`, seconds: 300 },
};
const audienceOf = (resource) => Object.keys(RESOURCES).find((name) => RESOURCES[name].resource === resource);

// The claims of each audience beside those of RFC 9068, from the account. An account without them gets a token that the
// service refuses; nobody can choose them.
const CLAIMS = {
  resident: ({ birthdate }) => ({ birthdate }),
  venue: ({ venue_client_id }) => ({ venue_client_id }),
  administrator: ({ staff_id, divisions }) => ({ staff_id, divisions }),
  privacy: ({ staff_id, divisions }) => ({ staff_id, divisions }),
};

// The pages: a client for each audience that people sign in to. Desks of all venues share one.
const pages = ['resident', 'venue', 'administrator', 'privacy'].map((audience) => ({
  client_id: `credit-easy-${audience}`,
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: [`${city}/sign-in/return`],
  audience,
}));
// Venues' and sources' own systems: `sub` and `client_id` of their tokens are this client.
const systems = machines.map(({ client_id, client_secret, audience }) => ({
  client_id,
  client_secret,
  token_endpoint_auth_method: 'client_secret_post',
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  audience,
}));

async function signingKey() {
  const path = join(dirname(file), 'provider-key.json');
  if (!existsSync(path)) {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    writeFileSync(path, JSON.stringify({ ...(await exportJWK(privateKey)), use: 'sig', alg: 'ES256' }), { mode: 0o600 });
  }
  chmodSync(path, 0o600);
  return JSON.parse(readFileSync(path, 'utf8'));
}

const provider = new Provider(issuer, {
  jwks: { keys: [await signingKey()] },
  clients: [...pages, ...systems],
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  extraClientMetadata: { properties: ['audience'] },
  scopes: ['openid'],
  pkce: { required: () => true },
  features: {
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
    // Its own pages for signing in: any password. A production provider has better ones.
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_, client) => RESOURCES[client.audience].resource,
      // The code was asked for with `resource`; its tokens are for that resource.
      useGrantedResource: () => true,
      getResourceServerInfo: (_, resource, client) => {
        const audience = audienceOf(resource);
        if (audience === undefined || client.audience !== audience) throw new errors.InvalidTarget();
        return {
          scope: '',
          audience: resource,
          accessTokenFormat: 'jwt', // RFC 9068: typ at+jwt
          accessTokenTTL: RESOURCES[audience].seconds,
          jwt: { sign: { alg: 'ES256' } },
        };
      },
    },
  },
  extraTokenClaims: (_, token) =>
    token.kind === 'AccessToken' ? CLAIMS[audienceOf(token.aud)]?.(accounts[token.accountId] ?? {}) : undefined,
  findAccount: (_, id) => (accounts[id] ? { accountId: id, claims: () => ({ sub: id }) } : undefined),
  // Staff tokens live five minutes: refresh tokens keep a form that is being filled in. The browser never has them, and two
  // processes of the service may renew one session at the same moment, so that they are not single-use.
  issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: () => false,
  ttl: { RefreshToken: 12 * 3600, Session: 12 * 3600, Grant: 12 * 3600, Interaction: 600 },
  // The pages belong to the city itself: nobody is asked whether they may be used.
  loadExistingGrant: async (ctx) => {
    const { client, session } = ctx.oidc;
    const known = session.grantIdFor(client.clientId);
    const grant = known
      ? await ctx.oidc.provider.Grant.find(known)
      : new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope('openid');
    await grant.save();
    return grant;
  },
});

const { hostname, port } = new URL(issuer);
provider.listen(Number(port), hostname, () => console.log(`identity provider ready at ${issuer}`));
