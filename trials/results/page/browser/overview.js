// The head of the page: status, the best network in numbers, a bar per stage.
import { data, winner } from './data.js';
import { $, h } from './dom.js';
import { progressInWords, three, whole } from './words.js';

export function header() {
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

export function tiles() {
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

export function stages() {
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
