// Which NNI program this process is, and how to patch its files as they are loaded.
'use strict';

const fs = require('fs');
const Module = require('module');
const path = require('path');

const TESTED = ['3.0.0'];
const MANAGER = 'main.js';
const KEEPER = path.join('common', 'trial_keeper', 'main.js');

// The manager, or its helper on a remote host; null in any other node program.
function thisProgram() {
  const script = process.argv[1] && fs.existsSync(process.argv[1]) ? fs.realpathSync(process.argv[1]) : '';
  const program = [KEEPER, MANAGER].find(file => script.endsWith(path.join('nni_node', file)));
  if (program === undefined) return null;
  const folder = script.slice(0, -program.length - 1);
  return { folder, isManager: program === MANAGER, argument, afterLoading: patcher(folder) };
}

function argument(name) {
  const index = process.argv.indexOf(`--${name}`);
  return index < 0 ? undefined : process.argv[index + 1];
}

// The patches change NNI's internals: on another version they might miss, unnoticed.
function refuseOtherVersions(nni) {
  const file = path.join(nni.folder, 'package.json');
  const version = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')).version : 'unknown';
  if (!TESTED.includes(version)) {
    throw new Error(`NNI ${version} is not one that SeisNAS was tested on (${TESTED}), so its portal would not be ` +
      'safe; install the right one: pip install nni==3.0');
  }
}

// afterLoading(file, patch, …) calls each patch with the exports of that file of NNI, right after loading it.
function patcher(folder) {
  const patches = new Map();
  const load = Module._extensions['.js'];
  Module._extensions['.js'] = (module, filename) => {
    load(module, filename);
    for (const patch of patches.get(filename) ?? []) patch(module.exports);
  };
  return (file, ...wanted) => patches.set(path.join(folder, file), wanted);
}

module.exports = { refuseOtherVersions, thisProgram };
