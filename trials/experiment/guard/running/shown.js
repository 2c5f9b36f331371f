// What NNI tells of an experiment with stages, over its REST interface: fixes of NNI's class NNIManager.
'use strict';

// The tuner lets NNI wait between two stages, and for the last trials; NNI has words for both that look like an end.
const WAITING = ['NO_MORE_TRIAL', 'TUNER_NO_MORE_TRIAL'];

function sayRunning({ NNIManager }) {
  const status = NNIManager.prototype.getStatus;
  NNIManager.prototype.getStatus = function () {
    const found = status.call(this);
    return WAITING.includes(found.status) ? { ...found, status: 'RUNNING' } : found;
  };
}

// The budgets of the stages end the experiment, not maxTrialNumber: of that one as many trials are shown.  The limit
// itself stays high, because NNI asks for no trial in place of one that is lost once its limit is reached.
function showTheBudgets({ NNIManager }) {
  const profile = NNIManager.prototype.getExperimentProfile;
  NNIManager.prototype.getExperimentProfile = async function () {
    const found = await profile.call(this);
    const budgets = Object.values(found?.params?.tuner?.classArgs?.budgets ?? {});
    if (budgets.length === 0 || !budgets.every(Number.isInteger)) return found;
    const planned = Math.max(budgets.reduce((a, b) => a + b), this.currSubmittedTrialNum);
    const maxTrialNumber = Math.min(planned, found.params.maxTrialNumber ?? Infinity);
    return { ...found, params: { ...found.params, maxTrialNumber } };
  };
}

module.exports = { sayRunning, showTheBudgets };
