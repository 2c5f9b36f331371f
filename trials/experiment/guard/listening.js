// NNI's servers listen on every interface and ask for no password: whoever reaches them can start commands.
'use strict';

const net = require('net');

function listenOn(address) {
  const listen = net.Server.prototype.listen;
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
    return listen.apply(this, args);
  };
}

module.exports = { listenOn };
