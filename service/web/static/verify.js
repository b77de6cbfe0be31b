// Verifies both transparency logs on the visitor's own device, with WebCrypto: the signature of each checkpoint
// (C2SP signed note, Ed25519), the root computed again from all entries (RFC 6962), and that the log has only grown
// since this browser saw it last. A receipt from a file is checked against the same checkpoint; it is never sent.
import {receiptProblem} from './receipt.js';
import {equal, fromBase64, isConsistent, noteOf, rootOf, sha256, signingKeysOf, toBase64, verifyNote} from './tlog.js';

const SEEN = 'credit-easy-logs-seen', LEAVES_MAX = 65536, TILE = 256, HASH = 32;
const main = document.querySelector('[data-verify]');
const number = (value) => value.toLocaleString(document.documentElement.lang);

/** Show the sentence `name` of an element's [data-say] children, with numbers in its [data-n]. */
function say(element, name, values = {}) {
  for (const sentence of element.querySelectorAll('[data-say]')) sentence.hidden = sentence.dataset.say !== name;
  for (const [key, value] of Object.entries(values))
    for (const place of element.querySelectorAll(`[data-say="${name}"] [data-n="${key}"]`)) place.textContent = number(value);
}

async function fetched(path, kind) {
  const answer = await fetch(path, {cache: 'no-store'});
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return kind === 'bytes' ? new Uint8Array(await answer.arrayBuffer()) : answer[kind]();
}

function seen() {
  try { return JSON.parse(localStorage.getItem(SEEN)) || {}; } catch { return {}; }
}

function remember(all) {
  try { localStorage.setItem(SEEN, JSON.stringify(all)); } catch { /* private windows: the next visit is a first one */ }
}

/** Read the hashes of all entries from the tiles of the lowest level. */
async function leavesOf(log, size) {
  const leaves = [];
  for (let index = 0; index * TILE < size; index++) {
    const width = Math.min(TILE, size - index * TILE);
    const parts = [String(index % 1000).padStart(3, '0')];
    for (let rest = Math.floor(index / 1000); rest; rest = Math.floor(rest / 1000)) parts.unshift('x' + String(rest % 1000).padStart(3, '0'));
    const tile = await fetched(`/log/${log}/tile/0/${parts.join('/')}${width < TILE ? `.p/${width}` : ''}`, 'bytes');
    for (let at = 0; at < width; at++) leaves.push(tile.slice(at * HASH, (at + 1) * HASH));
  }
  return leaves;
}

/** Check one log; return true, false, or null where this browser cannot check the signature. */
async function check(card, log, before) {
  const step = (name) => card.querySelector(`[data-step="${name}"]`);
  const note = noteOf(await fetched(`/log/${log.name}/checkpoint`, 'text'));
  for (const place of card.querySelectorAll('[data-size]')) place.textContent = number(note.size);
  card.querySelector('[data-root]').textContent = toBase64(note.root);
  const signed = await verifyNote(note, signingKeysOf(log));
  say(step('signature'), signed === null ? 'unsupported' : signed ? 'ok' : 'bad');
  let included = true;
  if (note.size <= LEAVES_MAX) {
    included = equal(await rootOf(await leavesOf(log.name, note.size)), note.root);
    say(step('inclusion'), included ? 'ok' : 'bad', {size: note.size});
  } else say(step('inclusion'), 'large', {size: note.size});
  const grown = await hasGrown(log, note, before, step('consistency'));
  return {ok: signed === null ? (included && grown ? null : false) : signed && included && grown, note};
}

async function hasGrown(log, note, before, step) {
  if (!before) { say(step, 'first', {size: note.size}); return true; }
  const isNew = before.origin !== note.origin;
  const ok = isNew ? await isAnnounced(log, note, before) : await isContinued(log, note, before);
  say(step, ok ? isNew ? 'epoch' : 'ok' : 'bad', {old: before.size, size: note.size});
  return ok;
}

/** True if the tree of a note begins with the tree that this browser saw. */
async function isContinued(log, note, before) {
  const old = fromBase64(before.root);
  if (note.size < before.size) return false;
  if (note.size === before.size) return equal(old, note.root);
  if (before.size === 0) return true;
  const {hashes} = await fetched(`/log/${log.name}/proof/consistency?from=${before.size}&to=${note.size}`, 'json');
  return isConsistent(before.size, note.size, old, note.root, hashes.map(fromBase64));
}

/** True if the log says that the epoch seen here ended, signed by its key, and gives up no entry before `first_lost`. */
async function isAnnounced(log, note, before) {
  const ended = log.previous.find((epoch) => noteOf(epoch.checkpoint).origin === before.origin);
  if (!ended) return false;
  const last = noteOf(ended.checkpoint);
  if (await verifyNote(last, [ended.verifier_key]) === false || last.size < before.size) return false;
  if (last.size === before.size && !equal(last.root, fromBase64(before.root))) return false;
  const isLatest = ended === log.previous[log.previous.length - 1];
  return !isLatest || before.size > ended.first_lost || isContinued(log, note, before);
}

async function run() {
  const button = main.querySelector('[data-run]'), verdict = main.querySelector('[data-verdict]');
  button.disabled = true;
  say(verdict, 'running');
  try {
    const logs = (await fetched('/v1/public/logs', 'json')).data, all = seen();
    const results = await Promise.all(logs.map((log) => check(main.querySelector(`[data-log="${log.name}"]`), log, all[log.name])));
    const bad = results.some((result) => result.ok === false);
    // What did not verify is not remembered: the next visit compares with the last good state.
    logs.forEach((log, place) => {
      const {ok, note} = results[place];
      if (ok !== false) all[log.name] = {origin: note.origin, size: note.size, root: toBase64(note.root)};
    });
    remember(all);
    say(verdict, bad ? 'bad' : results.some((result) => result.ok === null) ? 'partly' : 'ok');
  } catch (error) {
    console.info(error);
    say(verdict, 'failed');
  }
  button.disabled = false;
}

async function receipt(file) {
  const place = main.querySelector('[data-receipt]');
  try {
    const [answer, keys, logs] = [JSON.parse(await file.text()), await fetched('/.well-known/jwks.json', 'json'), (await fetched('/v1/public/logs', 'json')).data];
    const problem = await receiptProblem(answer, keys, logs.find((log) => log.name === 'consent'));
    say(place, problem || 'ok');
  } catch (error) {
    console.info(error);
    say(place, 'unreadable');
  }
}

if (main && window.crypto?.subtle) {
  for (const hidden of main.querySelectorAll('[data-scripted]')) hidden.hidden = false;
  for (const plain of main.querySelectorAll('[data-unscripted]')) plain.hidden = true;
  main.querySelector('[data-run]').addEventListener('click', run);
  main.querySelector('[data-file]').addEventListener('change', (event) => event.target.files[0] && receipt(event.target.files[0]));
  sha256(new Uint8Array()).then(run);
}
