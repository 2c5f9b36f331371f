// The page: asks for data.json every few seconds and draws what has changed.  Text from the data never becomes markup.
import { curvesChart, frontChart } from './charts.js';

const POLL = { running: 4000, other: 20000 }; // [ms]
const PLAY = 600; // [ms] for a picture

const $ = id => document.getElementById(id);
const drawn = {}; // part of the page → the data it was drawn from
const kept = new Map(); // address → <img>, so that a picture is fetched once
let data = null;
let chosen = null; // trial under the plot of the front; the best one until the user chooses
let shown = { trial: null, index: null }; // in the pictures; null: the newest
let player = null;
let order = { key: 'number', down: false };

function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter(child => child !== null && child !== ''));
  return element;
}

// words

const whole = value => Math.round(value).toLocaleString('en');
const three = value => value.toFixed(3);
const plain = value => (typeof value === 'number' ? `${+value.toPrecision(4)}` : String(value));

function duration(seconds) {
  if (seconds === null) return '';
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return minutes ? `${minutes} min ${Math.round(seconds % 60)} s` : `${Math.round(seconds)} s`;
}

function left(seconds) {
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return 'less than a minute left';
  return minutes < 90 ? `about ${minutes} min left` : `about ${(seconds / 3600).toFixed(1)} h left`;
}

// tune.learning_rate of stage tune → learning rate; loss.ssim → loss ssim
function inWords(path, stage) {
  return path.replace(`${stage}.`, '').replace(/[._]/g, ' ');
}

const settingsInWords = trial =>
  Object.entries(trial.settings).map(([path, value]) => `${inWords(path, trial.stage)} ${plain(value)}`).join(', ');

function progressInWords(stage) {
  const parts = [`${stage.done} of ${stage.budget}`];
  if (stage.failed) parts.push(`${stage.failed} failed`);
  if (stage.stopped_early) parts.push(`${stage.stopped_early} stopped early`);
  if (stage.running) parts.push(stage.seconds_left === null ? `${stage.running} running` : left(stage.seconds_left));
  return parts.join(', ');
}

const name = trial => `trial ${trial.number ?? trial.id}`;
const hue = trial => `stage${Math.max(0, data.stages.findIndex(stage => stage.name === trial.stage)) % 3}`;
const byId = id => data.trials.find(trial => trial.id === id) ?? null;

// The best of the last stage that has one.
const winner = () => byId([...data.stages].reverse().find(stage => stage.best)?.best);

// parts of the page

// Draws a part again if what it depends on is new.
function part(key, from, draw) {
  const text = JSON.stringify(from);
  if (drawn[key] === text) return;
  drawn[key] = text;
  draw();
}

function header() {
  const { experiment, stages } = data;
  const now = stages.find(stage => stage.running);
  const said = {
    running: now ? `: ${now.name} ${progressInWords(now)}` : ', between two trials',
    finished: ': every trial of the budgets has ended',
    stopped: `: go on with seisnas resume ${experiment.id}`,
    failed: '',
    starting: '',
  }[experiment.status];
  document.title = `${experiment.name}: ${now ? `${now.name} ${now.done} of ${now.budget}` : experiment.status}`;
  $('name').textContent = experiment.name;
  const word = h('span', { class: `word ${experiment.status}` }, experiment.status);
  $('status').replaceChildren(word, said ?? '', experiment.doing ? `. ${experiment.doing}.` : '');
  $('reason').hidden = !experiment.reason;
  $('reason').textContent = experiment.reason;
  if (experiment.status === 'starting') return $('footer').replaceChildren();
  const started = new Date(experiment.started * 1000).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
  const nni = experiment.nni_page ? [' · ', h('a', { href: experiment.nni_page }, 'NNI’s page')] : [];
  $('footer').replaceChildren(`experiment ${experiment.id}, started ${started} · ${experiment.folder}`, ...nni);
}

