// The main job with types made by openapi-typescript: consent, records, points, a ticket, its redemption, stop.
import { randomUUID } from "node:crypto";
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Api = Client<paths>;
const account = `bike-${randomUUID().slice(0, 8)}`;
const language = "en" as const;
const key = () => ({ header: { "Idempotency-Key": randomUUID() } });

function client(token: string): Api {
  const headers = { Authorization: `Bearer ${process.env[token]}` };
  return createClient<paths>({ baseUrl: process.env["BASE"] ?? "http://127.0.0.1:8000", headers });
}

function ok<T>(answer: { data?: T; error?: components["schemas"]["Problem"] }): T {
  if (answer.data === undefined) throw new Error(answer.error?.code ?? "no answer");
  return answer.data;
}

async function agree(me: Api, body: components["schemas"]["ConsentRequest"]) {
  const shown = ok(await me.POST("/v1/me/consent-requests", { params: key(), body }));
  return ok(await me.POST("/v1/me/consents", { params: key(), body: { ticket: shown.ticket } }));
}

const me = client("ME");
const bikes = client("BIKES");
const library = client("LIBRARY");

const consent = await agree(me, { purpose: "points.compute", source_id: "green-travel", account, language });
const code = consent.link?.code ?? "";
ok(await bikes.POST("/v1/source/links/confirm", { params: key(), body: { code, account } }));
const day = `${new Date().getFullYear() - 1}-06-01`;
const record = { record_id: `${account}.1`, account, kind: "bike_trip", quantity: 130, occurred_on: day };
const delivered = ok(await bikes.POST("/v1/source/records", { body: { records: [record] } }));
const points = ok(await me.GET("/v1/me/points"));

await agree(me, { purpose: "benefit.check", provider_id: "city-library", language });
const request = { benefit_id: "library-deposit", venue_id: "city-library-main" };
const ticket = ok(await me.POST("/v1/me/tickets", { params: key(), body: request }));
const body = { handle: ticket.handle };
const first = ok(await library.POST("/v1/venue/redemptions", { params: key(), body }));
const second = ok(await library.POST("/v1/venue/redemptions", { params: key(), body }));
const deposit = first.applies && first.effect.kind === "deposit_waiver" ? first.effect.up_to_fen : 0;

const stopped = ok(await me.POST("/v1/me/withdrawals", { body: { scope: "all" } }));
console.log(
  JSON.stringify({
    // A delivery as NDJSON is answered as NDJSON, which is text.
    accepted: typeof delivered === "string" ? delivered : delivered.accepted,
    total: points.total,
    first: first.applies,
    deposit,
    second: second.applies,
    withdrawn: stopped.withdrawn,
  }),
);
