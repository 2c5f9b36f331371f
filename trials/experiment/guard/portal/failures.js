// A failure while handling a request becomes its answer, 500, instead of ending the manager.
//
//     request ─► handler ─► throws | rejects | throws later, in a callback ─► 500
//     POST, DELETE /experiment, answered ─► the experiment itself ─► throws ─► the manager ends, as it must
'use strict';

const { AsyncLocalStorage } = require('async_hooks');

const course = new AsyncLocalStorage(); // the request that the current code is handling
const LIFE = /\/api\/v1\/nni\/experiment$/; // POST starts the experiment, which then runs within this request

function inCourseOf(request, response, handle) {
  const { method, url } = request;
  return course.run({ method, url, response }, () => {
    try {
      return handle();
    } catch (error) {
      failed(error);
      return true;
    }
  });
}

function answerFailures() {
  process.on('uncaughtException', failed);
  process.on('unhandledRejection', failed);
}

function failed(error) {
  const request = course.getStore();
  if (request === undefined || (request.response.writableEnded && isLife(request))) {
    console.error(error);
    process.exit(1); // node's default
  }
  console.error(`SeisNAS guard: ${request.method} ${request.url} failed:`, error);
  answer(request.response, error);
}

function isLife({ method, url }) {
  return (method === 'POST' || method === 'DELETE') && LIFE.test(url.split('?')[0]);
}

function answer(response, error) {
  if (response.headersSent) response.destroy();
  else response.writeHead(500, { 'Content-Type': 'text/plain' }).end(`${error?.message ?? error}\n`);
}

// NNI's router does not answer a request whose handler has thrown.
function answerThrown(exports) {
  const create = exports.createRestHandler;
  exports.createRestHandler = () => {
    const router = create();
    router.stack.pop(); // NNI's own, which handles only one kind of error
    return router.use((error, request, response, next) => { // express recognises it by its four parameters
      console.error(`SeisNAS guard: ${request.method} ${request.originalUrl} failed:`, error);
      answer(response, error);
    });
  };
}

// A bad message from a host or the tuner ends its connection, which it may reopen.
function dropBadMessages({ WsConnection }) {
  const handle = WsConnection.prototype.handleMessage;
  WsConnection.prototype.handleMessage = function (...message) {
    try {
      handle.apply(this, message);
    } catch (error) {
      console.error('SeisNAS guard: a message through a websocket failed:', error);
      this.ws.terminate();
    }
  };
}

module.exports = { answerFailures, answerThrown, dropBadMessages, inCourseOf };
