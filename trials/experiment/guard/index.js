// Keeps NNI's portal safe and its numbers right.  Node loads this file before NNI's own code:
//
//     NODE_OPTIONS=--require guard/index.js   ─►   node nni_node/main.js                        the manager
//       (set by on_start.py, hosts/tunnel.js) ─►   node nni_node/common/trial_keeper/main.js    its helper on a remote host
//
// In any other node program it does nothing.  One file per concern; the lists below are the table of contents.
//
//     portal/    who reaches the web page, and what they may ask for
//     running/   the tuner, trials, GPUs and TensorBoard of an experiment
//     hosts/     several machines; the keeper is NNI's helper there
'use strict';

const { refuseOtherVersions, thisProgram } = require('./nni');
const { columnsHead, noteManager } = require('./portal/columns');
const { guardDoor } = require('./portal/door');
const { answerThrown, dropBadMessages } = require('./portal/failures');
const { iconsHead } = require('./portal/icons');
const { listenOn } = require('./portal/listening');
const { LOOPBACK, openings } = require('./portal/openings');
const { servePage } = require('./portal/page');
const { admitOurDispatcherOnly, waitForASlowTuner } = require('./running/dispatcher');
const { continueNumbers, refuseObjects, resumeAgain, startOnce } = require('./running/experiment');
const { allowWholeGpus, collectGpusOneAtATime } = require('./running/gpus');
const processes = require('./running/processes');
const { sayRunning, showTheBudgets } = require('./running/shown');
const tensorboard = require('./running/tensorboard');
const trials = require('./running/trials');
const keeper = require('./hosts/keeper');
const { guardRemote } = require('./hosts/remote');

function guardManager(nni) {
  const opened = openings(process.env);
  listenOn(opened.address);
  guardDoor(opened, nni.argument('url-prefix'));
  admitOurDispatcherOnly(nni);
  nni.afterLoading('rest_server/restHandler.js', answerThrown);
  nni.afterLoading('common/command_channel/websocket/connection.js', dropBadMessages);
  servePage(nni, iconsHead, columnsHead);

  processes.keepFilesPrivate(nni);
  processes.putOurPythonFirst(nni);
  if (nni.argument('action') === 'resume') processes.endOrphans(nni);
  processes.markChildren(nni);
  processes.letThreadsRest();

  nni.afterLoading('core/tuner_command_channel.js', waitForASlowTuner);
  nni.afterLoading('core/nniDataStore.js', resumeAgain);
  nni.afterLoading('core/nnimanager.js', startOnce, refuseObjects, continueNumbers, sayRunning,
    showTheBudgets, noteManager);
  nni.afterLoading('extensions/nniTensorboardManager.js', tensorboard.serveOnLoopback);
  nni.afterLoading('training_service/v3/compat.js', trials.giveEachItsOwnParameters, trials.tellHowItEnded,
    trials.showOnlyItsLogs, tensorboard.showTheTrialsOwnFolder);
  guardGpus(nni);
  guardRemote(nni);
  for (const warning of opened.warnings) console.error(`SeisNAS guard: ${warning}`);
  console.log(`SeisNAS guard in force: NNI's portal listens on ${opened.address}`);
}

function guardKeeper(nni) {
  listenOn(LOOPBACK);
  guardDoor(openings({}));
  processes.keepNewFilesPrivate();
  processes.letThreadsRest();
  keeper.endTrialsOfKilledKeeper();
  keeper.endTrialsWithKeeper();
  guardGpus(nni);
}

function guardGpus(nni) {
  nni.afterLoading('common/trial_keeper/task_scheduler/collect_info.js', collectGpusOneAtATime);
  nni.afterLoading('common/trial_keeper/task_scheduler/scheduler.js', allowWholeGpus);
}

const nni = thisProgram();
const done = Symbol.for('SeisNAS guard'); // another checkout's guard may be required too: the first one counts
if (nni !== null && !global[done]) {
  global[done] = true;
  try {
    refuseOtherVersions(nni);
    if (nni.isManager) guardManager(nni);
    else guardKeeper(nni);
  } catch (error) {
    console.error(`SeisNAS guard: ${error.message}`);
    process.exit(1);
  }
}
