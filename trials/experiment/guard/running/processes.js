// The processes that NNI's manager starts, and the files that they and it write.
'use strict';

const fs = require('fs');
const path = require('path');

const MARK = 'SEISNAS_EXPERIMENT';

// Only their owner may read logs, parameters and results.
function keepFilesPrivate(nni) {
  keepNewFilesPrivate();
  fs.chmodSync(path.join(nni.argument('experiments-directory'), nni.argument('experiment-id')), 0o700);
}

function keepNewFilesPrivate() {
  process.umask(0o077);
}

// `python` and `tensorboard` in a command are those of nnictl's environment.
function putOurPythonFirst(nni) {
  const bin = path.dirname(nni.argument('python-interpreter'));
  process.env.PATH = [bin, process.env.PATH].join(path.delimiter);
}

// This mark identifies all processes of an experiment (processes.py): tuner, trials, TensorBoard.
function markChildren(nni) {
  process.env[MARK] = nni.argument('experiment-id');
}

// A killed manager leaves its tuner and its trial behind.  They would connect to this manager instead of its own.
function endOrphans(nni) {
  endMarked(`${MARK}=${nni.argument('experiment-id')}`);
}

// Ends every process that inherited this variable.
function endMarked(mark) {
  const processes = fs.existsSync('/proc') ? fs.readdirSync('/proc').filter(name => /^\d+$/.test(name)) : [];
  for (const id of processes) {
    try {
      const environment = fs.readFileSync(`/proc/${id}/environ`, 'utf8').split('\0');
      if (environment.includes(mark)) process.kill(Number(id), 'SIGKILL');
    } catch {
      // it has ended meanwhile, or is not ours
    }
  }
}

// The trials' threads spin while waiting for each other, by default so long that they starve others on a busy machine.
function letThreadsRest() {
  process.env.GOMP_SPINCOUNT ??= '20000';
}

module.exports = {
  endMarked, endOrphans, keepFilesPrivate, keepNewFilesPrivate, letThreadsRest, markChildren, putOurPythonFirst,
};
