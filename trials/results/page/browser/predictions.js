// Pictures of the same validation models, epoch by epoch.
import { byId, data, name, winner } from './data.js';
import { $, h } from './dom.js';
import { epochInWords, three } from './words.js';

const PLAY = 600; // [ms] for a picture

const kept = new Map(); // address → <img>, so that a picture is fetched once
let shown = { trial: null, index: null }; // null: the newest
let player = null;

export const isPlaying = () => player !== null;

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
  if (!kept.has(address)) kept.set(address, h('img', { src: address, alt: `Truth, prediction and difference, ${name(trial)}, ${epochInWords(file)}` }));
  return kept.get(address);
}

export function predictions() {
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
  $('prediction-of').textContent = `${name(trial)} of ${trial.stage} (${state}), ${epochInWords(file)}${score}`;
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
