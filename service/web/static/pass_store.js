// Passes and their keys, in this browser's IndexedDB. The private keys cannot be read, by this script neither.
const NAME = "credit-easy-passes";
const [PASSES, REQUESTS] = ["passes", "requests"];
const KEYS = 10;

const result = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

async function open() {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore(PASSES, { autoIncrement: true, keyPath: "id" });
    request.result.createObjectStore(REQUESTS, { keyPath: "where" });
  };
  const database = await result(request);
  database.onversionchange = () => database.close(); // another page deletes it
  return database;
}

// Run `act` on both stores in one transaction; resolve to its result once everything is stored.
async function transact(act) {
  const database = await open();
  try {
    const transaction = database.transaction([PASSES, REQUESTS], "readwrite");
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    const [value] = await Promise.all([act(transaction.objectStore(PASSES), transaction.objectStore(REQUESTS)), done]);
    return value;
  } finally {
    database.close();
  }
}

// All passes that have not ended; those that have are deleted. With an owner, so are those of anybody else who used
// this browser and did not sign out, and their requests.
export const stored = (now, owner) =>
  transact(async (passes, requests) => {
    const isCurrent = (row) => row.until > now && (!owner || row.owner === owner);
    const rows = await result(passes.getAll());
    for (const row of rows) if (!isCurrent(row)) passes.delete(row.id);
    const waiting = owner ? await result(requests.getAllKeys()) : [];
    for (const where of waiting) if (!where.startsWith(`${owner} `)) requests.delete(where);
    return rows.filter(isCurrent);
  });

// Remove a pass and return it; undefined where another page has shown it.
export const take = (id) =>
  transact(async (passes) => {
    const row = await result(passes.get(id));
    passes.delete(id);
    return row;
  });

// The request for passes at `where` that has no answer yet, or a new one with new keys. It is stored before it is sent:
// sent again, the same passes come for the same keys.
export async function requestFor(where) {
  const waiting = await transact((_, requests) => result(requests.get(where)));
  if (waiting) return waiting;
  const pairs = await Promise.all(
    Array.from({ length: KEYS }, () => crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"])),
  );
  const keys = await Promise.all(
    pairs.map(async ({ publicKey }) => {
      const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", publicKey);
      return { kty, crv, x, y };
    }),
  );
  const made = { where, keys, privateKeys: pairs.map((pair) => pair.privateKey), sendAs: crypto.randomUUID() };
  await transact((_, requests) => result(requests.put(made)));
  return made;
}

// End a request that was answered, with the passes of the answer.
export const answered = (where, rows) =>
  transact((passes, requests) => {
    for (const row of rows) passes.add(row);
    requests.delete(where);
  });

export const deleteAll = () => result(indexedDB.deleteDatabase(NAME));
