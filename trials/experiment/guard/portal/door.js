// Access control: every connection, HTTP request and websocket is checked here before NNI sees it.
//
//     our user ─ from this machine ─ by a name we know ─ from our own page ─ to an address there is ──► NNI
//       uid         /proc/net/tcp         Host             Origin, Sec-Fetch     targets.js           else 403, 400
'use strict';

const http = require('http');
const { admit, isOurs, limitTimes, note } = require('./connections');
const { answerFailures, inCourseOf } = require('./failures');
const { whyNoTarget } = require('./targets');

const HEADERS = {
  // the page loads nothing from elsewhere and cannot be framed by other sites
  'Content-Security-Policy': "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; " +
    "img-src 'self' data:; font-src 'self' data:; worker-src 'self' blob:; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};
const STATUS = { 400: 'Bad Request', 403: 'Forbidden' };

const answers = []; // each: (request, response) → whether it has answered instead of NNI

function addAnswer(answer) {
  answers.push(answer);
}

// `prefix`: the path below which NNI serves everything, without slashes around it.
function guardDoor(opened, prefix = '') {
  limitTimes();
  answerFailures();
  const emit = http.Server.prototype.emit;
  http.Server.prototype.emit = function (event, first, second) {
    if (event === 'connection' && !admit(first, opened)) return true;
    if (event !== 'request' && event !== 'upgrade') return emit.apply(this, arguments);
    const refusal = whyNot(first, event, opened, prefix);
    if (refusal !== null) return refuse(event, second, ...refusal);
    if (event === 'upgrade') return emit.apply(this, arguments);
    for (const [name, value] of Object.entries(HEADERS)) second.setHeader(name, value);
    const handle = () => answers.some(answer => answer(first, second)) || emit.apply(this, arguments);
    return inCourseOf(first, second, handle);
  };
}

function refuse(event, peer, status, reason) {
  note(reason);
  const headers = { 'Content-Type': 'text/plain', Connection: 'close' };
  if (event === 'request') peer.writeHead(status, headers).end(`${reason}\n`);
  else peer.end(`HTTP/1.1 ${status} ${STATUS[status]}\r\nConnection: close\r\n\r\n`);
  return true;
}

// [status, reason] or null
function whyNot(request, event, opened, prefix) {
  const reason = host(request, opened) ?? origin(request);
  return reason === null ? whyNoTarget(request, event, prefix, isOurs(request.socket)) : [403, reason];
}

// evil.example can resolve to 127.0.0.1, and its page then has the portal's own origin.
function host(request, opened) {
  const name = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
  return opened.hosts.has(name) ? null : `host ${name} is not allowed (SEISNAS_PORTAL_HOSTS)`;
}

// Any page in the user's browser can send requests here, and websockets have no same-origin rule.
function origin(request) {
  const { host: here, origin: page, 'sec-fetch-site': site, 'sec-fetch-mode': mode } = request.headers;
  if (page !== undefined && page.replace(/^https?:\/\//, '') !== here) return `origin ${page} is not allowed`;
  const followed = request.method === 'GET' && mode === 'navigate'; // a link or a bookmark
  if (!followed && (site === 'cross-site' || site === 'same-site')) return 'a request of another page is not allowed';
  return null;
}

module.exports = { addAnswer, guardDoor };
