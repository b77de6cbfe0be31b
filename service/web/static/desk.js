// The desk without leaving its page: the answer comes into its place, the cursor stays at the code, the camera reads.
const form = document.querySelector("#desk-form");
const field = form.querySelector("[name=handle]");
const answer = document.querySelector("#answer");
const away = document.querySelector("[data-away]");
const viewer = document.querySelector("[data-viewer]");
const video = viewer.querySelector("video");
const open = form.querySelector("[data-camera]");
const noCamera = document.querySelector("[data-no-camera]");
let asking = false;

const freshKey = () => crypto.randomUUID();

async function ask(act) {
  if (asking) return;
  asking = true;
  const sent = new URLSearchParams(new FormData(form));
  sent.set("act", act);
  try {
    const reply = await fetch(form.dataset.part, { method: "POST", body: sent, headers: { accept: "text/html" } });
    if (reply.status === 401) {
      location.assign("/desk");
      return;
    }
    const text = await reply.text();
    if (reply.status >= 500) throw new Error(String(reply.status));
    // Whole pages (somebody asks too often, a form is too old) are shown as what they are.
    if (text.trimStart().startsWith("<!doctype")) {
      const chosen = document.createElement("input");
      chosen.type = "hidden";
      chosen.name = "act";
      chosen.value = act; // only looking must never become honouring
      form.append(chosen);
      form.submit();
      return;
    }
    away.hidden = true;
    answer.innerHTML = text;
    field.value = "";
    form.querySelector("[name=_key]").value = freshKey();
  } catch {
    // The key stays: the same code sent again is honoured once.
    answer.replaceChildren();
    away.hidden = false;
  } finally {
    asking = false;
    field.focus();
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask(event.submitter?.value ?? "redeem");
});
addEventListener("offline", () => { away.hidden = false; });
addEventListener("online", () => { away.hidden = true; });

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
