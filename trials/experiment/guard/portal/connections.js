// Who may connect: decided as soon as a connection opens, before any of its data is read.
'use strict';

const http = require('http');
const os = require('os');
const { uidOfPeer } = require('./peer');

const GUESTS = 64; // connections of other allowed users at a time: our own user always gets one
const REFUSED = 64; // refused connections that get a reason at a time, the others are just cut
const GOODBYE = 1000; // [ms] to read why
const TIMES = { // [ms]
  headersTimeout: 10_000, // from the connection, or the first byte of a request, to the end of its head
  requestTimeout: 60_000, // to the end of its body
  keepAliveTimeout: 5000, // between two requests
  connectionsCheckingInterval: 1000,
};

const noted = new Set();
let guests = 0;
let refused = 0;

// Idle and slow connections are not kept.
function limitTimes() {
  const create = http.createServer;
  http.createServer = (...args) => {
    const options = args[0] !== null && typeof args[0] === 'object' ? args.shift() : {};
    return create({ ...TIMES, ...options }, ...args);
  };
}

// Whether the connection may stay; if not, it gets a reason and is cut.
function admit(socket, opened) {
  socket.uid = uidOfPeer(socket); // now: the client may close its end soon
  const reason = whyNot(socket, opened);
  if (reason !== null) {
    cut(socket, reason);
    return false;
  }
  if (isOurs(socket)) return true;
  if (guests >= GUESTS) {
    socket.destroy();
    return false;
  }
  guests += 1;
  socket.once('close', () => { guests -= 1; });
  return true;
}

// Linux only: other systems have no such table, so users of the machine cannot be distinguished.
function isOurs(socket) {
  return process.platform !== 'linux' || socket.uid === process.getuid();
}

function whyNot(socket, opened) {
  if (process.platform !== 'linux' || opened.uids.has(socket.uid)) return null;
  if (socket.uid !== null) return `user ${socket.uid} of this machine is not allowed (SEISNAS_PORTAL_UIDS)`;
  return opened.local || isHere(socket.remoteAddress) ? 'the user of this connection is unknown' : null;
}

function isHere(address) {
  const interfaces = Object.values(os.networkInterfaces()).flat();
  return address === undefined || interfaces.some(one => one.address === address.replace('::ffff:', ''));
}

function cut(socket, reason) {
  note(reason);
  socket.on('error', () => {});
  if (refused >= REFUSED) {
    socket.destroy();
    return;
  }
  refused += 1;
  socket.once('close', () => { refused -= 1; });
  socket.end(`HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n${reason}\n`);
  setTimeout(() => socket.destroy(), GOODBYE);
}

// Logs each reason once.
function note(reason) {
  if (noted.size >= 100 || noted.has(reason)) return;
  noted.add(reason);
  console.error(`SeisNAS guard refused: ${reason}`);
}

module.exports = { admit, isOurs, limitTimes, note };
