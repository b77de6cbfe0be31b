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
