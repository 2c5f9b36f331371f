// The tree of data.json as it came last, and what is looked up in it.

export const data = { experiment: null, quality: null, stages: [], trials: [], front: [] };

export const name = trial => `trial ${trial.number ?? trial.id}`;
export const hue = trial => `stage${Math.max(0, data.stages.findIndex(stage => stage.name === trial.stage)) % 3}`;
export const byId = id => data.trials.find(trial => trial.id === id) ?? null;

// The best of the last stage that has one.
export const winner = () => byId([...data.stages].reverse().find(stage => stage.best)?.best);
