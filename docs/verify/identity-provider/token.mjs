// An access token of the provider beside this file, for trying the API of a city with curl. It signs in as a browser does:
// authorization code with PKCE for an account, client credentials for a system. Prints the token and nothing else.
//
//   node token.mjs configuration.json administrator editor-1
//   node token.mjs configuration.json source volunteer-service
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

const [file, audience, name] = process.argv.slice(2);
const { issuer, city, accounts, machines } = JSON.parse(readFileSync(file, 'utf8'));
const PATHS = { resident: 'me', venue: 'venue', source: 'source', administrator: 'admin', privacy: 'privacy' };
const resource = `${city}/v1/${PATHS[audience]}`;

async function tokenFor(form) {
  const answer = await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams({ ...form, resource }) });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${body.error}: ${body.error_description}`);
  return body.access_token;
}

async function tokenOfSystem({ client_id, client_secret }) {
  return tokenFor({ grant_type: 'client_credentials', client_id, client_secret });
}

async function tokenOfAccount(login) {
  const verifier = randomBytes(32).toString('base64url');
  const client = { client_id: `credit-easy-${audience}`, redirect_uri: `${city}/sign-in/return` };
  const cookies = new Map();
  // Follows redirects with the provider's cookies until one leads away from the provider or a page is shown.
  const follow = async (url, form) => {
    const answer = await fetch(url, {
      method: form ? 'POST' : 'GET',
      body: form && new URLSearchParams(form),
      redirect: 'manual',
      headers: { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [key, value] = line.split(';')[0].split(/=(.*)/s);
      cookies.set(key, value);
    }
    const location = answer.headers.get('location');
    if (location === null) return new URL(url);
    const next = new URL(location, url);
    return next.origin === new URL(issuer).origin ? follow(next.href) : next;
  };
  const query = new URLSearchParams({
    ...client,
    response_type: 'code',
    scope: 'openid',
    resource,
    code_challenge_method: 'S256',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
  });
  const form = await follow(`${issuer}/auth?${query}`);
  const back = await follow(form.href, { prompt: 'login', login, password: 'any' });
  const code = back.searchParams.get('code');
  if (code === null) throw new Error(`the provider did not sign ${login} in: ${back.href}`);
  return tokenFor({ ...client, grant_type: 'authorization_code', code, code_verifier: verifier });
}

const system = machines.find(({ client_id }) => client_id === name);
if (!system && !accounts[name]) throw new Error(`no account and no system named ${name} in ${file}`);
console.log(system ? await tokenOfSystem(system) : await tokenOfAccount(name));
