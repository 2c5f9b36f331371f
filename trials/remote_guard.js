// Several machines, safely: mends NNI's remote service (training_service/remote_v3) in the manager.
//
//     manager ◄─── one SSH connection a host, its key verified ───► host
//        web page, 127.0.0.1 only                                    keeper ─► trials
//        ◄── keeper's websocket, in a tunnel ── run folders, SFTP ◄──  │
//
// A trial's end is told when its folder has come home, so the tuner, `export` and the report read this machine only.
'use strict';

const { spawnSync } = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const { createRequire } = require('module');
const net = require('net');
const os = require('os');
const path = require('path');
const { promisify } = require('util');

const LOOPBACK = '127.0.0.1';
const KNOWN_HOSTS = [path.join(os.homedir(), '.ssh', 'known_hosts'), '/etc/ssh/ssh_known_hosts'];
const ALIVE = { keepaliveInterval: 5000, keepaliveCountMax: 3 }; // [ms], [-]: a host that says nothing is lost
const REJOIN = 30_000; // [ms] between two tries to reach a lost host
const KEEPER_GUARD = path.join(__dirname, 'keeper_guard.js');
const RESULT = 'result.json'; // of a finished run: vouches for the files beside it, so it is copied last
const LOST = 'host-lost.txt'; // says to the tuner (trials/lost_hosts.py) that the trial itself did not fail

// `afterLoading(file, mend)` calls `mend` with what a file of NNI exports.
function guardRemote(folder, afterLoading) {
  const file = name => path.join('training_service', 'remote_v3', name);
  afterLoading(file('ssh.js'), ({ Ssh }) => connectVerified(Ssh, createRequire(path.join(folder, file('ssh.js')))('ssh2')));
  afterLoading(file('worker.js'), ({ Worker }) => { startThroughTunnel(Worker); installNothing(Worker); });
  afterLoading(file('remote.js'), ({ RemoteTrainingServiceV3: Service }) => {
    bringResultsHome(Service);
    sendTheWinner(Service);
    goOnWithoutLostHosts(Service);
  });
}

// ssh2 takes any key if it is not told otherwise: whoever answers at the address would be sent the code.
function connectVerified(Ssh, { Client }) {
  Ssh.prototype.connect = async function () {
    const { host, port, user, password, sshKeyFile, sshPassphrase } = this.config;
    const known = knownKeys(host, port);
    const secret = sshKeyFile
      ? { privateKey: await fs.promises.readFile(sshKeyFile, 'utf8'), passphrase: sshPassphrase } : { password };
    const client = new Client();
    const ready = new Promise((done, fail) => { client.once('ready', done); client.once('error', fail); });
    client.on('error', error => this.log.error(`${host}:`, error.message)); // unheard it would end the manager
    client.on('close', () => lossOf(this).tell(new Error(`the connection to ${host} is lost`)));
    client.connect({
      host, port, username: user, ...secret, ...ALIVE,
      algorithms: { serverHostKey: algorithms(known) },
      hostVerifier: key => known.some(one => one.key.equals(key)),
    });
    await ready;
    this.client = client;
  };
}

// The keys that known_hosts has for the host; ssh-keygen reads its hashed names and patterns too.
function knownKeys(host, port) {
  const name = port === 22 ? host : `[${host}]:${port}`;
  const lines = KNOWN_HOSTS.flatMap(file => {
    const found = spawnSync('ssh-keygen', ['-F', name, '-f', file], { encoding: 'utf8' });
    return (found.stdout ?? '').split('\n').filter(line => line && !line.startsWith('#'));
  }).map(line => line.split(/\s+/));
  const revoked = new Set(lines.filter(words => words[0] === '@revoked').map(words => words[3]));
  const known = lines
    .filter(words => !words[0].startsWith('@') && !revoked.has(words[2]))
    .map(([, type, key]) => ({ type, key: Buffer.from(key, 'base64') }));
  if (known.length === 0) throw new Error(`${name}: no host key in ${KNOWN_HOSTS[0]}; see docs/several_machines.md`);
  return known;
}

// The host is asked for a key of a type that is known, as OpenSSH does.
function algorithms(known) {
  const types = known.flatMap(({ type }) => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type]));
  return [...new Set(types)].filter(type => !type.startsWith('sk-'));
}

// A promise that fails when the SSH connection is lost: NNI's calls to a dead host would wait for ever.
const losses = new WeakMap();
function lossOf(ssh) {
  if (!losses.has(ssh)) {
    let tell;
    const promise = new Promise((_, fail) => { tell = fail; });
    promise.catch(() => {});
    losses.set(ssh, { promise, tell });
  }
  return losses.get(ssh);
}

