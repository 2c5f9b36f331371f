// Counts what NNI would send to other machines, by NNI's own rules (common/tarball.js): files and bytes as JSON.
//
//     node code_size.js NNI_NODE_FOLDER CODE_FOLDER
'use strict';

const fs = require('fs');
const { createRequire } = require('module');
const path = require('path');

const [nni, root] = process.argv.slice(2);
const ignore = createRequire(path.join(nni, 'main.js'))('ignore');
const file = path.join(root, '.nniignore');
const ignored = ignore().add(fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');
const found = { files: 0, bytes: 0, folders: {} }; // folders: bytes of each entry at the top

(function walk(folder) {
  for (const name of fs.readdirSync(path.join(root, folder))) {
    const entry = path.join(folder, name);
    const stats = fs.lstatSync(path.join(root, entry));
    if (ignored.ignores(entry + (stats.isDirectory() ? path.sep : ''))) continue;
    if (stats.isDirectory()) { walk(entry); continue; }
    found.files += 1;
    found.bytes += stats.size;
    const top = entry.split(path.sep)[0];
    found.folders[top] = (found.folders[top] ?? 0) + stats.size;
  }
})('');

console.log(JSON.stringify(found));
