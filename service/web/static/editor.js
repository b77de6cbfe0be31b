// Show the findings of the publication rules while typing. Without scripts the button requests them.
const form = document.querySelector("#editor");
const findings = document.querySelector("#findings");
const PAUSE_MILLISECONDS = 500;
let timer = 0;
let lastRequest = 0;

// Request the findings of the form as it is; only the answer to the latest request is shown.
async function showFindings() {
  const request = ++lastRequest;
  try {
    const reply = await fetch(form.dataset.findings, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (reply.ok && request === lastRequest) findings.innerHTML = await reply.text();
  } catch {
    // The next input requests them again; saving does not depend on them.
  }
}

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(showFindings, PAUSE_MILLISECONDS);
});

// Focus the field of a finding, unfolding its section; links of the document's own page come here by their hash.
function focusField(hash) {
  const field = hash.length > 1 && document.getElementById(decodeURIComponent(hash.slice(1)));
  if (!field) return false;
  const section = field.closest("details");
  if (section) section.open = true;
  field.focus();
  return true;
}

findings.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (link && focusField(link.hash)) event.preventDefault();
});
if (location.hash.startsWith("#at-")) focusField(location.hash);
