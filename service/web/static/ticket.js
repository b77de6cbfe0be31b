// The ticket: count the seconds down, ask whether it was used, keep the screen on. The page works without all three.
const ticket = document.querySelector("[data-ticket]");
const until = Date.parse(ticket.dataset.until);
const ring = ticket.querySelector("[data-ring]");
const number = ticket.querySelector("[data-number]");
const left = ticket.querySelector("[data-left]");
const ended = document.querySelector("[data-ended]");
const ASK_SECONDS = 2;
left.hidden = false;

// Load the page again: the server says what became of the ticket.
function reload() {
  clearInterval(clock);
  location.replace(ticket.dataset.ticket);
}

// Ask the server whether the ticket is still open; load the page again if not.
async function askState() {
  if (document.hidden || !navigator.onLine) return;
  try {
    const reply = await fetch(`${ticket.dataset.ticket}/state`, { headers: { accept: "text/plain" } });
    if (reply.ok && (await reply.text()) !== "open") reload();
  } catch {
    // The network is away; the next round asks again.
  }
}

let ticks = 0;
// Once a second: draw the seconds that are left, and ask for the state every ASK_SECONDS.
function tick() {
  const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000));
  number.textContent = String(seconds);
  left.querySelector("span").textContent = String(seconds);
  ring.setAttribute("stroke-dasharray", `${Math.min(90, seconds)} 90`);
  // This device's clock may be wrong: the code is faded here, and the server is still asked what became of it.
  ticket.classList.toggle("over", seconds === 0);
  ended.hidden = seconds > 0;
  if (++ticks % ASK_SECONDS === 0) askState();
}
const clock = setInterval(tick, 1000);
tick();
document.addEventListener("visibilitychange", () => document.hidden || askState());
navigator.wakeLock?.request("screen").catch(() => {});
