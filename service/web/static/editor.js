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

// A finding leads to its field, also where that is folded away, and also from the document's own page.
function lead(hash) {
  const field = hash.length > 1 && document.getElementById(decodeURIComponent(hash.slice(1)));
  if (!field) return false;
  const section = field.closest("details");
  if (section) section.open = true;
  field.focus();
  return true;
}

place.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (link && lead(link.hash)) event.preventDefault();
});
if (location.hash.startsWith("#at-")) lead(location.hash);
