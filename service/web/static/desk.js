// The desk as one page: verdicts are shown in place, the cursor stays in the code's field, the camera reads codes.
const form = document.querySelector("#desk-form");
const field = form.querySelector("[name=handle]");
const keyField = form.querySelector("[name=_key]");
const verdict = document.querySelector("#answer");
const today = document.querySelector("#today");
const offline = document.querySelector("[data-away]");
const unanswered = document.querySelector("[data-unanswered]");
const viewer = document.querySelector("[data-viewer]");
const video = viewer.querySelector("video");
const openCamera = form.querySelector("[data-camera]");
const noCamera = document.querySelector("[data-no-camera]");
const soundSwitch = document.querySelector("[data-sound]");
const ANSWER_SECONDS = 15;
const SAME_CODE_SECONDS = 4;
const isPhone = matchMedia("(max-width: 59.99rem)").matches && matchMedia("(pointer: coarse)").matches;
let sending = false;

// Idempotency-Key by code, of every code that was sent without an answer: sent again, it is redeemed once.
const keys = new Map();
// A code as it is sent, without the spaces and hyphens that people type. The code of a stored pass is Base45: spaces and
// capitals are part of it.
const normalise = (code) => (/^\s*CE1:/.test(code) ? code.trimStart() : code.replace(/[\s-]/g, "").toLowerCase());
if (!unanswered.hidden) keys.set(normalise(field.value), keyField.value);

// Show one of the two notices, or none; a notice replaces the verdict.
function showNotice(notice) {
  for (const element of [offline, unanswered]) element.hidden = element !== notice;
  if (notice) verdict.replaceChildren();
  scrollTo(0, 0);
}

// Keep the cursor in the field for hand scanners; on a phone that would open the keyboard over the verdict.
function focusField() {
  if (isPhone) return;
  field.focus({ preventScroll: true });
  field.select(); // the next scan replaces the code
}

// Sound and vibration, switched once for this device.
const SOUND = "credit-easy-desk-sound";
const TONES = { redeemed: [660, 880], valid: [660], standard: [330], incomplete: [220, 220] };
const VIBRATIONS = { redeemed: [60], valid: [60], standard: [60, 80, 60], incomplete: [200] };
let audio = null;
const soundIsOn = () => soundSwitch.getAttribute("aria-pressed") === "true";
function setSound(on) {
  soundSwitch.setAttribute("aria-pressed", String(on));
  try {
    localStorage.setItem(SOUND, on ? "on" : "off");
  } catch {
    // Storage can be forbidden; the switch then lasts as long as the page.
  }
}
try {
  setSound(localStorage.getItem(SOUND) !== "off");
} catch {
  setSound(true);
}
soundSwitch.hidden = false;
soundSwitch.addEventListener("click", () => setSound(!soundIsOn()));

// Play the tones of a verdict and vibrate, so that nobody has to look at the screen.
function signal(kind) {
  if (!soundIsOn() || !TONES[kind]) return;
  navigator.vibrate?.(VIBRATIONS[kind]);
  audio ??= new AudioContext();
  TONES[kind].forEach((frequency, at) => {
    const [tone, volume] = [audio.createOscillator(), audio.createGain()];
    const begins = audio.currentTime + at * 0.14;
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0.15, begins);
    volume.gain.exponentialRampToValueAtTime(0.001, begins + 0.13);
    tone.connect(volume).connect(audio.destination);
    tone.start(begins);
    tone.stop(begins + 0.13);
  });
}

// Load the day's figures again.
async function refreshToday() {
  try {
    const reply = await fetch(today.dataset.part, { headers: { accept: "text/html" } });
    if (reply.ok) today.innerHTML = await reply.text();
  } catch {
    // The figures are read again with the next code.
  }
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

// Send the code of the field: `act` is `redeem` or `check`. Without an answer its key stays, for the next attempt.
async function sendCode(act) {
  if (sending) return;
  const code = normalise(field.value);
  if (!navigator.onLine) {
    // Nothing was sent now; whether an earlier attempt arrived is unknown.
    showNotice(keys.has(code) ? unanswered : offline);
    focusField();
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
    showNotice(null);
    verdict.innerHTML = text;
    if (act === "redeem") keys.delete(code);
    const kind = verdict.querySelector("[data-verdict]")?.dataset.verdict;
    signal(kind);
    field.toggleAttribute("aria-invalid", false);
    if (kind === "incomplete") field.setAttribute("aria-invalid", "true");
    // What can still be redeemed or completed stays in the field.
    if (kind === "redeemed" || kind === "standard") field.value = "";
    if (kind === "redeemed") refreshToday();
  } catch {
    unanswered.querySelector("[data-spending]").hidden = act !== "redeem";
    showNotice(unanswered);
  } finally {
    sending = false;
    focusField();
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  sendCode(event.submitter?.value ?? "redeem");
});
verdict.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-redeem]")) return; // taking back is a page of its own
  event.preventDefault();
  field.value = event.target.elements.handle.value;
  sendCode("redeem");
});
addEventListener("offline", () => {
  if (!sending && keys.size === 0) showNotice(offline);
});
addEventListener("online", () => {
  offline.hidden = true;
});

// The camera. BarcodeDetector exists in Chromium on Android and macOS; other browsers load the reader in qr/.
let stream = null;

// Return a function that reads the QR code of a video's picture; undefined where there is none.
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

// Stop the camera and the loop of `startCamera`.
function closeCamera() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  showCamera(false);
  focusField();
}

// Show the picture with its buttons, or the button that starts it.
function showCamera(on) {
  viewer.hidden = !on && !isPhone;
  viewer.classList.toggle("on", on);
  viewer.querySelector("[data-start]").hidden = on;
  for (const element of viewer.querySelectorAll("[data-close], [data-reading]")) element.hidden = !on;
}

// Read codes until the camera is closed. A code that stays in view is one code.
async function startCamera() {
  if (stream) return;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    noCamera.hidden = false;
    focusField();
    return;
  }
  const own = stream;
  showCamera(true);
  video.srcObject = stream;
  await video.play();
  const read = await createReader();
  let [last, seen] = ["", 0];
  while (stream === own) {
    const code = video.videoWidth && !sending ? await read(video) : undefined;
    const now = performance.now();
    if (code && code === last && now - seen < SAME_CODE_SECONDS * 1000) seen = now;
    else if (code && stream === own) {
      [last, seen] = [code, now];
      field.value = code;
      await sendCode("redeem");
      seen = performance.now();
    }
    await new Promise((next) => setTimeout(next, 120));
  }
}

if (navigator.mediaDevices?.getUserMedia) {
  openCamera.hidden = isPhone; // a phone has the viewer with its own button instead
  openCamera.addEventListener("click", startCamera);
  viewer.querySelector("[data-start]").addEventListener("click", startCamera);
  if (isPhone) {
    showCamera(false);
    addEventListener("load", () => field.blur()); // `autofocus` would open the keyboard over the camera
    // Where the camera was allowed before, it opens without a tap.
    navigator.permissions?.query({ name: "camera" }).then(
      (permission) => permission.state === "granted" && startCamera(),
      () => undefined,
    );
  }
}
viewer.querySelector("[data-close]").addEventListener("click", closeCamera);
let wasOpen = false;
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    wasOpen = stream !== null;
    if (wasOpen) closeCamera();
  } else if (wasOpen) startCamera();
});
