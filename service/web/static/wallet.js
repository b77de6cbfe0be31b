// A request to a wallet app: ask whether it was answered, then show the verdict. The page works without scripts.
const { request } = document.querySelector("[data-request]").dataset;
const ASK_SECONDS = 2;

// Ask the server whether the request is still open; show its verdict if not.
async function askState() {
  if (document.hidden || !navigator.onLine) return;
  try {
    const reply = await fetch(`${request}/state`, { headers: { accept: "text/plain" } });
    if (reply.ok && (await reply.text()) !== "open") location.replace(request);
  } catch {
    // The network is away; the next round asks again.
  }
}
setInterval(askState, ASK_SECONDS * 1000);
