// Does a resident's calls through the bridge, once for each platform, and prints what came of it as JSON.
import { ApiProblem, createBridge, platformSend } from "./bridge.mjs";

const base = process.env["BASE"];
const token = () => process.env["ME"];

// The request function of a mini-program, on top of fetch.
function request(headersName) {
  return ({ url, method, data, success, fail, ...options }) =>
    fetch(url, { method, headers: options[headersName], body: data })
      .then(async (answer) => {
        const header = Object.fromEntries(answer.headers);
        success({ statusCode: answer.status, header, data: await answer.text() });
      })
      .catch(() => fail({ errMsg: "request:fail" }));
}

const platforms = { fetch: { fetch }, wx: { wx: { request: request("header") } }, my: { my: { request: request("headers") } } };
const results = {};
for (const [name, scope] of Object.entries(platforms)) {
  const send = platformSend(scope);
  const api = createBridge({ base, token, language: "en", send });
  const notice = { purpose: "benefit.check", provider_id: "city-library", language: "en" };
  const shown = await api.post("/v1/me/consent-requests", notice);
  const code = await api.post("/v1/me/tickets", { benefit_id: "nothing", venue_id: "nowhere" }).catch((error) => {
    if (!(error instanceof ApiProblem)) throw error;
    return error.code;
  });
  // The first answer is lost on its way: the second attempt has the same key and gets the stored answer.
  let lost = 1;
  const unreliable = async (call) => {
    const answer = await send(call);
    if (lost-- > 0) throw new Error("lost");
    return answer;
  };
  const patient = createBridge({ base, token, language: "en", send: unreliable, pause: async () => {} });
  const again = await patient.post("/v1/me/consent-requests", notice);
  results[name] = { total: (await api.get("/v1/me/points")).total, code, shown: shown.ticket !== again.ticket && lost === -1 };
}
console.log(JSON.stringify(results));
