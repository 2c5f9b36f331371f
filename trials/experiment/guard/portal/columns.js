// What the portal shows of the trials at first: in the table the stage of each, in the tab of the hyper-parameters the
// settings of one stage, the latest.  NNI would show no stage, and an axis for every setting and score of all stages.
//
//     localStorage of the browser: ID_columns, ID_paraColumns     where NNI's page keeps what the user has chosen there
'use strict';

const COLUMNS = ['sequenceId', 'id', 'duration', 'status', 'latestAccuracy', 'space/stage'];
const SCORES = ['default', 'ssim', 'hit_5', 'nonzero'];
const EXPIRE = 30 * 24 * 3600 * 1000; // [ms] as NNI

let manager = null;

function noteManager({ NNIManager }) {
  for (const name of ['startExperiment', 'resumeExperiment']) {
    const start = NNIManager.prototype[name];
    NNIManager.prototype[name] = function (...args) {
      manager = this;
      return start.apply(this, args);
    };
  }
}

// For the page's head: what stands in for a choice that the user has not made.  Empty without stages.
async function columnsHead() {
  const profile = await manager?.getExperimentProfile();
  const branches = profile?.params?.searchSpace?.stage?._value ?? [];
  if (branches.length === 0) return '';
  const stage = latestStage(await manager.listTrialJobs());
  const branch = branches.find(({ _name }) => _name === stage) ?? branches[0];
  const axes = [...Object.keys(branch).filter(key => key !== '_name'), ...SCORES];
  const chosen = { [`${profile.id}_columns`]: COLUMNS, [`${profile.id}_paraColumns`]: axes };
  return `<script>(${preset})(${JSON.stringify(chosen).replaceAll('<', '\\u003c')}, ${EXPIRE})</script>`;
}

function latestStage(jobs) {
  const numbered = jobs.filter(job => job.hyperParameters?.length).sort((a, b) => a.sequenceId - b.sequenceId);
  return JSON.parse(numbered.at(-1)?.hyperParameters[0] ?? '{}').parameters?.stage?._name;
}

// Runs in the browser, before NNI's code.
function preset(chosen, expire) {
  for (const [key, columns] of Object.entries(chosen)) {
    const kept = JSON.parse(localStorage.getItem(key) ?? '{"seisnas":true}');
    if (!kept.seisnas) continue; // the user's own choice
    const value = JSON.stringify(columns);
    localStorage.setItem(key, JSON.stringify({ value, time: Date.now(), expire, isSelectall: false, seisnas: true }));
  }
}

module.exports = { columnsHead, noteManager };
