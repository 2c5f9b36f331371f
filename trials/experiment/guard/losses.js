// The moment when the SSH connection to a host is lost.
'use strict';

const losses = new WeakMap();

// A promise that fails then, and what makes it fail: NNI's calls to a dead host would wait for ever.
function lossOf(ssh) {
  if (!losses.has(ssh)) {
    let tell;
    const promise = new Promise((_, fail) => { tell = fail; });
    promise.catch(() => {});
    losses.set(ssh, { promise, tell });
  }
  return losses.get(ssh);
}

module.exports = { lossOf };
