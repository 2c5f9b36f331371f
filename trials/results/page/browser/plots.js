// Learning curves of each stage, and the front of quality against size with the command of the network pointed at.
import { curvesChart, frontChart } from './charts.js';
import { byId, data, hue, name, winner } from './data.js';
import { $, command, h } from './dom.js';
import { detail, opener } from './trials.js';
import { plain, three, whole } from './words.js';

let chosen = null; // trial under the plot of the front; the best one until the user chooses

export function curves() {
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

export function front() {
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

// The width that a card has for its content [CSS pixels].
function inside(card) {
  const { paddingLeft, paddingRight } = getComputedStyle(card);
  return Math.max(200, Math.floor(card.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight)));
}
