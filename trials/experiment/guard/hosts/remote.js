// Several machines: fixes of NNI's remote service (training_service/remote_v3).
//
//     manager ◄── one SSH connection per host, its key verified ──► host
//        web page, 127.0.0.1 only                                    keeper ─► trials
//        ◄── keeper's websocket, in a tunnel ── run folders, SFTP ◄──  │
'use strict';

const { createRequire } = require('module');
const path = require('path');
const { connectVerified } = require('./host_keys');
const { lossOf } = require('./losses');
const { bringResultsHome, sendTheWinner } = require('./run_folders');
const { installNothing, startThroughTunnel } = require('./tunnel');

const REJOIN = 30_000; // [ms] between attempts to reach a lost host

function guardRemote(nni) {
  const ssh2 = createRequire(path.join(nni.folder, 'main.js'));
  nni.afterLoading('training_service/remote_v3/ssh.js', ({ Ssh }) => connectVerified(Ssh, ssh2('ssh2')));
  nni.afterLoading('training_service/remote_v3/worker.js',
    ({ Worker }) => startThroughTunnel(Worker), ({ Worker }) => installNothing(Worker));
  nni.afterLoading('training_service/remote_v3/remote.js', ...[bringResultsHome, sendTheWinner, goOnWithoutLostHosts]
    .map(patch => ({ RemoteTrainingServiceV3 }) => patch(RemoteTrainingServiceV3)));
}

// NNI counts lost hosts, waits for them for ever, and never retries.
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

module.exports = { goOnWithoutLostHosts, guardRemote };
