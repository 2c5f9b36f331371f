// Numbers and settings in words.

export const whole = value => Math.round(value).toLocaleString('en');
export const three = value => value.toFixed(3);
export const plain = value => (typeof value === 'number' ? `${+value.toPrecision(4)}` : String(value));

export function duration(seconds) {
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

export const settingsInWords = trial =>
  Object.entries(trial.settings).map(([path, value]) => `${inWords(path, trial.stage)} ${plain(value)}`).join(', ');

export function progressInWords(stage) {
  const parts = [`${stage.done} of ${stage.budget}`];
  if (stage.failed) parts.push(`${stage.failed} failed`);
  if (stage.stopped_early) parts.push(`${stage.stopped_early} stopped early`);
  if (stage.running) parts.push(stage.seconds_left === null ? `${stage.running} running` : left(stage.seconds_left));
  return parts.join(', ');
}

// compress-2-003.png → step 2, epoch 3
export function epochInWords(file) {
  const [, phase, epoch] = /^(.*)-(\d+)\.png$/.exec(file) ?? [null, '', file];
  const step = /^compress-(\d+)$/.exec(phase)?.[1] ?? '1';
  return `${step === '1' ? '' : `step ${step}, `}epoch ${Number(epoch)}`;
}
