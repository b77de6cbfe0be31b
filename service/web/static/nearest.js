// Sort lists by the distance from here. The location stays on this device: nothing is sent.
const EARTH_KM = 6371;

// The distance of two points (degrees) on a sphere, by the haversine formula.
function kilometres([lat1, lon1], [lat2, lon2]) {
  const [a, b, c] = [lat1, lat2, lon2 - lon1].map((degrees) => (degrees * Math.PI) / 180);
  const half = Math.sin((b - a) / 2) ** 2 + Math.cos(a) * Math.cos(b) * Math.sin(c / 2) ** 2;
  return 2 * EARTH_KM * Math.asin(Math.sqrt(half));
}

// Sort every list by the nearest point of each row; rows without a point go last, in their order.
function sortFrom(here) {
  const kmText = new Intl.NumberFormat(document.documentElement.lang, {
    style: "unit",
    unit: "kilometer",
    maximumFractionDigits: 1,
  });
  for (const list of document.querySelectorAll("[data-by-distance]")) {
    const rows = [...list.children].map((row) => {
      const points = (row.dataset.geo || "").split(" ").filter(Boolean);
      return { row, km: Math.min(...points.map((point) => kilometres(here, point.split(",").map(Number)))) };
    });
    rows.sort((one, other) => (one.km === other.km ? 0 : one.km - other.km));
    for (const { row, km } of rows) {
      list.append(row);
      if (Number.isFinite(km)) row.querySelector("[data-km]").textContent = kmText.format(km);
    }
  }
}

for (const button of document.querySelectorAll("[data-nearest]")) {
  if (!navigator.geolocation) continue;
  button.hidden = false;
  button.addEventListener("click", () => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        sortFrom([coords.latitude, coords.longitude]);
        button.setAttribute("aria-pressed", "true");
      },
      () => {
        document.querySelector("[data-nowhere]").hidden = false;
      },
    );
  });
}
