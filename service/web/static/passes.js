// Passes that this device stores: ask for them with new keys, show one as a code without a network, throw them away.
import { codeOf, fromBase64url } from "./pass_code.js";
import { deleteAll, endRequest, listPasses, openRequest, takePass } from "./pass_store.js";
import { encodeQR } from "./qr/index.js";

const REDRAW_SECONDS = 60; // a code counts for two minutes
const ANSWER_SECONDS = 20;
const QUIET_ZONE = 4; // modules
const page = document.querySelector("[data-passes]");
const groupList = page.querySelector("[data-rows]");
const shownPass = page.querySelector("[data-shown]");
const language = document.documentElement.lang;
// No person on the page for times without a network: it is the same for everybody.
const { person, zone } = page.dataset;
// The element of this section with an attribute `data-<name>`.
const elementOf = (name) => page.querySelector(`[data-${name}]`);
let redrawTimer = 0;

const DAY_AND_MINUTE = { month: "long", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone };
// An instant (milliseconds since 1970) as day and minute in the city's time zone.
const momentText = (time) => new Date(time).toLocaleString(language, DAY_AND_MINUTE);

// Show the notice of a name, with a text of the server where there is one, and hide the others.
function showNotice(name, text = "") {
  for (const notice of document.querySelectorAll("[data-notice]")) {
    notice.hidden = notice.dataset.notice !== name;
    if (!notice.hidden && text) notice.textContent = text;
  }
}

// List the passes of this device by benefit and venue, with the number that is left.
async function listGroups() {
  const groups = new Map();
  for (const pass of await listPasses(Date.now(), person)) {
    groups.set(pass.offer, [...(groups.get(pass.offer) ?? []), pass]);
  }
  groupList.replaceChildren();
  for (const passes of groups.values()) {
    const [first] = passes;
    const row = elementOf("row").content.cloneNode(true);
    const fill = (name, text) => row.querySelector(`[data-${name}]`).replaceChildren(text);
    fill("title", first.title[language]);
    fill("venue", first.venue[language]);
    fill("left", String(passes.length));
    fill("until", momentText(first.until));
    fill("what", `${first.title[language]}, ${first.venue[language]}`);
    row.querySelector("[data-show]").addEventListener("click", () => showPass(first.id));
    groupList.append(row);
  }
  elementOf("none").hidden = groups.size > 0;
  elementOf("throw").hidden = groups.size === 0;
}

// Draw a QR code of a text as SVG.
function drawCode(text) {
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
async function showPass(id) {
  const pass = await takePass(id);
  await listGroups();
  if (!pass) return;
  const draw = async () => {
    const code = await codeOf(pass.bytes, pass.key, Math.floor(Date.now() / 1000));
    elementOf("qr").replaceChildren(drawCode(code));
    elementOf("code").value = code;
  };
  await draw();
  clearInterval(redrawTimer);
  redrawTimer = setInterval(draw, REDRAW_SECONDS * 1000);
  elementOf("shown-title").textContent = pass.title[language];
  elementOf("shown-venue").textContent = pass.venue[language];
  shownPass.hidden = false;
  shownPass.focus();
  navigator.wakeLock?.request("screen").catch(() => {});
}

// Hide the shown code: its pass is gone.
function hideCode() {
  clearInterval(redrawTimer);
  elementOf("qr").replaceChildren();
  elementOf("code").value = "";
  shownPass.hidden = true;
}

elementOf("done").addEventListener("click", () => {
  hideCode();
  listGroups();
});

elementOf("throw").addEventListener("click", async () => {
  hideCode();
  await deleteAll();
  await listGroups();
  showNotice("thrown");
});

// The benefit and venue of a form, with their names to show. Of another city's venue the typed id is all that is known.
function readChoice(form) {
  const { issuer_id: city, benefit, venue_id: venue } = form.elements;
  if (!city) return JSON.parse(form.dataset.pass);
  const names = (select) => JSON.parse(select.selectedOptions[0].dataset.names);
  const id = venue.value.trim();
  return {
    offer: `${benefit.value}${id}@${city.value}`,
    title: names(benefit),
    venue: Object.fromEntries(Object.entries(names(city)).map(([tongue, name]) => [tongue, `${name} · ${id}`])),
  };
}

// Request passes with the form of a benefit at a venue. Without an answer the request stays: pressing again repeats it.
async function requestPasses(form) {
  const { offer, title, venue } = readChoice(form);
  const request = await openRequest(person, offer, Number(page.dataset.passesMax));
  const fields = new URLSearchParams(new FormData(form));
  fields.set("keys", JSON.stringify(request.keys));
  fields.set("_key", request.idempotencyKey);
  let reply;
  try {
    reply = await fetch(form.action, { method: "POST", body: fields, signal: AbortSignal.timeout(ANSWER_SECONDS * 1000) });
  } catch {
    return showNotice("unanswered");
  }
  if (reply.status === 401) return location.assign("/me/passes");
  const isJson = reply.headers.get("content-type")?.includes("json");
  // A first try may have been answered: only an answer to this very request ends it.
  if (!isJson || reply.status >= 500 || [408, 429].includes(reply.status)) return showNotice("unanswered");
  const answer = await reply.json();
  const passes = (answer.passes ?? [])
    .map((pass, index) => ({ ...pass, key: request.privateKeys[index] }))
    .filter((pass) => pass.compact)
    .map(({ compact, key, expires_at }) => ({
      person, offer, title, venue, key, bytes: fromBase64url(compact), until: Date.parse(expires_at),
    }));
  await endRequest(request.id, passes);
  await listGroups();
  if (!reply.ok) return showNotice("refused", answer.detail);
  showNotice(passes.length ? "stored" : "too-long");
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
      await requestPasses(form);
    } catch {
      showNotice("no-storage"); // a private window, or the device is full
    } finally {
      button.disabled = false;
    }
  });
}

if (globalThis.crypto?.subtle && globalThis.indexedDB) {
  page.hidden = false;
  for (const element of document.querySelectorAll("[data-able]")) element.hidden = false;
  for (const element of document.querySelectorAll("[data-unable]")) element.hidden = true;
  listGroups().catch(() => showNotice("no-storage"));
}