function tiles() {
  const best = winner();
  const tile = (above, value, below) => h('li', {}, h('span', { class: 'soft' }, above), h('strong', {}, value), h('span', { class: 'soft' }, below));
  const found = [];
  if (best?.quality != null) {
    const blank = best.blank_ssim === null ? '' : `an image of zeros has ${three(best.blank_ssim)}`;
    found.push(tile(`${data.quality.name}, best of ${best.stage}`, three(best.quality), blank));
    if (best.velocity_ssim !== null) found.push(tile('SSIM of its velocity', three(best.velocity_ssim), 'the same network'));
    if (best.correlation !== null) found.push(tile('correlation', three(best.correlation), 'with the true image'));
    if (best.nonzero) found.push(tile('parameters not zero', whole(best.nonzero), `of ${whole(best.parameters)}`));
  }
  $('tiles').replaceChildren(...found);
  $('tiles').hidden = found.length === 0;
}

function stages() {
  $('stages').replaceChildren(...data.stages.map((stage, index) => {
    const share = number => `${(100 * number) / Math.max(stage.budget, stage.done + stage.failed + stage.running)}%`;
    const bar = h('div', { class: 'track', role: 'img', 'aria-label': `${stage.name}: ${progressInWords(stage)}` });
    for (const [kind, number] of [['done', stage.done], ['lost', stage.failed], ['now', stage.running]]) {
      const piece = h('span', { class: kind });
      piece.style.width = share(number);
      bar.append(piece);
    }
    return h('li', { class: `stage${index % 3}` }, h('span', { class: 'name' }, stage.name), bar, h('span', { class: 'said soft' }, progressInWords(stage)));
  }));
}

// The width that a card has for its content [CSS pixels].
function inside(card) {
  const { paddingLeft, paddingRight } = getComputedStyle(card);
  return Math.max(200, Math.floor(card.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight)));
}

function curves() {
  const cards = data.stages.map((stage, index) => {
    const mine = data.trials.filter(trial => trial.stage === stage.name && trial.epochs.length);
    if (mine.length === 0) return null;
    const best = byId(stage.best);
    const lines = mine.map(trial => ({
      values: trial.epochs,
      best: trial === best,
      now: trial.status === 'running',
      label: `${name(trial)}, ${trial.status}: ${data.quality.name} ${three(trial.epochs.at(-1))} after ${trial.epochs.length} epochs`,
      open: () => detail(trial.id),
    }));
    const said = best?.quality != null ? `best ${three(best.quality)}, no. ${best.number}` : 'no trial has ended';
    const card = h('figure', { class: `card stage${index % 3}` }, h('figcaption', {}, h('b', {}, stage.name), `: ${said}`));
    return { card, lines, label: `${data.quality.name} of ${stage.name} trials, epoch by epoch` };
  });
  const found = cards.filter(Boolean);
  $('curves').replaceChildren(...found.map(({ card }) => card));
  for (const { card, lines, label } of found) card.append(curvesChart(lines, data.quality.name, label, inside(card)));
  $('curves-caption').textContent = found.length
    ? `${data.quality.name} on the validation split after each epoch, every stage on its own axis. Dashed: still running.`
    : 'The first epoch has not ended yet.';
}

function front() {
  const scored = data.trials.filter(trial => trial.export && trial.nonzero && trial.quality !== null);
  $('front-caption').textContent = scored.length
    ? 'Up and to the left is better; no other network beats those on the line. Point at one to get it as a bundle.'
    : 'Networks appear here when trials of tune and compress end.';
  $('front').hidden = scored.length === 0;
  $('chosen').hidden = scored.length === 0;
  if (scored.length === 0) return;
  const points = scored.map(trial => ({
    id: trial.id,
    x: trial.nonzero,
    y: trial.quality,
    hue: hue(trial),
    front: data.front.includes(trial.id),
    picked: trial.id === chosen,
    label: `${name(trial)}, ${trial.stage}: ${data.quality.name} ${three(trial.quality)}, ${whole(trial.nonzero)} parameters not zero`,
    choose: () => choose(trial.id),
  }));
  const kinds = data.stages.filter(stage => scored.some(trial => trial.stage === stage.name));
  const legend = h('figcaption', { class: 'legend' }, ...kinds.map(stage => h('span', { class: hue({ stage: stage.name }) }, stage.name)));
  const label = `${data.quality.name} against the number of parameters that are not zero`;
  const plot = frontChart(points, 'parameters not zero', data.quality.name, label, inside($('front')));
  $('front').replaceChildren(plot, legend);
  choose((byId(chosen) ?? scored.find(trial => trial === winner()) ?? scored.at(-1)).id, false);
}