// The web page stays on 127.0.0.1: the keeper's websocket comes through the SSH connection, and nothing else does.
function startThroughTunnel(Worker) {
  const { start, stop, launchTrialKeeperDaemon } = Worker.prototype;
  Worker.prototype.start = async function () {
    await Promise.race([start.call(this), lossOf(this.ssh).promise]);
    delete this.env.host; // with it NNI would name a folder on the host as the trial's; ours is the one here
  };
  Worker.prototype.stop = function () {
    return Promise.race([stop.call(this), lossOf(this.ssh).promise]);
  };
  Worker.prototype.launchTrialKeeperDaemon = async function () {
    const folder = `nni-experiments/${global.nni.args.experimentId}`;
    const there = await this.ssh.run(`mkdir -p -m 700 ${folder} && cd ${folder} && pwd`); // holds the tunnel's secret
    const guard = path.posix.join(there, path.basename(KEEPER_GUARD));
    await this.ssh.upload(KEEPER_GUARD, guard);
    const target = `${new URL(this.channelUrl).pathname}?key=${crypto.randomBytes(16).toString('hex')}`;
    const port = await tunnel(this.ssh.client, target, global.nni.args.port);
    this.channelUrl = `ws://${LOOPBACK}:${port}${target}`;
    const python = this.python;
    this.python = `NODE_OPTIONS='--require "${guard}"' ${python}`;
    try {
      await launchTrialKeeperDaemon.call(this);
    } finally {
      this.python = python;
    }
  };
}

