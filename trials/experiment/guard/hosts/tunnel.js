// How a host reaches the manager: back through the SSH connection, to one websocket only.
//
//     manager 127.0.0.1 ◄── SSH ◄── host 127.0.0.1:PORT ◄── keeper ◄── trials
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { promisify } = require('util');
const { lossOf } = require('./losses');
const { LOOPBACK } = require('../portal/openings');
const { openChannel } = require('../portal/targets');
const { joinWebsocket } = require('./websocket');

// The web page stays on 127.0.0.1: only the keeper's websocket comes through the SSH connection.
function startThroughTunnel(Worker) {
  const { start, stop, launchTrialKeeperDaemon } = Worker.prototype;
  Worker.prototype.start = async function () {
    await Promise.race([start.call(this), lossOf(this.ssh).promise]);
    delete this.env.host; // with it NNI would report a folder on the host as the trial's; ours is here
  };
  Worker.prototype.stop = function () {
    return Promise.race([stop.call(this), lossOf(this.ssh).promise]);
  };
  Worker.prototype.launchTrialKeeperDaemon = async function () {
    const folder = `nni-experiments/${global.nni.args.experimentId}`;
    const there = await this.ssh.run(`mkdir -p -m 700 ${folder} && cd ${folder} && pwd`); // holds the tunnel's secret
    const guard = path.posix.join(there, 'guard');
    await uploadFolder(this.ssh, path.dirname(__dirname), guard);
    const target = `${new URL(this.channelUrl).pathname}?key=${crypto.randomBytes(16).toString('hex')}`;
    openChannel(target);
    const port = await tunnel(this.ssh.client, target, global.nni.args.port);
    this.channelUrl = `ws://${LOOPBACK}:${port}${target}`;
    const python = this.python;
    this.python = `NODE_OPTIONS='--require "${guard}/index.js"' ${python}`;
    try {
      await launchTrialKeeperDaemon.call(this);
    } finally {
      this.python = python;
    }
  };
}

// The JavaScript of a folder, its sub-folders included.
async function uploadFolder(ssh, here, there) {
  await ssh.run(`mkdir -p "${there}"`);
  for (const entry of fs.readdirSync(here, { withFileTypes: true })) {
    const [from, to] = [path.join(here, entry.name), path.posix.join(there, entry.name)];
    if (entry.isDirectory()) await uploadFolder(ssh, from, to);
    else if (entry.name.endsWith('.js')) await ssh.upload(from, to);
  }
}

// A port on the host's 127.0.0.1 that leads to one websocket of the manager; everything else is cut off.
async function tunnel(client, target, managerPort) {
  const port = await promisify(client.forwardIn.bind(client))(LOOPBACK, 0);
  client.on('tcp connection', (_, accept) => joinWebsocket(accept(), target, managerPort));
  return port;
}

// NNI would run `pip install nni --upgrade` in the host's environment at every start.
function installNothing(Worker) {
  const { findPython } = Worker.prototype;
  Worker.prototype.findPython = async function () {
    const run = this.ssh.run;
    this.ssh.run = function (command) {
      return command.endsWith('-m pip install nni --upgrade') ? '' : run.call(this, command);
    };
    return findPython.call(this);
  };
}

module.exports = { installNothing, startThroughTunnel, tunnel };
