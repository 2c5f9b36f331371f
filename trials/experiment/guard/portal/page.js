// The portal's single page, as NNI has it, with a few lines of ours in its head.
'use strict';

const fs = require('fs');
const path = require('path');
const { addAnswer } = require('./door');

// `heads`: functions that make such lines, or promise to.
function servePage(nni, ...heads) {
  const file = path.join(nni.folder, 'static', 'index.html');
  addAnswer((request, response) => {
    if (!asksForThePage(request)) return false;
    Promise.all(heads.map(head => head())).then(lines => {
      response.setHeader('Content-Type', 'text/html; charset=utf-8');
      response.end(fs.readFileSync(file, 'utf8').replace('<head>', () => `<head>${lines.join('')}`));
    }); // what it throws becomes its answer (failures.js)
    return true;
  });
}

// NNI answers with its single page unless the path is a file or one of these.
function asksForThePage({ method, url, headers }) {
  const place = url.split('?')[0];
  const isPage = !/\/(api|logs|env|platform)\//.test(place) && (!path.posix.extname(place) || place.endsWith('/index.html'));
  return method === 'GET' && isPage && (headers.accept ?? '').includes('text/html');
}

module.exports = { servePage };
