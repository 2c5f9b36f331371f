// NNI's servers listen on every interface and ask for no password: whoever reaches them can start commands.
'use strict';

const net = require('net');
const { LOOPBACK } = require('./openings');

const ANY = '0.0.0.0'; // loopback too
const listen = net.Server.prototype.listen;

function listenOn(address) {
  net.Server.prototype.listen = function (...args) {
    const first = args[0];
    if (first !== null && typeof first === 'object') {
      if ('port' in first) args[0] = { ...first, host: address };
    } else if (typeof first === 'number' || /^\d+$/.test(first)) {
      if (typeof args[1] === 'string') args[1] = address;
      else args.splice(1, 0, address);
    } else if (typeof first !== 'string') { // no port given: any free one
      args.unshift(0, address);
    }
    if (![ANY, LOOPBACK].includes(address)) this.once('listening', () => alsoOnLoopback(this));
    return listen.apply(this, args);
  };
}

// nnictl, the tuner and the trials connect to localhost, wherever else the portal listens.
function alsoOnLoopback(server) {
  const second = net.createServer({ allowHalfOpen: true }, socket => server.emit('connection', socket));
  second.on('error', error => server.emit('error', error));
  server.once('close', () => second.close());
  listen.call(second, server.address().port, LOOPBACK);
}

module.exports = { listenOn };
