// Hosts prove their identity: their keys must be in known_hosts, as for OpenSSH with StrictHostKeyChecking=yes.
'use strict';

const { spawnSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { lossOf } = require('./losses');

const KNOWN_HOSTS = [path.join(os.homedir(), '.ssh', 'known_hosts'), '/etc/ssh/ssh_known_hosts'];
const ALIVE = { keepaliveInterval: 5000, keepaliveCountMax: 3 }; // [ms], [-]: a silent host counts as lost

// ssh2 accepts any key by default: whoever answers at the address would get the code.
function connectVerified(Ssh, { Client }) {
  Ssh.prototype.connect = async function () {
    const { host, port, user, password, sshKeyFile, sshPassphrase } = this.config;
    const known = knownKeys(host, port);
    const secret = sshKeyFile
      ? { privateKey: await fs.promises.readFile(sshKeyFile, 'utf8'), passphrase: sshPassphrase } : { password };
    const client = new Client();
    const ready = new Promise((done, fail) => { client.once('ready', done); client.once('error', fail); });
    client.on('error', error => this.log.error(`${host}:`, error.message)); // unhandled it would end the manager
    client.on('close', () => lossOf(this).report(new Error(`the connection to ${host} is lost`)));
    client.connect({
      host, port, username: user, ...secret, ...ALIVE,
      algorithms: { serverHostKey: algorithms(known) },
      hostVerifier: key => known.some(one => one.key.equals(key)),
    });
    await ready;
    this.client = client;
  };
}

// The keys that known_hosts has for the host; ssh-keygen reads its hashed names and patterns too.
function knownKeys(host, port) {
  const name = port === 22 ? host : `[${host}]:${port}`;
  const lines = KNOWN_HOSTS.flatMap(file => {
    const found = spawnSync('ssh-keygen', ['-F', name, '-f', file], { encoding: 'utf8' });
    return (found.stdout ?? '').split('\n').filter(line => line && !line.startsWith('#'));
  }).map(line => line.split(/\s+/));
  const revoked = new Set(lines.filter(words => words[0] === '@revoked').map(words => words[3]));
  const known = lines
    .filter(words => !words[0].startsWith('@') && !revoked.has(words[2]))
    .map(([, type, key]) => ({ type, key: Buffer.from(key, 'base64') }));
  if (known.length === 0) throw new Error(`${name}: no host key in ${KNOWN_HOSTS[0]}; see docs/several_machines.md`);
  return known;
}

// Requests a key of a known type from the host, as OpenSSH does.
function algorithms(known) {
  const types = known.flatMap(({ type }) => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type]));
  return [...new Set(types)].filter(type => !type.startsWith('sk-'));
}

module.exports = { algorithms, connectVerified, knownKeys };
