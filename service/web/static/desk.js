// The desk as one page: verdicts are shown in place, the cursor stays in the code's field, the camera reads codes.
const form = document.querySelector("#desk-form");
const field = form.querySelector("[name=handle]");
const keyField = form.querySelector("[name=_key]");
const verdict = document.querySelector("#answer");
const offline = document.querySelector("[data-away]");
const unanswered = document.querySelector("[data-unanswered]");
const viewer = document.querySelector("[data-viewer]");
const video = viewer.querySelector("video");
const openCamera = form.querySelector("[data-camera]");
const noCamera = document.querySelector("[data-no-camera]");
const ANSWER_SECONDS = 15;
let sending = false;

// Idempotency-Key by code, of every code that was sent without an answer: sent again, it is redeemed once.
const keys = new Map();
const plain = (code) => code.replace(/[\s-]/g, "").toLowerCase();
if (!unanswered.hidden) keys.set(plain(field.value), keyField.value);

function show(notice) {
  for (const element of [offline, unanswered]) element.hidden = element !== notice;
  if (notice) verdict.replaceChildren();
}

// Send the form without the script, for answers that are whole pages (too many requests, a form that is too old).
function submitWithoutScript(act) {
  const actField = document.createElement("input");
  actField.type = "hidden";
  actField.name = "act";
  actField.value = act; // a check must not become a redemption
  form.append(actField);
  form.submit();
}

async function send(act) {
  if (sending) return;
  const code = plain(field.value);
  if (!navigator.onLine) {
    // Nothing was sent now; whether an earlier attempt arrived is unknown.
    show(keys.has(code) ? unanswered : offline);
    field.focus();
    return;
  }
  sending = true;
  keyField.value = keys.get(code) ?? crypto.randomUUID();
  const fields = new URLSearchParams(new FormData(form));
  fields.set("act", act);
  fields.set("handle", code);
  if (act === "redeem") keys.set(code, keyField.value);
  try {
    const reply = await fetch(form.dataset.part, {
      method: "POST",
      body: fields,
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
      submitWithoutScript(act);
      return;
    }
    show(null);
    verdict.innerHTML = text;
    if (act === "redeem") keys.delete(code);
    if (!verdict.querySelector("[data-honour]")) field.value = "";
  } catch {
    unanswered.querySelector("[data-spending]").hidden = act !== "redeem";
    show(unanswered);
  } finally {
    sending = false;
    field.focus();
    field.select(); // the next scan replaces the code
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  send(event.submitter?.value ?? "redeem");
});
verdict.addEventListener("submit", (event) => {
  event.preventDefault();
  field.value = event.target.elements.handle.value;
  send("redeem");
});
addEventListener("offline", () => {
  if (!sending && keys.size === 0) show(offline);
});
addEventListener("online", () => {
  offline.hidden = true;
});

// The camera. BarcodeDetector exists in Chromium on Android and macOS; other browsers load the reader in qr/.
let stream = null;

async function createReader() {
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

function closeCamera() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  viewer.hidden = true;
  field.focus();
}

async function startCamera() {
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
  const read = await createReader();
  while (stream) {
    const code = video.videoWidth ? await read(video) : undefined;
    if (code) {
      field.value = code;
      closeCamera();
      send("redeem");
      return;
    }
    await new Promise((next) => setTimeout(next, 120));
  }
}

if (navigator.mediaDevices?.getUserMedia) {
  openCamera.hidden = false;
  openCamera.addEventListener("click", startCamera);
}
viewer.querySelector("[data-close]").addEventListener("click", closeCamera);
