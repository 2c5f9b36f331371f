// The page: asks for data.json every few seconds and draws what has changed.
import { data } from './data.js';
import { $, h } from './dom.js';
import { header, stages, tiles } from './overview.js';
import { curves, front } from './plots.js';
import { isPlaying, predictions } from './predictions.js';
import { trials } from './trials.js';

const POLL = { running: 4000, other: 20000 }; // [ms]

const drawn = {}; // part of the page → the data it was drawn from

// Draws a part again if what it depends on is new.
function part(key, from, draw) {
  const text = JSON.stringify(from);
  if (drawn[key] === text) return;
  drawn[key] = text;
  draw();
}

function draw() {
  const { experiment, stages: all, trials: every } = data;
  part('header', [experiment, all], header);
  part('tiles', [all, every], tiles);
  part('stages', all, stages);
  part('curves', [all, every.map(trial => [trial.epochs, trial.status, trial.quality])], curves);
  part('front', [data.front, every.map(trial => [trial.id, trial.status, trial.quality, trial.nonzero])], front);
  if (!isPlaying()) part('predictions', [every.map(trial => [trial.pictures, trial.status]), experiment.status], predictions);
  part('trials', every, trials);
}

let next = null;

async function poll() {
  clearTimeout(next);
  const problem = document.hidden ? null : await refresh();
  if (problem !== null) {
    drawn.header = null;
    $('status').replaceChildren(h('span', { class: 'word' }, 'no connection'), `: ${problem}`);
  }
  clearTimeout(next);
  next = setTimeout(poll, ['running', 'starting'].includes(data.experiment?.status) ? POLL.running : POLL.other);
}

// What is wrong, or null.
async function refresh() {
  const answer = await fetch('data.json').catch(() => null);
  if (answer === null) return 'nobody serves this page any more; seisnas view shows the experiment again';
  if (!answer.ok) return (await answer.text()).trim();
  Object.assign(data, await answer.json());
  draw();
  return null;
}

addEventListener('focus', poll);
let width = innerWidth;
addEventListener('resize', () => {
  if (data.experiment === null || innerWidth === width) return; // a telephone's bars come and go: no new width
  width = innerWidth;
  drawn.curves = drawn.front = null;
  draw();
});
poll();
