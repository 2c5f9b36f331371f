// The table of trials, and one trial in full.
import { byId, data, hue, name } from './data.js';
import { $, command, h } from './dom.js';
import { duration, epochInWords, plain, settingsInWords, three, whole } from './words.js';

let order = { key: 'number', down: false };

const COLUMNS = [
  { key: 'number', title: 'no.', kind: 'number' },
  { key: 'stage', title: 'stage' },
  { key: 'status', title: 'status' },
  { key: 'quality', kind: 'number', text: three },
  { key: 'nonzero', title: 'not zero', kind: 'number roomy', text: whole },
  { key: 'latency_ms', title: 'latency', kind: 'number roomy', text: value => `${plain(value)} ms` },
  { key: 'seconds', title: 'time', kind: 'number roomy', text: duration },
  { key: 'settings', title: 'settings', kind: 'settings roomy', of: settingsInWords },
];

export function trials() {
  const value = (trial, key) => {
    const column = COLUMNS.find(each => each.key === key);
    if (key === 'stage') return data.stages.findIndex(stage => stage.name === trial.stage);
    return column.of ? column.of(trial) : trial[key];
  };
  const sorted = [...data.trials].sort((one, other) => {
    const [a, b] = [value(one, order.key), value(other, order.key)];
    if (a === null || b === null) return (a === null) - (b === null); // at the end, both ways
    return (a < b ? -1 : a > b ? 1 : 0) * (order.down ? -1 : 1);
  });
  const heads = COLUMNS.map(({ key, title, kind }) => h('th', {
    scope: 'col', class: kind ?? '', 'aria-sort': order.key === key ? (order.down ? 'descending' : 'ascending') : 'none',
  }, h('button', { type: 'button', id: `sort-${key}`, onclick: () => sortBy(key) }, title ?? data.quality.name)));
  const rows = sorted.map(trial => h('tr', { onclick: () => detail(trial.id) }, ...COLUMNS.map(column => cell(trial, column))));
  const focused = document.activeElement?.id;
  $('trials').replaceChildren(h('thead', {}, h('tr', {}, ...heads)), h('tbody', {}, ...rows));
  $('trials').hidden = rows.length === 0;
  if (focused) $(focused)?.focus({ preventScroll: true });
}

function cell(trial, { key, kind, text, of }) {
  if (key === 'number') return h('td', { class: kind }, opener(trial, `${trial.number ?? trial.id}`, `open-${trial.id}`));
  if (key === 'stage') return h('td', { class: hue(trial) }, h('span', { class: 'stage' }, trial.stage ?? 'by hand'));
  if (key === 'status') return h('td', { class: trial.status === 'failed' ? 'failed' : '' }, trial.status);
  const value = of ? of(trial) : trial[key];
  return h('td', { class: kind ?? '' }, value === null ? '' : (text ?? String)(value));
}

export const opener = (trial, words, id = null) => h('button', { type: 'button', class: 'open', id, onclick: event => {
  event.stopPropagation();
  detail(trial.id);
} }, words);

function sortBy(key) {
  const falling = ['quality', 'nonzero', 'latency_ms', 'seconds'].includes(key); // at the first click
  order = { key, down: order.key === key ? !order.down : falling };
  trials();
}

export function detail(id) {
  const trial = byId(id);
  const facts = [
    ['status', trial.status], ['started', trial.started && new Date(trial.started * 1000).toLocaleTimeString('en-GB')],
    ['time', trial.seconds && duration(trial.seconds)],
    ['epochs', trial.epochs.length && `${trial.epochs.length}${trial.epochs_planned ? ` of ${trial.epochs_planned}` : ''}`],
    [data.quality.name, trial.quality !== null && three(trial.quality)],
    ['score', trial.score !== null && `${trial.score.toFixed(4)}${trial.stage === 'compress' ? ', which counts the size too' : ''}`],
    ['velocity SSIM', trial.velocity_ssim !== null && three(trial.velocity_ssim)],
    ['correlation', trial.correlation !== null && three(trial.correlation)],
    ['parameters', trial.parameters && `${whole(trial.nonzero)} of ${whole(trial.parameters)} not zero`],
    ['latency', trial.latency_ms !== null && `${plain(trial.latency_ms)} ms an image`],
    ...Object.entries(trial.settings).map(([path, value]) => [h('code', {}, path), plain(value)]),
    ['folder', trial.folder ?? 'not on this machine'],
  ];
  const list = h('dl', {}, ...facts.filter(([, value]) => value).flatMap(([title, value]) => [h('dt', {}, title), h('dd', {}, value)]));
  const close = h('button', { type: 'button', onclick: () => $('detail').close() }, 'Close');
  const file = trial.pictures.at(-1);
  $('detail').replaceChildren(
    h('div', { class: 'head' }, h('h2', { id: 'detail-title' }, `${name(trial)}, ${trial.stage ?? 'added by hand'}`), close),
    ...(trial.said ? [h('pre', {}, trial.said)] : []),
    list,
    ...(file ? [h('img', { src: `pictures/${trial.id}/${file}`, alt: `Truth, prediction and difference, ${epochInWords(file)}` })] : []),
    ...(trial.export ? command(trial.export) : []),
    ...(trial.searched.length > 1 ? others(trial) : []),
  );
  if (!$('detail').open) $('detail').showModal();
}

// The front of a search with several objectives; the trial goes on with the first.
function others(trial) {
  const points = trial.searched.map(point => h('li', {},
    `${data.quality.name} ${three(point.quality)}, ${whole(point.parameters)} parameters, ${plain(point.latency_ms)} ms`,
    ...command(point.tune)));
  return [h('h3', {}, 'Its front: train another point in full'), h('ol', { class: 'front' }, ...points)];
}

$('detail').addEventListener('click', event => {
  if (event.target === $('detail')) $('detail').close(); // beside it
});
