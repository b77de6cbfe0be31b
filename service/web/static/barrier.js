// The simulated barrier: plates and their tokens stay in this browser. A field without a name is never sent.
const STORE = "barrier-plates";
const PENDING = "barrier-pending";
const plates = () => JSON.parse(localStorage.getItem(STORE) ?? "{}");
const normal = (plate) => plate.trim().toUpperCase();

const bind = document.querySelector("[data-bind]");
const arrive = document.querySelector("[data-arrive]");
const token = document.querySelector("[data-token]")?.dataset.token;
const byToken = arrive.querySelector("[data-by-token]");
const seen = arrive.querySelector("[data-seen]");

const pending = sessionStorage.getItem(PENDING);
if (token && pending) localStorage.setItem(STORE, JSON.stringify({ ...plates(), [pending]: token }));
sessionStorage.removeItem(PENDING);

arrive.querySelector("[data-by-plate]").hidden = false;
byToken.hidden = true;
seen.value = sessionStorage.getItem("barrier-seen") ?? pending ?? "";
const shown = document.querySelector("[data-plate-shown]");
if (shown) shown.textContent = seen.value;

bind.addEventListener("submit", () => sessionStorage.setItem(PENDING, normal(bind.querySelector("[data-plate]").value)));
arrive.addEventListener("submit", () => {
  sessionStorage.setItem("barrier-seen", normal(seen.value));
  byToken.querySelector("input").value = plates()[normal(seen.value)] ?? "";
});
