// The loss of the SSH connection to a host.
'use strict';

const losses = new WeakMap();

// A promise that rejects on loss, and its trigger: NNI's calls to a dead host would wait for ever.
function lossOf(ssh) {
  if (!losses.has(ssh)) {
    let report;
    const promise = new Promise((_, fail) => { report = fail; });
    promise.catch(() => {});
    losses.set(ssh, { promise, report });
  }
  return losses.get(ssh);
}

module.exports = { lossOf };
