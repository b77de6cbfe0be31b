// Show the findings of the publication rules while typing. Without scripts the button requests them.
const form = document.querySelector("#editor");
const findings = document.querySelector("#findings");
const PAUSE_MILLISECONDS = 500;
let timer = 0;
let lastRequest = 0;
// Fields that somebody has changed, and those that the server marked: only they are marked while typing.
const touched = new Set([...form.querySelectorAll("[aria-invalid]")].map((field) => field.id));
const tally = document.querySelector("[data-tally]");

// Say at each touched field what is wrong with it, as the server does after saving.
function markFields() {
  for (const fault of form.querySelectorAll("[data-fault]")) fault.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  for (const link of findings.querySelectorAll(".finding.refused a[href^='#at-']")) {
    const field = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (!field || !touched.has(field.id) || document.getElementById(`fault-${field.id}`)) continue;
    const fault = document.createElement("p");
    fault.className = "error";
    fault.dataset.fault = "";
    fault.id = `fault-${field.id}`;
    fault.textContent = link.closest(".finding").querySelector("p + p").textContent;
    (field.closest("p.line, .affix") ?? field).before(fault);
    field.setAttribute("aria-invalid", "true");
    const hints = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== fault.id);
    field.setAttribute("aria-describedby", [fault.id, ...hints].join(" "));
  }
}

// Request the findings of the form as it is; only the answer to the latest request is shown.
async function showFindings() {
  const request = ++lastRequest;
  try {
    const reply = await fetch(form.dataset.findings, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (!reply.ok || request !== lastRequest) return;
    findings.innerHTML = await reply.text();
    tally.innerHTML = findings.querySelector(".chipline")?.outerHTML ?? "";
    markFields();
  } catch {
    // The next input requests them again; saving does not depend on them.
  }
}

form.addEventListener("input", (event) => {
  touched.add(event.target.id);
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

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#at-'], a[href='#editor']");
  if (link && focusField(link.hash)) event.preventDefault();
});
if (location.hash.startsWith("#at-")) focusField(location.hash);
document.querySelector("#summary")?.focus();

// The step that is filled in now, or else read, is the current one of the strip.
const steps = new Map([...document.querySelectorAll(".strip-nav a")].map((link) => [link.hash.slice(1), link]));

function markStep(current) {
  if (!steps.has(current)) return;
  for (const [id, link] of steps) {
    link.parentElement.classList.toggle("now", id === current);
    if (id === current) link.setAttribute("aria-current", "step");
    else link.removeAttribute("aria-current");
  }
}

const stepOf = (element) => element.closest("[id^='step-']")?.id;
form.addEventListener("focusin", (event) => markStep(stepOf(event.target)));
const reading = new IntersectionObserver((entries) => {
  if (!stepOf(document.activeElement)) markStep(entries.find((entry) => entry.isIntersecting)?.target.id);
}, { rootMargin: "-20% 0px -79% 0px" });
for (const id of steps.keys()) reading.observe(document.getElementById(id));
