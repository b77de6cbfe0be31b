// Calls of the API from a mini-program (wx.request, my.request) or an app's web view (fetch), without dependencies.
//
// const api = createBridge({ base: "https://city.example", token: () => signedInToken });
// const points = await api.get("/v1/me/points");
// const ticket = await api.post("/v1/me/tickets", { benefit_id, venue_id });
//
// A write has an Idempotency-Key of its own and keeps it when it is sent again, so nothing happens twice. A problem is
// thrown as ApiProblem with its `code`. The token stays in memory: the bridge stores nothing and logs nothing.

const RETRIED = [429, 503];

export class ApiProblem extends Error {
  constructor(problem) {
    super(problem.detail);
    Object.assign(this, { name: "ApiProblem", problem, code: problem.code, status: problem.status });
  }
}

export function createBridge({ base, token, language = "zh-CN", attempts = 4, send = platformSend(), pause = sleep }) {
  async function call(method, path, body, key) {
    const headers = { "Accept-Language": language, Authorization: `Bearer ${await token()}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (method !== "GET") headers["Idempotency-Key"] = key ?? randomKey();
    for (let attempt = 1; ; attempt += 1) {
      let answer;
      try {
        answer = await send({ url: base + path, method, headers, body: body && JSON.stringify(body) });
      } catch (error) {
        // Nobody knows if it arrived: the same key makes the next attempt safe.
        if (attempt === attempts) throw error;
        await pause(attempt);
        continue;
      }
      if (RETRIED.includes(answer.status) && attempt < attempts) {
        await pause(Number(answer.retryAfter) || attempt);
        continue;
      }
      const value = answer.text ? JSON.parse(answer.text) : undefined;
      if (answer.status >= 400) throw new ApiProblem(value);
      return value;
    }
  }
  return {
    get: (path) => call("GET", path),
    post: (path, body, key) => call("POST", path, body, key),
    put: (path, body, key) => call("PUT", path, body, key),
    delete: (path) => call("DELETE", path),
  };
}

// Returns the platform's way to send: WeChat's, Alipay's, or fetch.
export function platformSend(scope = globalThis) {
  if (scope.wx?.request) return (request) => miniProgram(scope.wx.request, "header", request);
  if (scope.my?.request) return (request) => miniProgram(scope.my.request, "headers", request);
  return async ({ url, method, headers, body }) => {
    const answer = await scope.fetch(url, { method, headers, body, credentials: "omit" });
    return { status: answer.status, retryAfter: answer.headers.get("Retry-After"), text: await answer.text() };
  };
}

function miniProgram(request, headersName, { url, method, headers, body }) {
  return new Promise((resolve, reject) => {
    request({
      url,
      method,
      [headersName]: headers,
      data: body,
      dataType: "text",
      success: (answer) => {
        const names = answer.header ?? answer.headers ?? {};
        const data = answer.data;
        resolve({
          status: answer.statusCode ?? answer.status,
          retryAfter: names["Retry-After"] ?? names["retry-after"],
          text: typeof data === "string" || data === undefined ? data : JSON.stringify(data),
        });
      },
      fail: (error) => reject(new Error(error?.errMsg ?? "the request failed")),
    });
  });
}

function sleep(seconds) {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

// A key must differ for every act; it is no secret. Mini-programs have no crypto.randomUUID.
function randomKey() {
  const part = () => Math.random().toString(36).slice(2, 12);
  return `${Date.now().toString(36)}-${part()}-${part()}`;
}
