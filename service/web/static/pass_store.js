// Passes and their keys, in this browser's IndexedDB. The private keys cannot be read, by this script neither.
//
// A pass: {id, person, offer, title, venue, key, bytes, until}. A request without an answer: {id, keys, privateKeys,
// idempotencyKey}. `person` is a hash that tells residents of this browser apart. `offer` names benefit, venue and city.
const NAME = "credit-easy-passes";
const VERSION = 2; // of the members above; stores of another version are deleted
const [PASSES, REQUESTS] = ["passes", "requests"];

// The result of an IndexedDB request, as a promise.
const resultOf = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

// Open the database; create its two stores at first.
async function open() {
  const request = indexedDB.open(NAME, VERSION);
  request.onupgradeneeded = () => {
    for (const store of Array.from(request.result.objectStoreNames)) request.result.deleteObjectStore(store);
    request.result.createObjectStore(PASSES, { autoIncrement: true, keyPath: "id" });
    request.result.createObjectStore(REQUESTS, { keyPath: "id" });
  };
  const database = await resultOf(request);
  database.onversionchange = () => database.close(); // another page deletes it
  return database;
}

// Run `work` on both stores in one transaction; resolve to its result once everything is stored.
async function transact(work) {
  const database = await open();
  try {
    const transaction = database.transaction([PASSES, REQUESTS], "readwrite");
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    const [value] = await Promise.all([work(transaction.objectStore(PASSES), transaction.objectStore(REQUESTS)), done]);
    return value;
  } finally {
    database.close();
  }
}

// Return all passes that have not ended; delete those that have. With a person, delete also those of anybody else who
// used this browser and did not sign out, and their requests.
export const listPasses = (now, person) =>
  transact(async (passes, requests) => {
    const isCurrent = (pass) => pass.until > now && (!person || pass.person === person);
    const all = await resultOf(passes.getAll());
    for (const pass of all) if (!isCurrent(pass)) passes.delete(pass.id);
    const waiting = person ? await resultOf(requests.getAllKeys()) : [];
    for (const id of waiting) if (!id.startsWith(`${person} `)) requests.delete(id);
    return all.filter(isCurrent);
  });

// Remove a pass and return it; undefined where another page has shown it.
export const takePass = (id) =>
  transact(async (passes) => {
    const pass = await resultOf(passes.get(id));
    passes.delete(id);
    return pass;
  });

// Return a person's request for passes of an offer that has no answer yet, or a new one with `keyCount` new keys. It is
// stored before it is sent: sent again, the same passes come for the same keys.
export async function openRequest(person, offer, keyCount) {
  const id = `${person} ${offer}`;
  const waiting = await transact((_, requests) => resultOf(requests.get(id)));
  if (waiting) return waiting;
  const pairs = await Promise.all(
    Array.from({ length: keyCount }, () =>
      crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]),
    ),
  );
  const keys = await Promise.all(
    pairs.map(async ({ publicKey }) => {
      const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", publicKey);
      return { kty, crv, x, y };
    }),
  );
  const request = { id, keys, privateKeys: pairs.map((pair) => pair.privateKey), idempotencyKey: crypto.randomUUID() };
  await transact((_, requests) => resultOf(requests.put(request)));
  return request;
}

// End a request that was answered, with the passes of the answer.
export const endRequest = (id, issued) =>
  transact((passes, requests) => {
    for (const pass of issued) passes.add(pass);
    requests.delete(id);
  });

// Delete every pass and request of this browser.
export const deleteAll = () => resultOf(indexedDB.deleteDatabase(NAME));
