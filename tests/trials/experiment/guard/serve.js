// A server in NNI's place, and what it answers to requests: [method, path, headers] each.
'use strict';

const http = require('http');

const server = http.createServer((request, response) => response.end('NNI'));
server.on('upgrade', (request, socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n'));

const status = answer => { answer.resume(); return answer.statusCode; };

async function page(answer) {
  let text = '';
  for await (const data of answer) text += data;
  return [text, answer.headers['content-security-policy']];
}

function ask([method, path, given], read) {
  const { port } = server.address();
  const headers = { Host: `localhost:${port}`, ...given };
  for (const name in headers) headers[name] = headers[name].replace('PORT', port);
  return new Promise(done => {
    const request = http.request({ host: '127.0.0.1', port, method, path, headers });
    request.on('response', answer => done(read(answer)));
    request.on('upgrade', (answer, socket) => { socket.destroy(); done(101); });
    request.end();
  });
}

// Prints the answers and ends.
function answer(requests, read = status) {
  server.listen(0, async () => {
    const found = [];
    for (const request of requests) found.push(await ask(request, read));
    console.log(JSON.stringify(found));
    process.exit(0);
  });
}

module.exports = { answer, page };