// A port on the host's 127.0.0.1 that leads to one websocket of the manager; every other request is cut off.
async function tunnel(client, target, managerPort) {
  const port = await promisify(client.forwardIn.bind(client))(LOOPBACK, 0);
  client.on('tcp connection', (_, accept) => {
    const stream = accept();
    stream.on('error', () => {});
    let head = Buffer.alloc(0);
    stream.on('data', function onData(part) {
      head = Buffer.concat([head, part]);
      const text = head.toString('latin1');
      if (!text.includes('\r\n\r\n') && head.length < 8192) return;
      stream.off('data', onData);
      if (!text.startsWith(`GET ${target} HTTP/1.1\r\n`) || !/^upgrade: websocket\r$/im.test(text)) {
        stream.destroy();
        return;
      }
      const socket = net.connect(managerPort, LOOPBACK);
      socket.on('error', () => stream.destroy());
      stream.on('close', () => socket.destroy());
      socket.write(head);
      stream.pipe(socket).pipe(stream);
    });
  });
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

function bringResultsHome(Service) {
  Service.prototype.onTrialEnd = function (tell) {
    this.emitter.on('trial_stop', async (id, time, code) => {
      const worker = this.workersByTrial.get(id);
      if (!worker) return tell(id, time, code);
      this.workersByTrial.delete(id);
      const home = homeOf(worker, id);
      let problem = this.workers.includes(worker) ? null : `${worker.config.host} was lost`;
      try {
        if (!problem) await fetchFolder(await sftpOf(worker.ssh), remoteOf(worker, id), home);
      } catch (error) {
        problem = `the results could not be fetched from ${worker.config.host}: ${error.message}`;
      }
      if (problem) {
        this.log.error(`Trial ${id}:`, problem);
        fs.mkdirSync(home, { recursive: true });
        fs.writeFileSync(path.join(home, LOST), `${problem}\n`);
      }
      tell(id, time, problem ? null : code);
    });
  };
  const { downloadTrialDirectory } = Service.prototype;
  Service.prototype.downloadTrialDirectory = async function (id) { // the logs of a trial, for the web page
    if (this.workersByTrial.has(id)) return downloadTrialDirectory.call(this, id);
    const root = path.join(global.nni.paths.experimentRoot, 'environments');
    const home = fs.readdirSync(root).map(env => path.join(root, env, 'trials', id)).find(one => fs.existsSync(one));
    if (!home) throw new Error(`nothing was fetched of trial ${id}`);
    return home;
  };
}

// `compress` starts from the run that won `tune`, perhaps on another host: it is laid beside the trial's own folder.
function sendTheWinner(Service) {
  const { sendParameter } = Service.prototype;
  Service.prototype.sendParameter = async function (id, parameter) {
    const worker = this.workersByTrial.get(id);
    const run = JSON.parse(parameter).parameters?.winner?.run;
    const environments = path.join(global.nni.paths.experimentRoot, 'environments') + path.sep;
    if (worker && run && path.resolve(run).startsWith(environments)) {
      worker.winners ??= new Map(); // several trials may want it at once
      if (!worker.winners.has(run)) worker.winners.set(run, sendFolder(worker, path.resolve(run)));
      await worker.winners.get(run);
    }
    return sendParameter.call(this, id, parameter);
  };
}

// NNI counts hosts that are gone, waits for answers they cannot give, and never asks them again.
function goOnWithoutLostHosts(Service) {
  const { createTrial, launchWorker, stopWorker, stop } = Service.prototype;
  Service.prototype.createTrial = function (...args) {
    const worker = this.workersByEnv.get(args[0]);
    return Promise.race([createTrial.apply(this, args), worker ? lossOf(worker.ssh).promise : new Promise(() => {})]);
  };
  Service.prototype.launchWorker = async function (config) {
    const before = this.workers;
    try {
      return await launchWorker.call(this, config);
    } catch (error) {
      const failed = this.workers.find(worker => worker.config === config && !before.includes(worker));
      if (failed) this.stopWorker(failed, false);
      throw error;
    }
  };
  Service.prototype.stopWorker = function (worker, tell) {
    stopWorker.call(this, worker, tell);
    worker.ssh.disconnect();
  };
  Service.prototype.start = async function () {
    await this.server.start();
    const started = await Promise.allSettled(this.config.machineList.map(config => this.launchWorker(config)));
    started.forEach(({ reason }) => { if (reason) this.log.error('Host left out:', reason.message); });
    if (this.workers.length === 0) throw new Error('no host could be reached');
    return this.workers.map(worker => worker.env);
  };
  Service.prototype.restartWorker = async function (lost) {
    this.stopWorker(lost, true);
    while (!this.stopped) {
      try {
        const worker = await this.launchWorker(lost.config);
        for (const name of this.uploadedDirs) {
          await worker.upload(name, path.join(global.nni.paths.experimentRoot, 'tarball', `${name}.tgz`));
        }
        this.log.info(`${lost.config.host} is back`);
        return this.emitEnvUpdate();
      } catch (error) {
        this.log.error(`${lost.config.host} does not come back:`, error.message);
        await new Promise(done => { setTimeout(done, REJOIN).unref(); });
      }
    }
  };
  Service.prototype.stop = function () {
    this.stopped = true;
    return stop.call(this);
  };
}

const homeOf = (worker, id) => path.join(global.nni.paths.experimentRoot, 'environments', worker.envId, 'trials', id);
const remoteOf = (worker, id) => path.posix.join(path.posix.dirname(worker.uploadDir), 'trials', id);

async function sftpOf(ssh) {
  const sftp = await ssh.sftp();
  const calls = ['readdir', 'fastGet', 'fastPut', 'mkdir', 'stat'];
  return Object.fromEntries(calls.map(name => [name, promisify(sftp[name].bind(sftp))]));
}

// Regular files and folders only, by plain names: what a host says must not lead out of the folder here.
async function fetchFolder(sftp, from, to) {
  fs.mkdirSync(to, { recursive: true });
  const entries = await sftp.readdir(from);
  entries.sort((a, b) => (a.filename === RESULT) - (b.filename === RESULT));
  for (const { filename, attrs } of entries) {
    if (/^\.{1,2}$|[/\\]/.test(filename)) throw new Error(`${from}: a file is named ${JSON.stringify(filename)}`);
    const [there, here] = [path.posix.join(from, filename), path.join(to, filename)];
    if (attrs.isDirectory()) await fetchFolder(sftp, there, here);
    else if (attrs.isFile()) await sftp.fastGet(there, here);
  }
}

// The files of a finished run to the host, unless it was made there.
async function sendFolder(worker, run) {
  const sftp = await sftpOf(worker.ssh);
  const to = remoteOf(worker, path.basename(run));
  if (await sftp.stat(path.posix.join(to, RESULT)).then(() => true, () => false)) return;
  await sftp.mkdir(path.posix.dirname(to)).catch(() => {}); // is there, if a trial has run on the host
  await sftp.mkdir(to).catch(() => {});
  const files = fs.readdirSync(run).filter(name => fs.statSync(path.join(run, name)).isFile());
  files.sort((a, b) => (a === RESULT) - (b === RESULT));
  for (const name of files) await sftp.fastPut(path.join(run, name), path.posix.join(to, name));
}

module.exports = {
  guardRemote, connectVerified, knownKeys, algorithms, tunnel, lossOf, bringResultsHome, goOnWithoutLostHosts, fetchFolder,
};
