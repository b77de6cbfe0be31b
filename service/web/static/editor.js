// What the gate says, while somebody writes. Without a script the button asks.
const form = document.querySelector("#editor");
const place = document.querySelector("#findings");
const PAUSE = 500;
let waiting = 0;
let asked = 0;

async function ask() {
  const mine = ++asked;
  try {
    const reply = await fetch(form.dataset.findings, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (reply.ok && mine === asked) place.innerHTML = await reply.text();
  } catch {
    // The next key asks again; saving does not depend on it.
  }
}

form.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(ask, PAUSE);
});
