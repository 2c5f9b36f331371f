// Copies run folders between hosts and this machine, by SFTP.
//
//     trial ends on a host ─► its folder is fetched ─► its end is reported  so tuner, export, report only read here
//     compress on a host   ◄─ the folder of the run that won `tune`, perhaps on another host
'use strict';

const fs = require('fs');
const path = require('path');
const { promisify } = require('util');

const RESULT = 'result.json'; // of a finished run: marks it as complete, so it is copied last
const LOST = 'host-lost.txt'; // for the tuner (trials/experiment/tuner/lost_hosts.py): the trial itself did not fail

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

// `compress` starts from the run that won `tune`, perhaps on another host: it is copied beside the trial's own folder.
function sendTheWinner(Service) {
  const { sendParameter } = Service.prototype;
  Service.prototype.sendParameter = async function (id, parameter) {
    const worker = this.workersByTrial.get(id);
    const run = JSON.parse(parameter).parameters?.winner?.run;
    const environments = path.join(global.nni.paths.experimentRoot, 'environments') + path.sep;
    if (worker && run && path.resolve(run).startsWith(environments)) {
      worker.winners ??= new Map(); // several trials may need it at the same time
      if (!worker.winners.has(run)) worker.winners.set(run, sendFolder(worker, path.resolve(run)));
      await worker.winners.get(run);
    }
    return sendParameter.call(this, id, parameter);
  };
}

const homeOf = (worker, id) => path.join(global.nni.paths.experimentRoot, 'environments', worker.envId, 'trials', id);
const remoteOf = (worker, id) => path.posix.join(path.posix.dirname(worker.uploadDir), 'trials', id);

async function sftpOf(ssh) {
  const sftp = await ssh.sftp();
  const calls = ['readdir', 'fastGet', 'fastPut', 'mkdir', 'stat'];
  return Object.fromEntries(calls.map(name => [name, promisify(sftp[name].bind(sftp))]));
}

// Regular files and folders only, by plain names: a host must not be able to write outside the folder here.
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
  await sftp.mkdir(path.posix.dirname(to)).catch(() => {}); // exists if a trial has run on the host
  await sftp.mkdir(to).catch(() => {});
  const files = fs.readdirSync(run).filter(name => fs.statSync(path.join(run, name)).isFile());
  files.sort((a, b) => (a === RESULT) - (b === RESULT));
  for (const name of files) await sftp.fastPut(path.join(run, name), path.posix.join(to, name));
}

module.exports = { bringResultsHome, fetchFolder, sendTheWinner };