function choose(id, byUser = true) {
  if (byUser) chosen = id;
  for (const point of $('front').querySelectorAll('[data-id]')) {
    point.lastElementChild.previousElementSibling.classList.toggle('picked', point.dataset.id === id);
  }
  const trial = byId(id);
  const latency = trial.latency_ms === null ? '' : `, ${plain(trial.latency_ms)} ms an image`;
  const facts = `: ${data.quality.name} ${three(trial.quality)}, ${whole(trial.nonzero)} of ${whole(trial.parameters)} parameters not zero${latency}.`;
  $('chosen').className = `card chosen ${hue(trial)}`;
  $('chosen').replaceChildren(
    h('div', {}, opener(trial, `${name(trial)} of ${trial.stage}`), facts),
    ...command(trial.export),
  );
}

function command(text) {
  const copy = h('button', { type: 'button', onclick: async () => {
    try {
      await navigator.clipboard.writeText(text);
      copy.textContent = 'Copied';
    } catch { // no permission: it can be selected
      getSelection().selectAllChildren(line);
    }
  } }, 'Copy the command');
  const line = h('code', {}, text);
  return [h('pre', {}, line), copy];
}

// pictures

function pictured() {
  return data.trials.filter(trial => trial.pictures.length);
}

// The newest picture: of the trial that runs and was started last, otherwise of the winner.
function current() {
  const found = pictured();
  const running = found.filter(trial => trial.status === 'running').sort((a, b) => a.started - b.started);
  return running.at(-1) ?? found.find(trial => trial === winner()) ?? found.at(-1) ?? null;
}

function picture(trial, file) {
  const address = `pictures/${trial.id}/${file}`;
  if (!kept.has(address)) kept.set(address, h('img', { src: address, alt: `Truth, prediction and difference, ${name(trial)}, ${epochOf(file)}` }));
  return kept.get(address);
}

// compress-2-003.png → step 2, epoch 3
function epochOf(file) {
  const [, phase, epoch] = /^(.*)-(\d+)\.png$/.exec(file) ?? [null, '', file];
  const step = /^compress-(\d+)$/.exec(phase)?.[1] ?? '1';
  return `${step === '1' ? '' : `step ${step}, `}epoch ${Number(epoch)}`;
}

function predictions() {
  const trial = byId(shown.trial) ?? current();
  $('predictions').querySelector('.controls').hidden = !trial;
  $('prediction').hidden = !trial;
  if (!trial) {
    $('prediction-of').textContent = data.experiment.status === 'running'
      ? 'The first picture comes at the end of the first epoch.'
      : 'The trials of this experiment left no pictures.';
    return;
  }
  const last = trial.pictures.length - 1;
  const index = Math.min(shown.index ?? last, last);
  const options = pictured().map(each => h('option', { value: each.id, selected: each === trial }, `${each.stage}, ${name(each)}`));
  $('prediction-trial').replaceChildren(...options);
  const slider = $('prediction-epoch');
  slider.max = last;
  slider.value = index;
  slider.disabled = last === 0;
  $('prediction-play').disabled = last === 0;
  const file = trial.pictures[index];
  $('prediction').replaceChildren(picture(trial, file));
  const state = trial.status === 'running' ? 'still running' : trial.status;
  const score = trial.quality === null ? '' : `; over the whole split it has ${data.quality.name} ${three(trial.quality)}`;
  $('prediction-of').textContent = `${name(trial)} of ${trial.stage} (${state}), ${epochOf(file)}${score}`;
}

function stopPlaying() {
  clearInterval(player);
  player = null;
  $('prediction-play').textContent = 'Play';
}

