// The manager and its dispatcher, the process in which the tuner runs.
//
//     manager ── NNI_TUNER_COMMAND_CHANNEL=ws://localhost:8080/tuner?token=… ──► dispatcher
//        ▲                                                                           │
//        └───────────────────────── websocket, with the token ───────────────────────┘
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { openChannel } = require('../portal/targets');

const STARTER = path.join(__dirname, 'start_dispatcher.py');
const CONFIGURATION = 'dispatcher.json'; // in the experiment's folder, which others cannot read

// Whoever uses this websocket can start trials: only the process with the token may.
function admitOurDispatcherOnly(nni) {
  const theirs = nni.argument('tuner-command-channel');
  if (theirs !== undefined) { // NNI's Python API brings its own tuner, which has no token
    openChannel(new URL(theirs).pathname);
    return;
  }
  const token = crypto.randomBytes(16).toString('hex');
  const prefix = nni.argument('url-prefix');
  openChannel(`${prefix ? `/${prefix}` : ''}/tuner?token=${token}`);
  nni.afterLoading('common/utils.js', exports => {
    const start = exports.getTunerProc;
    exports.getTunerProc = (command, stdio, folder, environment, ...rest) => {
      const channel = environment.NNI_TUNER_COMMAND_CHANNEL;
      const given = channel ? { ...environment, NNI_TUNER_COMMAND_CHANNEL: `${channel}?token=${token}` } : environment;
      return start(withFile(command), stdio, folder, given, ...rest);
    };
  });
}

// Every user of the machine can read a command line (ps), and NNI puts the experiment's configuration there.
function withFile(command) {
  const place = command.indexOf('--exp_params');
  if (place < 0) return command; // TensorBoard
  const file = path.join(global.nni.paths.experimentRoot, CONFIGURATION);
  fs.writeFileSync(file, Buffer.from(command[place + 1], 'base64'), { mode: 0o600 });
  return [command[0], quoted(STARTER), '--exp_params', quoted(file)];
}

// NNI starts it through a shell.
function quoted(word) {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

// NNI gives the tuner 10 s to connect, too little for Python's imports on a busy machine.
function waitForASlowTuner(exports) {
  const server = exports.getTunerServer();
  server.init = () => {
    const late = new Error('the tuner did not connect in 120 s, see dispatcher.log');
    return new Promise((connected, failed) => {
      const timer = setTimeout(() => failed(late), 120_000);
      server.connect.promise.then(() => { clearTimeout(timer); connected(); }, failed);
    });
  };
}

module.exports = { admitOurDispatcherOnly, waitForASlowTuner };
