// What the manager does on request: fixes of NNI's class NNIManager.
'use strict';

// A second POST /experiment would start a tuner of the sender's choice.
function startOnce({ NNIManager }) {
  const running = new WeakSet();
  for (const name of ['startExperiment', 'resumeExperiment']) {
    const start = NNIManager.prototype[name];
    NNIManager.prototype[name] = async function (...args) {
      if (running.has(this)) throw new Error('refused: the experiment has been started');
      running.add(this);
      return start.apply(this, args);
    };
  }
}

// NNI's JSON reader makes Python objects, even pickled ones, from {"__nni_type__": …} and the like.  Neither requests
// to the portal nor a trial's metric may contain such a key.
function refuseObjects({ NNIManager }) {
  const refuse = (name, textOf) => {
    const method = NNIManager.prototype[name];
    NNIManager.prototype[name] = async function (...args) {
      if (holdsObjects(textOf(...args))) throw new Error('refused: names that start with two underscores');
      return method.apply(this, args);
    };
  };
  refuse('addCustomizedTrialJob', parameters => parameters);
  refuse('importData', trials => trials);
  refuse('updateExperimentProfile', profile => JSON.stringify(profile));

  const receive = NNIManager.prototype.onTrialJobMetrics;
  NNIManager.prototype.onTrialJobMetrics = async function (metric) {
    const smuggles = holdsObjects(JSON.stringify(metric.data));
    if (!smuggles && isJson(metric.data)) return receive.call(this, metric);
    const reason = smuggles ? 'with names that start with two underscores' : 'that is no JSON';
    console.error(`SeisNAS guard refused: a metric of trial ${metric.id} ${reason}`);
  };
}

// NNI ends the experiment when a metric is invalid.
function isJson(data) {
  try {
    return typeof data !== 'string' || typeof JSON.parse(data) === 'object';
  } catch {
    return false;
  }
}

// JSON text may contain JSON text, so escapes are undone until none is left: \\\"\\u005f_nni_type__\\\" → "__nni_type__"
function holdsObjects(text) {
  let plain = text ?? '';
  for (let before = ''; before !== plain;) {
    before = plain;
    plain = plain.replace(/\\+u([0-9a-f]{4})/gi, (_, code) => String.fromCharCode(parseInt(code, 16)));
  }
  return plain.replaceAll('\\', '').includes('"__');
}

// NNI counts from the unfinished trials only: after a resume two trials could have the number 0.
function continueNumbers({ NNIManager }) {
  const recover = NNIManager.prototype.addRecoveredTrialJob;
  NNIManager.prototype.addRecoveredTrialJob = function (jobs) {
    const recovered = recover.call(this, jobs);
    this.experimentProfile.nextSequenceId = 1 + Math.max(-1, ...jobs.map(job => job.sequenceId ?? -1));
    return recovered;
  };
}

// NNI records a trial to run again as "ADD_RESUMED", which its next resume does not know: interrupted again before its
// start, the trial would never run and the experiment never end.
function resumeAgain({ NNIDataStore }) {
  const status = NNIDataStore.prototype.getJobStatusByLatestEvent;
  NNIDataStore.prototype.getJobStatusByLatestEvent = function (before, event) {
    return event === 'ADD_RESUMED' ? 'WAITING' : status.call(this, before, event);
  };
}

module.exports = { continueNumbers, refuseObjects, resumeAgain, startOnce };
