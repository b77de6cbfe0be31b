// Additions for browsers with scripts; every page works without them.
// Send a form once, however often its button is tapped; its Idempotency-Key makes the server act once as well.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.part || form.id === "editor") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 3000);
  });
}

// Print the page, or save it as PDF by the browser's dialogue.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    for (const details of document.querySelectorAll("main details")) details.open = true;
    print();
  });
}

// Sorting by distance is loaded after the page, so that it delays nothing that is seen.
if (document.querySelector("[data-nearest]")) import("./nearest.js");

// Delete the passes of this device after signing out or an erasure.
if (document.querySelector("[data-forget-passes]") && globalThis.indexedDB)
  import("./pass_store.js").then(({ deleteAll }) => deleteAll());

// Residents keep one page for times without a network. A kiosk keeps nothing.
if (document.body.classList.contains("resident")) navigator.serviceWorker?.register("/worker.js").catch(() => {});
