// The kiosk: count down to the sign-out. The page signs out without scripts too, by its refresh.
const timer = document.querySelector("[data-seconds]");
const sentence = timer.textContent;
const from = Date.now();
const seconds = Number(timer.dataset.seconds);

setInterval(() => {
  const left = Math.max(0, seconds - Math.floor((Date.now() - from) / 1000));
  timer.textContent = sentence.replace(/\d+/, String(left));
}, 1000);
// Back to a page of somebody who has left: it is loaded again, and asks for a sign-in.
addEventListener("pageshow", (event) => event.persisted && location.reload());
