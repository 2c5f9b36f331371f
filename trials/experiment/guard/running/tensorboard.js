// TensorBoard, as the portal's button starts it.
'use strict';

const path = require('path');
const { ID } = require('./trials');
const { LOOPBACK } = require('../portal/openings');

function serveOnLoopback({ NNITensorboardManager }) {
  const command = NNITensorboardManager.prototype.getTensorboardStartCommand;
  NNITensorboardManager.prototype.getTensorboardStartCommand = async function (...args) {
    const words = await command.apply(this, args);
    return words.map(word => word.replace('--bind_all', `--host=${LOOPBACK}`));
  };
}

// NNI uses a folder that nothing writes to; our trials write to `tensorboard/` in their own.
function showTheTrialsOwnFolder({ V3asV1 }) {
  V3asV1.prototype.getTrialOutputLocalPath = async function (id) {
    if (!ID.test(id)) throw new Error(`refused: ${id} is no trial`);
    const environment = this.trialJobs[id]?.envId ?? 'local-env';
    return path.join(global.nni.paths.experimentRoot, 'environments', environment, 'trials', id);
  };
}

module.exports = { serveOnLoopback, showTheTrialsOwnFolder };
