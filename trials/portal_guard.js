// Keeps NNI's manager on this machine.  Node loads it before NNI's own code:
//
//     NODE_OPTIONS=--require portal_guard.js   ─►   node nni_node/main.js   (set by portal.py)
//
// In any other node program it does nothing.  One function a concern; `guard` is the list of them.
'use strict';

const fs = require('fs');
const Module = require('module');
const net = require('net');
const path = require('path');
const { guardRemote } = require('./remote_guard.js');

const LOOPBACK = '127.0.0.1';
const MARK = 'SEISNAS_EXPERIMENT';

function guard(manager) {
  listenOnLoopbackOnly();
  keepFilesPrivate(manager);
  putOurPythonFirst(manager);
  if (manager.argument('action') === 'resume') endOrphans(manager);
  markChildren(manager);
  letThreadsRest();
  afterLoading(manager, 'core/tuner_command_channel.js', waitForASlowTuner);
  afterLoading(manager, 'extensions/nniTensorboardManager.js', serveTensorboardOnLoopback);
  afterLoading(manager, 'training_service/v3/compat.js', showTensorboardTheTrialsOwnFolder);
  guardRemote(manager.folder, (file, mend) => afterLoading(manager, file, mend)); // several machines
}

// The manager listens on every interface and asks for no password: whoever reaches it can start commands.
function listenOnLoopbackOnly() {
  const listen = net.Server.prototype.listen;
  net.Server.prototype.listen = function (...args) {
    const first = args[0];
    if (first !== null && typeof first === 'object') {
      if ('port' in first) args[0] = { ...first, host: LOOPBACK };
    } else if (typeof first === 'number' || /^\d+$/.test(first)) {
      if (typeof args[1] === 'string') args[1] = LOOPBACK;
      else args.splice(1, 0, LOOPBACK);
    } else if (typeof first !== 'string') { // no port given: any free one
      args.unshift(0, LOOPBACK);
    }
    return listen.apply(this, args);
  };
}

// Logs, parameters and results are for their owner only.
function keepFilesPrivate(manager) {
  process.umask(0o077);
  fs.chmodSync(path.join(manager.argument('experiments-directory'), manager.argument('experiment-id')), 0o700);
}

// `python` and `tensorboard` in a command are those of the environment that nnictl belongs to.
function putOurPythonFirst(manager) {
  const bin = path.dirname(manager.argument('python-interpreter'));
  process.env.PATH = [bin, process.env.PATH].join(path.delimiter);
}

// By this mark all processes of an experiment are known (processes.py): tuner, trials, TensorBoard.
function markChildren(manager) {
  process.env[MARK] = manager.argument('experiment-id');
}

// A manager that was killed leaves its tuner and its trial behind.  They would connect to this manager in place
// of those that it starts.
function endOrphans(manager) {
  const mark = `${MARK}=${manager.argument('experiment-id')}`;
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

// The trials' threads wait for each other by spinning, by default so long that they starve others on a busy machine.
function letThreadsRest() {
  process.env.GOMP_SPINCOUNT ??= '20000';
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

function serveTensorboardOnLoopback({ NNITensorboardManager }) {
  const command = NNITensorboardManager.prototype.getTensorboardStartCommand;
  NNITensorboardManager.prototype.getTensorboardStartCommand = async function (...args) {
    const words = await command.apply(this, args);
    return words.map(word => word.replace('--bind_all', `--host=${LOOPBACK}`));
  };
}

// NNI looks in a folder that nobody writes to; our trials write `tensorboard/` in their own.
function showTensorboardTheTrialsOwnFolder({ V3asV1 }) {
  V3asV1.prototype.getTrialOutputLocalPath = async function (id) {
    const environment = this.trialJobs[id]?.envId ?? 'local-env';
    return path.join(global.nni.paths.experimentRoot, 'environments', environment, 'trials', id);
  };
}

// Calls `mend` with what a file of NNI exports, right after it was loaded.
function afterLoading(manager, file, mend) {
  const wanted = path.join(manager.folder, file);
  const load = Module._extensions['.js'];
  Module._extensions['.js'] = (module, filename) => {
    load(module, filename);
    if (filename === wanted) mend(module.exports);
  };
}

// The manager that this process is, or null in any other node program.
function thisManager() {
  const script = process.argv[1] ? path.resolve(process.argv[1]) : '';
  if (!script.endsWith(path.join('nni_node', 'main.js'))) return null;
  const argument = name => process.argv[process.argv.indexOf(`--${name}`) + 1];
  return { folder: path.dirname(fs.realpathSync(script)), argument };
}

const manager = thisManager();
if (manager !== null) guard(manager);
