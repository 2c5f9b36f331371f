// The trials of NNI's keeper on a host: none outlives it.
'use strict';

const childProcess = require('child_process');
const path = require('path');
const { endMarked } = require('../running/processes');

const MARK = 'SEISNAS_KEEPER'; // inherited by the trials: folder of their experiment and environment

// A keeper that ends because its manager has gone ends its trials.
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

// A killed keeper cannot: the next one of the same experiment and environment does.
function endTrialsOfKilledKeeper() {
  const mark = path.dirname(process.argv[2] ?? ''); // nni-experiments/ID/environments/ENV
  endMarked(`${MARK}=${mark}`);
  process.env[MARK] = mark;
}

module.exports = { endTrialsOfKilledKeeper, endTrialsWithKeeper };
