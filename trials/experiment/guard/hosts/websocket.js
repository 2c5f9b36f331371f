// A host's stream and a websocket of the manager: two handshakes, both ours, and only then what either end sends.
//
//     host ── GET target, Upgrade ──► here ── a request of our own ──► manager
//          ◄── 101, an answer of our own ──    ◄── 101, the right Sec-WebSocket-Accept ──
//          ◄────────────────────────── frames ─────────────────────────────►
//
// No byte of HTTP passes from one side to the other, so a host can request nothing else from the manager.
'use strict';

const crypto = require('crypto');
const http = require('http');
const { LOOPBACK } = require('../portal/openings');

const LONGEST = 8192; // bytes of a request's head
const PATIENCE = 10_000; // [ms] for both handshakes
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'; // RFC 6455, 1.3
const KEY = /^[A-Za-z0-9+/]{22}==$/;

// Joins the stream to the websocket `target` of the manager, or ends it.
function joinWebsocket(stream, target, managerPort) {
  const timer = setTimeout(() => stream.destroy(), PATIENCE);
  stream.on('close', () => clearTimeout(timer));
  stream.on('error', () => stream.destroy());
  let head = Buffer.alloc(0);
  stream.on('data', function onData(part) {
    head = Buffer.concat([head, part]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0 && head.length < LONGEST) return;
    stream.off('data', onData);
    stream.pause();
    const key = end < 0 ? null : keyOf(head.toString('latin1', 0, end), target);
    if (key === null) stream.destroy();
    else askManager(stream, target, managerPort, key, head.subarray(end + 4), () => clearTimeout(timer));
  });
}

// Sec-WebSocket-Key of a request that opens the websocket `target`; null if it is any other.
function keyOf(head, target) {
  const [first, ...lines] = head.split('\r\n');
  const headers = new Map();
  for (const line of lines) {
    const [, name, value] = /^([\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || headers.has(name.toLowerCase())) return null;
    headers.set(name.toLowerCase(), value);
  }
  const words = name => (headers.get(name) ?? '').toLowerCase().split(/[ \t]*,[ \t]*/);
  const key = headers.get('sec-websocket-key');
  const isOne = first === `GET ${target} HTTP/1.1` && words('upgrade').includes('websocket') &&
    words('connection').includes('upgrade') && headers.get('sec-websocket-version') === '13' &&
    KEY.test(key) && !headers.has('content-length') && !headers.has('transfer-encoding');
  return isOne ? key : null;
}

function askManager(stream, target, managerPort, key, rest, done) {
  const headers = {
    Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': key,
  };
  const accept = crypto.createHash('sha1').update(key + GUID).digest('base64');
  const request = http.get({ host: LOOPBACK, port: managerPort, path: target, headers, agent: false });
  const give = () => { request.destroy(); stream.destroy(); };
  stream.on('close', () => request.destroy());
  request.on('error', give).on('response', give).on('upgrade', (answer, socket, first) => {
    socket.on('error', give);
    stream.on('close', () => socket.destroy());
    if (answer.headers['sec-websocket-accept'] !== accept || stream.destroyed) {
      socket.destroy();
      give();
      return;
    }
    done();
    stream.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
    stream.write(first);
    socket.write(rest);
    stream.pipe(socket).pipe(stream);
  });
}

module.exports = { joinWebsocket };
