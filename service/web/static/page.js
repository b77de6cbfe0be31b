// Additions for browsers with scripts; every page works without them.
// Count down the seconds of a ticket and show when it has expired.
const ticket = document.querySelector("[data-until]");
if (ticket) {
  const left = ticket.querySelector("[data-left]");
  const number = left.querySelector("b");
  const ended = document.querySelector("[data-ended]");
  const until = Date.parse(ticket.dataset.until);
  left.hidden = false;
  const tick = () => {
    const seconds = Math.max(0, Math.round((until - Date.now()) / 1000));
    number.textContent = String(seconds);
    if (seconds === 0) {
      clearInterval(clock);
      ticket.classList.add("over");
      ended.hidden = false;
    }
  };
  const clock = setInterval(tick, 1000);
  tick();
}
// Send a form once, however often its button is tapped; its Idempotency-Key makes the server act once as well.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.part || form.id === "editor") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 3000);
  });
}
