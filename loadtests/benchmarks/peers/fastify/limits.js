// Request rates, counted in this process by the minutes of the wall clock.
const RATES = { resident: 300, venue: 6000, address: 60_000 };
const WINDOW_MS = 60_000;

export class RateCounter {
  constructor() {
    this.window = 0;
    this.counts = new Map();
  }

  // Count a request; return undefined when admitted, else the seconds to wait.
  count(rate, caller) {
    const now = Date.now();
    const window = Math.floor(now / WINDOW_MS);
    if (window !== this.window) {
      this.window = window;
      this.counts = new Map();
    }
    const key = `${rate}:${caller}`;
    const count = this.counts.get(key) ?? 0;
    if (count >= RATES[rate]) return Math.ceil(((window + 1) * WINDOW_MS - now) / 1000);
    this.counts.set(key, count + 1);
    return undefined;
  }
}
