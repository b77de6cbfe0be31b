// Keeps one page for times without a network, in both languages, with its files. It stores no page of a person and no
// answer; passes are in IndexedDB, and that page's script reads them there.
const CACHE = 'offline VERSION', PAGES = ['/offline?lang=zh-CN', '/offline?lang=en'], FILES = ['FILES'];
// Without cookies: the answer to `?lang=` would set the language of every later page.
const anonymous = (path) => new Request(path, {credentials: 'omit'});

self.addEventListener('install', (event) => event.waitUntil(
  caches.open(CACHE).then((cache) => cache.addAll([...PAGES, ...FILES].map(anonymous))).then(() => self.skipWaiting())));

self.addEventListener('activate', (event) => event.waitUntil(
  caches.keys().then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))))));

self.addEventListener('fetch', (event) => {
  const {request} = event, path = new URL(request.url).pathname + new URL(request.url).search;
  if (request.mode === 'navigate' && request.method === 'GET') {
    event.respondWith(fetch(request).catch(async () => {
      const wanted = PAGES.includes(path) ? path : PAGES[navigator.language.startsWith('zh') ? 0 : 1];
      return (await caches.match(wanted)) || Response.error();
    }));
  } else if (FILES.includes(path)) {
    event.respondWith(fetch(request).catch(() => caches.match(path).then((stored) => stored || Response.error())));
  }
});
