// The desk without leaving its page: the answer comes into its place, the cursor stays at the code, the camera reads.
const form = document.querySelector("#desk-form");
const field = form.querySelector("[name=handle]");
const keyField = form.querySelector("[name=_key]");
const answer = document.querySelector("#answer");
const away = document.querySelector("[data-away]");
const unanswered = document.querySelector("[data-unanswered]");
const viewer = document.querySelector("[data-viewer]");
const video = viewer.querySelector("video");
const open = form.querySelector("[data-camera]");
const noCamera = document.querySelector("[data-no-camera]");
const ANSWER_SECONDS = 15;
let asking = false;

// The key of every code that was sent and not answered: the same code sent again is honoured once.
const keys = new Map();
const plain = (code) => code.replace(/[\s-]/g, "").toLowerCase();
if (!unanswered.hidden) keys.set(plain(field.value), keyField.value);

function show(notice) {
  for (const one of [away, unanswered]) one.hidden = one !== notice;
  if (notice) answer.replaceChildren();
}

// Whole pages (somebody asks too often, a form is too old) are shown as what they are.
function leave(act) {
  const chosen = document.createElement("input");
  chosen.type = "hidden";
  chosen.name = "act";
  chosen.value = act; // only looking must never become honouring
  form.append(chosen);
  form.submit();
}

async function ask(act) {
  if (asking) return;
  const code = plain(field.value);
  if (!navigator.onLine) {
    // It never left; unless it was sent before, and then nobody knows.
    show(keys.has(code) ? unanswered : away);
    field.focus();
    return;
  }
  asking = true;
  keyField.value = keys.get(code) ?? crypto.randomUUID();
  const sent = new URLSearchParams(new FormData(form));
  sent.set("act", act);
  sent.set("handle", code);
  if (act === "redeem") keys.set(code, keyField.value);
  try {
    const reply = await fetch(form.dataset.part, {
      method: "POST",
      body: sent,
      headers: { accept: "text/html" },
      signal: AbortSignal.timeout(ANSWER_SECONDS * 1000),
    });
    if (reply.status === 401) {
      location.assign("/desk");
      return;
    }
    const text = await reply.text();
    if (reply.status >= 500) throw new Error(String(reply.status));
    if (text.trimStart().startsWith("<!doctype")) {
      leave(act);
      return;
    }
    show(null);
    answer.innerHTML = text;
    if (act === "redeem") keys.delete(code);
    if (!answer.querySelector("[data-honour]")) field.value = "";
  } catch {
    unanswered.querySelector("[data-spending]").hidden = act !== "redeem";
    show(unanswered);
  } finally {
    asking = false;
    field.focus();
    field.select(); // the next scan takes the place of what stands there
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask(event.submitter?.value ?? "redeem");
});
answer.addEventListener("submit", (event) => {
  event.preventDefault();
  field.value = event.target.elements.handle.value;
  ask("redeem");
});
addEventListener("offline", () => {
  if (!asking && keys.size === 0) show(away);
});
addEventListener("online", () => {
  away.hidden = true;
});

// The camera. Where the browser reads codes itself it does; elsewhere a reader comes with this page.
let stream = null;

async function reader() {
  if ("BarcodeDetector" in globalThis && (await BarcodeDetector.getSupportedFormats()).includes("qr_code")) {
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    return async (source) => (await detector.detect(source))[0]?.rawValue;
  }
  const { decodeQR } = await import("./qr/decode.js");
  const canvas = document.createElement("canvas");
  const drawing = canvas.getContext("2d", { willReadFrequently: true });
  return async (source) => {
    const scale = Math.min(1, 640 / source.videoWidth);
    canvas.width = Math.round(source.videoWidth * scale);
    canvas.height = Math.round(source.videoHeight * scale);
    drawing.drawImage(source, 0, 0, canvas.width, canvas.height);
    try {
      return decodeQR(drawing.getImageData(0, 0, canvas.width, canvas.height));
    } catch {
      return undefined; // no code in this picture
    }
  };
}

function close() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  viewer.hidden = true;
  field.focus();
}

async function look() {
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    noCamera.hidden = false;
    field.focus();
    return;
  }
  viewer.hidden = false;
  video.srcObject = stream;
  await video.play();
  const read = await reader();
  while (stream) {
    const found = video.videoWidth ? await read(video) : undefined;
    if (found) {
      field.value = found;
      close();
      ask("redeem");
      return;
    }
    await new Promise((next) => setTimeout(next, 120));
  }
}

if (navigator.mediaDevices?.getUserMedia) {
  open.hidden = false;
  open.addEventListener("click", look);
}
viewer.querySelector("[data-close]").addEventListener("click", close);
