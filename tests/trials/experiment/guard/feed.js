// NNI's own server, as it is, and what arrives at its forbidden places of the requests in a file: [method, target, upgrade].
'use strict';

const fs = require('fs');
const net = require('net');
const path = require('path');
require('./prelude');

const arrived = new Set();
require('http-proxy').createProxyServer = () => ({ web(request, response) { arrive('netron', response); } });
const { WsChannelServer } = require('common/command_channel/websocket');
const { RestServer, UnitTestHelpers } = require('rest_server');

let current;
function arrive(place, response) {
  arrived.add(`${place} ${current}`);
  response?.end('arrived');
}

function send([method, target, upgrade], port) {
  const websocket = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
  current = `${method} ${target}`;
  return new Promise(done => {
    let answer = '';
    const end = () => { socket.destroy(); done(answer); };
    const socket = net.connect(port, '127.0.0.1', () => socket.write(
      Buffer.from(`${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${upgrade ? websocket : 'Connection: close\r\n'}\r\n`, 'latin1')));
    socket.on('data', data => { answer += data; if (upgrade) end(); });
    socket.on('error', end).on('close', end).setTimeout(2000, end);
  });
}

async function feed() {
  nni.shutdown.criticalError = error => { throw error; };
  fs.mkdirSync(nni.paths.logDirectory, { recursive: true });
  fs.writeFileSync(path.join(nni.paths.logDirectory, 'secret.log'), 'a secret');
  UnitTestHelpers.setWebuiPath(path.join(__dirname, 'static'));
  WsChannelServer.prototype.handleConnection = (_, socket) => { arrive('tuner'); socket.close(); };
  const api = require('express').Router();
  api.all('/experiment/cluster-metadata', (_, response) => arrive('cluster-metadata', response));
  api.all('/trial-file/:id/:name', ({ params: { name } }, response) => {
    if (!['trial.log', 'stdout', 'stderr'].includes(name)) arrive('trial-file', response);
  });
  nni.rest.registerExpressRouter('/api/v1/nni', api);
  const rest = new RestServer(0, '');
  await rest.start();
  for (const request of JSON.parse(fs.readFileSync(process.env.REQUESTS, 'utf8'))) {
    const answer = await send(request, rest.port);
    if (answer.includes('a secret')) arrive('logs');
  }
  say([...arrived]);
}

feed();
