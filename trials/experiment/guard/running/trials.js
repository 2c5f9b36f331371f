// How the manager starts, ends and shows trials: fixes of NNI's class V3asV1.
'use strict';

const crypto = require('crypto');
const path = require('path');

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const LOGS = ['trial.log', 'stdout', 'stderr'];
const ID = /^[A-Za-z0-9]+$/;
const PAUSE = 1000; // [ms]

// NNI gives out parameters first come, first served, so two trials may get each other's.  Here a trial's id and its
// parameters are set before it is started.
function giveEachItsOwnParameters({ V3asV1 }) {
  V3asV1.prototype.submitTrialJob = async function (form) {
    await this.startDeferred.promise;
    const id = form.id ?? newId();
    this.allocatedParameters.set(id, form.hyperParameters.value);
    const { environment, submitTime } = await start(this, form, id);
    const seen = this.trialJobs[id] ?? { id, status: 'WAITING', workingDirectory: '_unset_' }; // it may run already
    const url = folderOf(this, environment, id);
    this.trialJobs[id] = Object.assign(seen, { submitTime, form, envId: environment, url });
    return this.trialJobs[id];
  };
}

function newId() {
  return Array.from({ length: 5 }, () => LETTERS[crypto.randomInt(LETTERS.length)]).join('');
}

// Tries until an environment takes the trial: first the one it was in before a resume.
async function start(service, form, id) {
  for (let environment = form.envId ?? service.schedule(); ; environment = service.schedule()) {
    const submitTime = Date.now();
    const begin = () => service.v3.createTrial(environment, service.config.trialCommand, 'trial_code', form.sequenceId, id);
    const taken = environment && await begin().catch(error => console.error('SeisNAS guard: a trial did not start:', error));
    if (taken) return { environment, submitTime };
    await new Promise(done => setTimeout(done, PAUSE)); // NNI would poll for a free GPU without a break
  }
}

function folderOf(service, environment, id) {
  const host = service.environments.find(({ id }) => id === environment)?.host;
  const { experimentRoot } = global.nni.paths;
  const root = host ? `${host}:~/nni-experiments/${global.nni.args.experimentId}` : experimentRoot;
  return path.posix.join(root, 'environments', environment, 'trials', id);
}

// NNI takes a killed trial (out of memory) for one cancelled by the user, and notes too late that the assessor or the
// time limit has ended one.  A trial killed after its final result has succeeded.
function tellHowItEnded({ V3asV1 }) {
  const cancelled = new Set();
  const reported = new Set();
  V3asV1.prototype.cancelTrialJob = async function (id, early) {
    const trial = this.trialJobs[id];
    if (trial === undefined) throw new Error(`there is no trial ${id}`);
    trial.isEarlyStopped = Boolean(early);
    cancelled.add(id);
    await this.v3.stopTrial(id).catch(error => console.error(`SeisNAS guard: trial ${id} was not ended:`, error));
  };
  const begin = V3asV1.prototype.start;
  V3asV1.prototype.start = function () {
    const onTrialEnd = this.v3.onTrialEnd.bind(this.v3);
    const onMetric = this.v3.onMetric.bind(this.v3);
    const KILLED = 137; // as in a shell
    this.v3.onMetric = listener => onMetric((id, metric) => {
      if (JSON.parse(metric).type === 'FINAL') reported.add(id);
      return listener(id, metric);
    });
    this.v3.onTrialEnd = listener => onTrialEnd((id, time, code) => {
      return listener(id, time, reported.has(id) ? 0 : cancelled.has(id) ? null : code ?? KILLED);
    });
    return begin.call(this);
  };
}

// The names come from the portal's address: ..%2f..%2fetc%2fpasswd would be read too.
function showOnlyItsLogs({ V3asV1 }) {
  const read = V3asV1.prototype.getTrialFile;
  V3asV1.prototype.getTrialFile = async function (id, name) {
    if (!ID.test(id) || !LOGS.includes(name)) throw new Error('refused: this is no log of a trial');
    return read.call(this, id, name);
  };
}

module.exports = { ID, giveEachItsOwnParameters, showOnlyItsLogs, tellHowItEnded };
