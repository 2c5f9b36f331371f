// A training service that starts trials when told, and lets them ask for their parameters in any order.
'use strict';

const { V3asV1 } = require('training_service/v3/compat');
const service = new V3asV1({ platform: 'local', trialCommand: 'true', trialCodeDirectory: '.' });
const on = {};
const given = {};
global.refusals = 0;
service.v3 = {
  init() {}, uploadDirectory() {}, async start() { return [{ id: 'local-env' }]; }, async stopTrial() {},
  onRequestParameter(listener) { on.ask = listener; }, onMetric(listener) { on.metric = listener; },
  onTrialStart(listener) { on.start = listener; },
  onTrialEnd(listener) { on.end = listener; }, onEnvironmentUpdate() {},
  async createTrial(environment, command, code, number, id = `made${number}`) { return global.refusals-- > 0 ? null : id; },
  sendParameter(id, parameters) { given[id] = parameters; }, async downloadTrialDirectory(id) { return `/tmp/${id}`; },
};
const form = (number, more) => ({ sequenceId: number, hyperParameters: { value: `p${number}`, index: 0 }, ...more });
const begin = number => service.submitTrialJob(form(number));

Object.assign(global, { begin, form, given, on, service });
