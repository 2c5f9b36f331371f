// The allowed addresses: those used by the page, nnictl, our python and the trials, each in one spelling.
//
//     GET /api/v1/nni/trial-jobs?status=RUNNING     canonical, and in a table below ─► NNI
//     GET /netron#    GET //tuner    GET /%74uner   400, whatever Express would make of it
'use strict';

// No escapes, fragments, backslashes, empty segments or dot segments: all parsers agree on such a target.
const CANONICAL = /^(\/(?!\.{1,2}(?:[/?]|$))[\w.,~-]+)*\/?(\?[\w.,&=-]*)?$/;

const ID = '[\\w-]+';
const FILE = '[\\w~-][\\w.,~-]*';

// path (below the URL prefix) → methods
const OPEN = table({
  '(oview|detail|experiment)?': 'GET', // the page
  [`${FILE}\\.(html|ico|png|gif|svg|json|js|map|txt)`]: 'GET',
  [`(static|icons)/(js/|css/|media/)?${FILE}`]: 'GET',
  'logs/(nnimanager|dispatcher)\\.log': 'GET',
  'api/v1/nni/(version|check-status|job-statistics|export-data|experiments-info|experiment-metadata)': 'GET',
  'api/v1/nni/experiment': 'GET PUT DELETE',
  'api/v1/nni/experiment/imported-data': 'GET',
  'api/v1/nni/experiment/import-data': 'POST',
  'api/v1/nni/trial-jobs': 'GET POST',
  [`api/v1/nni/trial-jobs/${ID}`]: 'GET DELETE',
  [`api/v1/nni/trial-file/${ID}/(trial\\.log|stdout|stderr)`]: 'GET',
  [`api/v1/nni/metric-data(-latest|-range/\\d+/\\d+|/${ID})?`]: 'GET',
  'api/v1/nni/tensorboard': 'POST',
  [`api/v1/nni/tensorboard/${ID}`]: 'GET PUT DELETE',
  'api/v1/nni/tensorboard-tasks': 'GET DELETE',
});
// only for processes of our own user on this machine, however widely the portal is open
const OURS = table({
  'api/v1/nni/experiment': 'POST', // nnictl starts the experiment
  [`env/${ID}/${ID}`]: 'GET PUT', // trials get parameters and report metrics
});
// setting cluster metadata ends the manager, netron forwards requests to an outside server
const SWITCHED_OFF = [/\/experiment\/cluster-metadata\/?$/i, /\/netron(\/|$)/i];

const channels = new Set(); // targets of websockets, each with a secret known to one process

function table(routes) {
  return Object.entries(routes).map(([path, methods]) => [new RegExp(`^${path}$`), methods.split(' ')]);
}

// From now on a websocket may be opened at exactly this target.
function openChannel(target) {
  channels.add(target);
}

// [status, reason], or null for an allowed target.  `ours`: the connection is our own user's.
function whyNoTarget({ method, url }, event, prefix, ours) {
  if (event === 'upgrade') return channels.has(url) && ours ? null : [403, 'this websocket is for others'];
  const path = url.split('?')[0];
  const root = prefix === '' ? '/' : `/${prefix}/`;
  if (!CANONICAL.test(url) || !`${path}/`.startsWith(root)) return unknown(path);
  const below = path.slice(root.length);
  const isIn = routes => routes.some(([known, methods]) => known.test(below) && methods.includes(method));
  if (isIn(OPEN)) return null;
  if (!isIn(OURS)) return unknown(path);
  return ours ? null : [403, `${path} is for the user of the experiment`];
}

function unknown(path) {
  if (SWITCHED_OFF.some(off => off.test(unescaped(path)))) return [403, `${path} is switched off`];
  return [400, 'there is no such address'];
}

function unescaped(path) {
  try {
    return decodeURIComponent(path);
  } catch { // a lonely %
    return path;
  }
}

module.exports = { openChannel, whyNoTarget };