$('prediction-trial').addEventListener('change', event => {
  stopPlaying();
  shown = { trial: event.target.value, index: null };
  predictions();
});
$('prediction-epoch').addEventListener('input', event => {
  stopPlaying();
  const trial = byId(shown.trial) ?? current();
  const index = Number(event.target.value);
  shown = index === trial.pictures.length - 1 ? { trial: shown.trial, index: null } : { trial: trial.id, index };
  predictions();
});
$('prediction-play').addEventListener('click', () => {
  if (player) return stopPlaying();
  const trial = byId(shown.trial) ?? current();
  shown = { trial: trial.id, index: 0 };
  $('prediction-play').textContent = 'Stop';
  predictions();
  player = setInterval(() => {
    shown.index += 1;
    if (shown.index >= (byId(trial.id)?.pictures.length ?? 1) - 1) {
      stopPlaying();
      shown.index = null;
    }
    predictions();
  }, PLAY);
});

// trials

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

function trials() {
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
  }, h('button', { type: 'button', onclick: () => sortBy(key) }, title ?? data.quality.name)));
  const rows = sorted.map(trial => h('tr', { onclick: () => detail(trial.id) }, ...COLUMNS.map(column => cell(trial, column))));
  $('trials').replaceChildren(h('thead', {}, h('tr', {}, ...heads)), h('tbody', {}, ...rows));
  $('trials').hidden = rows.length === 0;
}

function cell(trial, { key, kind, text, of }) {
  if (key === 'number') return h('td', { class: kind }, opener(trial, `${trial.number ?? trial.id}`));
  if (key === 'stage') return h('td', { class: hue(trial) }, h('span', { class: 'stage' }, trial.stage ?? 'by hand'));
  if (key === 'status') return h('td', { class: trial.status === 'failed' ? 'failed' : '' }, trial.status);
  const value = of ? of(trial) : trial[key];
  return h('td', { class: kind ?? '' }, value === null ? '' : (text ?? String)(value));
}

const opener = (trial, words) => h('button', { type: 'button', class: 'open', onclick: event => {
  event.stopPropagation();
  detail(trial.id);
} }, words);

function sortBy(key) {
  const falling = ['quality', 'nonzero', 'latency_ms', 'seconds'].includes(key); // at the first click
  order = { key, down: order.key === key ? !order.down : falling };
  trials();
}

function detail(id) {
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
    ...(file ? [h('img', { src: `pictures/${trial.id}/${file}`, alt: `Truth, prediction and difference, ${epochOf(file)}` })] : []),
    ...(trial.export ? command(trial.export) : []),
  );
  if (!$('detail').open) $('detail').showModal();
}

$('detail').addEventListener('click', event => {
  if (event.target === $('detail')) $('detail').close(); // beside it
});

// life

function draw() {
  const { experiment, stages: all, trials: every } = data;
  part('header', [experiment, all], header);
  part('tiles', [all, every], tiles);
  part('stages', all, stages);
  part('curves', [all, every.map(trial => [trial.epochs, trial.status, trial.quality])], curves);
  part('front', [data.front, every.map(trial => [trial.id, trial.status, trial.quality, trial.nonzero])], front);
  if (player === null) part('predictions', [every.map(trial => [trial.pictures, trial.status]), experiment.status], predictions);
  part('trials', every, trials);
}

let next = null;

async function poll() {
  clearTimeout(next);
  if (!document.hidden) {
    try {
      const answer = await fetch('data.json');
      if (!answer.ok) throw new Error((await answer.text()).trim());
      data = await answer.json();
      draw();
    } catch (error) {
      lost(error);
    }
  }
  clearTimeout(next);
  next = setTimeout(poll, ['running', 'starting'].includes(data?.experiment.status) ? POLL.running : POLL.other);
}

// The command that serves the page has ended, or cannot read the experiment.
function lost(error) {
  drawn.header = null;
  const why = error instanceof TypeError ? 'Nobody serves this page any more; seisnas view shows the experiment again' : error.message;
  $('status').replaceChildren(h('span', { class: 'word' }, 'no connection'), `: ${why}`);
}

addEventListener('focus', poll);
let width = innerWidth;
addEventListener('resize', () => {
  if (data === null || innerWidth === width) return; // a telephone's bars come and go: no new width
  width = innerWidth;
  drawn.curves = drawn.front = null;
  draw();
});
poll();
