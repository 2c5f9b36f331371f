"""The text of draft presets, by kind of network; draft.py fills in the braces."""

IMAGING = """\
# Drafted by `seisnas inspect` from {source}: a network that images its survey.
# Fill in the words in capitals; look over geology, frequency and the depth of the grid.
#   command   seisnas generate --preset THIS.yml, then seisnas tune --preset THIS.yml
#   picking   for first breaks instead: target: first_break, data.first_breaks: true, and the network, training and
#             picking of presets/field.yml
name: {name}
target: both  # the velocity, and the RTM image in it
seed: 1

data:
  folder: data/{name}
  grid: {grid}  # cells of [m]
  geology: {{velocity: [LOWEST, HIGHEST]}}  # [m/s], LOWEST {carried}
  salt: {{probability: 0.0}}
  survey:
{survey}
  split: {{train: 1200, validation: 64, test: 96}}
  shard_size: 32
  dtype: float16

network: {{operations: small, max_parameters: 300000, front: {{kind: migrate}}}}
search: {{samples: 96, epochs: 2, warmup_epochs: 1, retrain_epochs: 2}}
training: {{batch_size: 16, mirror: {mirror}}}
tune: {{epochs: 10}}
"""
PICKING = """\
# Drafted by `seisnas inspect` from {source}: a network that picks the first breaks of its gathers.
# Fill in the words in capitals; look over geology, frequency and the depth of the grid.
#   command   seisnas generate --preset THIS.yml, then seisnas tune --preset THIS.yml
name: {name}
target: first_break
seed: 1

data:
  folder: data/{name}
  grid: {grid}  # cells of [m]
  geology: {{layers: [2, 6], velocity: [LOWEST, HIGHEST]}}  # [m/s], LOWEST {carried}
  salt: {{probability: 0.0}}
  survey:
{survey}
  split: {{train: 160, validation: 24, test: 24}}
  shard_size: 16
  first_breaks: true

effects: {{snr_db: [-5.0, 40.0], dead_traces: [0.0, 0.05]}}
network: {{model: unet, front: {{kind: gather, rows: 256}}, depth: 4, width: 8}}
training: {{batch_size: 8, mirror: false, ema: 0.98}}
tune: {{epochs: 10, learning_rate: 5.0e-3}}
picking: {{field_noise: true}}
"""
