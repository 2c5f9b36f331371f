// The NNI program that this process is, and the way to mend its files as they are loaded.
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
  return { folder, isManager: program === MANAGER, argument, afterLoading: mender(folder) };
}

function argument(name) {
  const index = process.argv.indexOf(`--${name}`);
  return index < 0 ? undefined : process.argv[index + 1];
}

// The mends reach into NNI's private parts: on another version they might miss, and nobody would notice.
function refuseOtherVersions(nni) {
  const file = path.join(nni.folder, 'package.json');
  const version = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')).version : 'unknown';
  if (!TESTED.includes(version)) {
    throw new Error(`NNI ${version} is not one that SeisNAS was tested on (${TESTED}), so its portal would not be ` +
      'safe; install the right one: pip install nni==3.0');
  }
}

// afterLoading(file, mend, …) calls each mend with what that file of NNI exports, right after it was loaded.
function mender(folder) {
  const mends = new Map();
  const load = Module._extensions['.js'];
  Module._extensions['.js'] = (module, filename) => {
    load(module, filename);
    for (const mend of mends.get(filename) ?? []) mend(module.exports);
  };
  return (file, ...wanted) => mends.set(path.join(folder, file), wanted);
}

module.exports = { refuseOtherVersions, thisProgram };
