// The user at the other end of a connection within this machine, from Linux's table of connections.
//
//       sl  local_address  rem_address    st  …  uid
//        3: 0100007F:D2F0  0100007F:1F90  01  …  1000     ◄── the client's end: its port first, ours second
'use strict';

const fs = require('fs');

const ESTABLISHED = '01'; // in any other state the client may be gone, and the table says 0 (root) for its user
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];

// null if it is not in the table: a client on another machine, or one that has already closed.
function uidOfPeer(socket) {
  const theirs = hex(socket.remoteAddress, socket.remotePort);
  const ours = hex(socket.localAddress, socket.localPort);
  for (const table of TABLES) {
    if (!fs.existsSync(table)) continue;
    for (const line of fs.readFileSync(table, 'latin1').split('\n').slice(1)) {
      const [, local, remote, state, , , , uid] = line.trim().split(/\s+/);
      if (state === ESTABLISHED && local.endsWith(theirs) && remote.endsWith(ours)) return Number(uid);
    }
  }
  return null;
}

// 127.0.0.1, 8080 → 0100007F:1F90; an IPv6 socket that speaks IPv4 has the same end.
function hex(address, port) {
  const bytes = String(address).replace('::ffff:', '').split('.').map(Number);
  return `${Buffer.from(bytes.reverse()).toString('hex')}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}

module.exports = { uidOfPeer };
