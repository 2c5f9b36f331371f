// Who may reach the portal besides this user on this machine: nobody, unless the user allows it.
//
//     SEISNAS_PORTAL_ADDRESS   IPv4 address to listen on beside 127.0.0.1 (0.0.0.0: all)
//     SEISNAS_PORTAL_HOSTS     names, separated by commas, under which browsers may ask for it
//     SEISNAS_PORTAL_UIDS      users of this machine, by number, who may connect (a reverse proxy's)
'use strict';

const net = require('net');

const LOOPBACK = '127.0.0.1';

function openings(environment) {
  const address = environment.SEISNAS_PORTAL_ADDRESS || LOOPBACK;
  const names = list(environment.SEISNAS_PORTAL_HOSTS);
  const users = list(environment.SEISNAS_PORTAL_UIDS);
  if (!net.isIPv4(address)) throw new Error(`SEISNAS_PORTAL_ADDRESS=${address} is not an IPv4 address`);
  const wrong = users.find(user => !/^\d+$/.test(user));
  if (wrong !== undefined) throw new Error(`SEISNAS_PORTAL_UIDS: ${wrong} is not the number of a user (id -u NAME)`);
  return {
    address,
    local: address === LOOPBACK,
    hosts: new Set([LOOPBACK, 'localhost', address, ...names.map(name => name.toLowerCase())]),
    uids: new Set([process.getuid?.(), ...users.map(Number)]),
    warnings: warnings(address, users),
  };
}

function list(text) {
  return (text ?? '').split(',').map(word => word.trim()).filter(word => word !== '');
}

function warnings(address, users) {
  const found = [];
  if (address !== LOOPBACK) {
    found.push(`the portal is open on ${address}: it has no password and sends everything in clear text; ` +
      'whoever reaches it can start and stop trials and read every log. ssh -L needs no opening.');
  }
  if (users.length > 0) found.push(`the portal is open to the users ${users} of this machine`);
  return found;
}

module.exports = { LOOPBACK, openings };
