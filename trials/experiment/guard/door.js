// Who is let in: every HTTP request and websocket is checked here before NNI sees it.
//
//     our user ─ from this machine ─ by a name we know ─ from our own page ─ to an open route ──► NNI
//       uid         /proc/net/tcp         Host             Origin, Sec-Fetch                       else 403
'use strict';

const http = require('http');
const { uidOfPeer } = require('./peer');

// setting cluster metadata ends the manager, netron hands requests on to a server outside
const CLOSED = [/\/experiment\/cluster-metadata\/?$/i, /\/netron(\/|$)/i];

const HEADERS = {
  // the page loads nothing from elsewhere and cannot be framed by others
  'Content-Security-Policy': "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; " +
    "img-src 'self' data:; font-src 'self' data:; worker-src 'self' blob:; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};

const checks = []; // each: (request, event) → why not, or null
const answers = []; // each: (request, response) → whether it has answered in NNI's place
const told = new Set();

function addCheck(check) {
  checks.push(check);
}

function addAnswer(answer) {
  answers.push(answer);
}

function guardDoor(opened) {
  addCheck(request => user(request, opened));
  addCheck(request => host(request, opened));
  addCheck(origin);
  addCheck(route);
  const emit = http.Server.prototype.emit;
  http.Server.prototype.emit = function (event, first, second) {
    if (event === 'connection') first.uid = uidOfPeer(first); // now: the client may close its end soon
    if (event !== 'request' && event !== 'upgrade') return emit.apply(this, arguments);
    const reason = whyNot(first, event);
    if (reason !== null) return refuse(event, second, reason);
    if (event === 'upgrade') return emit.apply(this, arguments);
    for (const [name, value] of Object.entries(HEADERS)) second.setHeader(name, value);
    return answers.some(answer => answer(first, second)) || emit.apply(this, arguments);
  };
}

function refuse(event, peer, reason) {
  if (told.size < 100 && !told.has(reason)) {
    told.add(reason);
    console.error(`SeisNAS guard refused: ${reason}`);
  }
  if (event === 'request') peer.writeHead(403, { 'Content-Type': 'text/plain', Connection: 'close' }).end(`${reason}\n`);
  else peer.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
  return true;
}

function whyNot(request, event) {
  for (const check of checks) {
    const reason = check(request, event);
    if (reason !== null) return reason;
  }
  return null;
}

// Linux only: elsewhere there is no table, and other users of the machine are not told apart.
function user(request, opened) {
  const uid = request.socket.uid;
  if (process.platform !== 'linux' || opened.uids.has(uid)) return null;
  if (uid === null) return opened.local ? 'the user of this connection is unknown' : null;
  return `user ${uid} of this machine is not allowed (SEISNAS_PORTAL_UIDS)`;
}

// A page of evil.example may have that name point to 127.0.0.1 and then be of the portal's own origin.
function host(request, opened) {
  const name = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
  return opened.hosts.has(name) ? null : `host ${name} is not allowed (SEISNAS_PORTAL_HOSTS)`;
}

// Any page in the user's browser can send requests here, and websockets know no same-origin rule.
function origin(request) {
  const { host: here, origin: page, 'sec-fetch-site': site, 'sec-fetch-mode': mode } = request.headers;
  if (page !== undefined && page.replace(/^https?:\/\//, '') !== here) return `origin ${page} is not allowed`;
  const followed = request.method === 'GET' && mode === 'navigate'; // a link or a bookmark
  if (!followed && (site === 'cross-site' || site === 'same-site')) return 'a request of another page is not allowed';
  return null;
}

function route(request) {
  const path = pathOf(request);
  return CLOSED.some(closed => closed.test(path)) ? `${path} is switched off` : null;
}

function pathOf(request) {
  const path = request.url.split('?')[0];
  try {
    return decodeURIComponent(path);
  } catch { // a lonely %
    return path;
  }
}

module.exports = { addAnswer, addCheck, guardDoor, pathOf };
