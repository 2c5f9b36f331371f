// The manager and its dispatcher, the process in which the tuner runs.
//
//     manager ── NNI_TUNER_COMMAND_CHANNEL=ws://localhost:8080/tuner?token=… ──► dispatcher
//        ▲                                                                           │
//        └───────────────────────── websocket, with the token ───────────────────────┘
'use strict';

const crypto = require('crypto');
const { addCheck, pathOf } = require('./door');

// What comes through this websocket is started as a trial: only the process that was given the token may use it.
function admitOurDispatcherOnly(nni) {
  if (nni.argument('tuner-command-channel') !== undefined) return; // Python's NNI brings a tuner of its own
  const token = crypto.randomBytes(16).toString('hex');
  addCheck((request, event) => {
    if (event !== 'upgrade' || !/\/tuner(\/|$)/i.test(pathOf(request))) return null;
    const given = new URLSearchParams(request.url.split('?')[1]).get('token');
    return given === token ? null : 'this is not the dispatcher that we have started';
  });
  nni.afterLoading('common/utils.js', exports => {
    const start = exports.getTunerProc;
    exports.getTunerProc = (command, stdio, folder, environment, ...rest) => {
      const channel = environment.NNI_TUNER_COMMAND_CHANNEL;
      const given = channel ? { ...environment, NNI_TUNER_COMMAND_CHANNEL: `${channel}?token=${token}` } : environment;
      return start(command, stdio, folder, given, ...rest);
    };
  });
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
