// Passes that this device stores: ask for them with new keys, show one as a code without a network, throw them away.
import { codeOf, fromBase64url } from "./pass_code.js";
import { answered, deleteAll, requestFor, stored, take } from "./pass_store.js";
import { encodeQR } from "./qr/index.js";

const REDRAW_SECONDS = 60; // a code counts for two minutes
const ANSWER_SECONDS = 20;
const QUIET_ZONE = 4; // modules
const page = document.querySelector("[data-passes]");
const rows = page.querySelector("[data-rows]");
const shown = page.querySelector("[data-shown]");
const language = document.documentElement.lang;
// No owner on the page for times without a network: it is the same for everybody.
const { owner, zone } = page.dataset;
const part = (name) => page.querySelector(`[data-${name}]`);
let redraw = 0;

const DAY_AND_MINUTE = { month: "long", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone };
const moment = (time) => new Date(time).toLocaleString(language, DAY_AND_MINUTE);

function say(name, text = "") {
  for (const notice of document.querySelectorAll("[data-notice]")) {
    notice.hidden = notice.dataset.notice !== name;
    if (!notice.hidden && text) notice.textContent = text;
  }
}

// The passes by benefit and venue, with the number that is left.
async function list() {
  const groups = new Map();
  for (const row of await stored(Date.now(), owner)) groups.set(row.where, [...(groups.get(row.where) ?? []), row]);
  rows.replaceChildren();
  for (const passes of groups.values()) {
    const [first] = passes;
    const row = part("row").content.cloneNode(true);
    const fill = (name, text) => row.querySelector(`[data-${name}]`).replaceChildren(text);
    fill("title", first.title[language]);
    fill("venue", first.venue[language]);
    fill("left", String(passes.length));
    fill("until", moment(first.until));
    fill("what", `${first.title[language]}, ${first.venue[language]}`);
    row.querySelector("[data-show]").addEventListener("click", () => show(first.id));
    rows.append(row);
  }
  part("none").hidden = groups.size > 0;
  part("throw").hidden = groups.size === 0;
}

function picture(text) {
  const modules = encodeQR(text, "raw", { ecc: "low", encoding: "alphanumeric", border: QUIET_ZONE });
  const dark = modules.flatMap((line, y) => line.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])));
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  drawing.setAttribute("viewBox", `0 0 ${modules.length} ${modules.length}`);
  path.setAttribute("d", dark.join(""));
  drawing.append(path);
  return drawing;
}

// Show a pass once: it is no longer stored when its code is drawn.
async function show(id) {
  const pass = await take(id);
  await list();
  if (!pass) return;
  const draw = async () => {
    const code = await codeOf(pass.bytes, pass.key, Math.floor(Date.now() / 1000));
    part("qr").replaceChildren(picture(code));
    part("code").value = code;
  };
  await draw();
  clearInterval(redraw);
  redraw = setInterval(draw, REDRAW_SECONDS * 1000);
  part("shown-title").textContent = pass.title[language];
  part("shown-venue").textContent = pass.venue[language];
  shown.hidden = false;
  shown.focus();
  navigator.wakeLock?.request("screen").catch(() => {});
}

function hideCode() {
  clearInterval(redraw);
  part("qr").replaceChildren();
  part("code").value = "";
  shown.hidden = true;
}

part("done").addEventListener("click", () => {
  hideCode();
  list();
});

part("throw").addEventListener("click", async () => {
  hideCode();
  await deleteAll();
  await list();
  say("thrown");
});

// The benefit and venue of a form, with their names to show. Of another city's venue the typed id is all that is known.
function chosen(form) {
  const { issuer_id: city, benefit, venue_id: venue } = form.elements;
  if (!city) return JSON.parse(form.dataset.pass);
  const names = (select) => JSON.parse(select.selectedOptions[0].dataset.names);
  const id = venue.value.trim();
  return {
    where: `${benefit.value}${id}@${city.value}`,
    title: names(benefit),
    venue: Object.fromEntries(Object.entries(names(city)).map(([tongue, name]) => [tongue, `${name} · ${id}`])),
  };
}

// Ask for passes with the form of a benefit at a venue. Without an answer the request stays: pressing again repeats it.
async function ask(form) {
  const { where, title, venue } = chosen(form);
  const request = await requestFor(`${owner} ${where}`);
  const fields = new URLSearchParams(new FormData(form));
  fields.set("keys", JSON.stringify(request.keys));
  fields.set("_key", request.sendAs);
  let reply;
  try {
    reply = await fetch(form.action, { method: "POST", body: fields, signal: AbortSignal.timeout(ANSWER_SECONDS * 1000) });
  } catch {
    return say("unanswered");
  }
  if (reply.status === 401) return location.assign("/me/passes");
  const isJson = reply.headers.get("content-type")?.includes("json");
  // A first try may have been answered: only an answer to this very request ends it.
  if (!isJson || reply.status >= 500 || [408, 429].includes(reply.status)) return say("unanswered");
  const answer = await reply.json();
  const passes = (answer.passes ?? [])
    .map((pass, place) => ({ ...pass, key: request.privateKeys[place] }))
    .filter((pass) => pass.compact)
    .map(({ compact, key, expires_at }) => ({
      owner, where, title, venue, key, bytes: fromBase64url(compact), until: Date.parse(expires_at),
    }));
  await answered(request.where, passes);
  await list();
  if (!reply.ok) return say("refused", answer.detail);
  say(passes.length ? "stored" : "too-long");
  return readTaken();
}

// Read again what is taken on all devices; without an answer the list of before stays.
async function readTaken() {
  try {
    const reply = await fetch("/me/passes");
    const current = new DOMParser().parseFromString(await reply.text(), "text/html").querySelector("[data-taken]");
    if (current) document.querySelector("[data-taken]").replaceWith(document.adoptNode(current));
  } catch {
    // The network is away again.
  }
}

for (const form of document.querySelectorAll("[data-pass]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      await ask(form);
    } catch {
      say("no-storage"); // a private window, or the device is full
    } finally {
      button.disabled = false;
    }
  });
}

if (globalThis.crypto?.subtle && globalThis.indexedDB) {
  page.hidden = false;
  for (const element of document.querySelectorAll("[data-able]")) element.hidden = false;
  for (const element of document.querySelectorAll("[data-unable]")) element.hidden = true;
  list().catch(() => say("no-storage"));
}
