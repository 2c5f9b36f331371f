// The guard on another machine: in NNI's keeper, which starts trials there.  remote_guard.js sends it along.
//
//     NODE_OPTIONS=--require keeper_guard.js   ─►   node nni_node/common/trial_keeper/main.js
'use strict';

const childProcess = require('child_process');
const fs = require('fs');
const net = require('net');
const path = require('path');

const LOOPBACK = '127.0.0.1';
const MARK = 'SEISNAS_KEEPER'; // inherited by the trials: experiment and environment of their keeper

// Trials report to the keeper on this machine; NNI would listen on every interface.
function listenOnLoopbackOnly() {
  const listen = net.Server.prototype.listen;
  net.Server.prototype.listen = function (...args) {
    const callback = args.find(one => typeof one === 'function');
    const port = typeof args[0] === 'object' && args[0] !== null ? args[0].port : args[0];
    return listen.call(this, { port: Number(port) || 0, host: LOOPBACK }, callback);
  };
}

// A keeper that ends, because its manager has gone, takes its trials along.
function endTrialsWithKeeper() {
  const trials = new Set();
  const spawn = childProcess.spawn;
  childProcess.spawn = (...args) => {
    const child = spawn(...args);
    trials.add(child);
    child.on('exit', () => trials.delete(child));
    return child;
  };
  process.on('exit', () => trials.forEach(child => child.kill('SIGKILL')));
}

// A keeper that was killed could not: the next one of the same experiment and environment does.
function endOrphans(mark) {
  const ids = fs.existsSync('/proc') ? fs.readdirSync('/proc').filter(name => /^\d+$/.test(name)) : [];
  for (const id of ids) {
    try {
      const environment = fs.readFileSync(`/proc/${id}/environ`, 'utf8').split('\0');
      if (environment.includes(`${MARK}=${mark}`)) process.kill(Number(id), 'SIGKILL');
    } catch {
      // it has ended meanwhile, or is not ours
    }
  }
}

if ((process.argv[1] ?? '').endsWith(path.join('common', 'trial_keeper', 'main.js'))) {
  delete process.env.NODE_OPTIONS;
  process.umask(0o077);
  const { experimentId, environmentId } = JSON.parse(
    fs.readFileSync(path.join(process.argv[2], 'trial_keeper_config.json'), 'utf8'));
  const mark = `${experimentId}/${environmentId}`;
  endOrphans(mark);
  process.env[MARK] = mark;
  process.env.GOMP_SPINCOUNT ??= '20000'; // trials' threads wait for each other by spinning: not for long
  listenOnLoopbackOnly();
  endTrialsWithKeeper();
}
