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

// A finding leads to its field, also where that is folded away.
place.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  const field = link && document.getElementById(decodeURIComponent(link.hash.slice(1)));
  if (!field) return;
  event.preventDefault();
  const section = field.closest("details");
  if (section) section.open = true;
  field.focus();
});
