"""A bundle is adapted to shots alone, and the shots decide whether the new one is kept."""

from pathlib import Path

import numpy as np
import pytest
import torch

from compressors.bundles.bundle import load_bundle
from compressors.bundles.untrained import untrained_bundle
from datagen.config import Data, Grid, Split, Survey
from datagen.errors import InputError
from datagen.velocity import draw_velocity
from datagen.waves.modelling import WaveEngine
from search_spaces.config import Migrate, Network
from search_spaces.genotype import Genotype
from trials.adapting.adapt import adapt

RECIPE = Data(
    folder="data/tiny",
    grid=Grid(nz=24, nx=24, spacing=10.0),
    survey=Survey(shots=2, receivers=24, frequency=15.0, interval=0.001, samples=160),
    split=Split(train=8, validation=8, test=8),
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    genotype = Genotype.random(depth=2, width=4, nodes=2, operations="small", seed=1)
    spec = Network(front=Migrate(), depth=2, width=4, genotype=genotype)
    return untrained_bundle(tmp_path_factory.mktemp("bundles") / "plain", spec, RECIPE, "both", name="plain")


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("shots") / "shots.npy"
    np.save(file, WaveEngine(RECIPE).shoot(np.stack([draw_velocity(RECIPE, index) for index in range(2)])))
    return file


def test_it_is_kept_if_and_only_if_the_shots_are_explained_better(bundle: Path, shots: Path, tmp_path: Path) -> None:
    told: list[str] = []
    output, run = tmp_path / "adapted", tmp_path / "run"
    found = adapt(bundle, shots, output, models=16, run=run, report=told.append)
    assert 0 < found.before < 1
    assert 0 < found.after < 1
    assert found.helped == (found.after < found.before) == output.exists()
    assert any("misfit" in line for line in told)
    if found.helped:
        adapted, old = load_bundle(output), load_bundle(bundle)
        assert adapted.contents.statistics == old.contents.statistics
        assert f"from {found.before:.3f} to {found.after:.3f}" in (output / "README.md").read_text()
        pairs = zip(adapted.network.parameters(), old.network.parameters(), strict=True)
        assert not all(torch.equal(new, first) for new, first in pairs)
    again = adapt(bundle, shots, output, models=16, run=run, report=told.append)
    assert (again.before, again.after) == (found.before, found.after), "a finished run is not trained again"


def test_a_bundle_does_not_replace_the_one_it_comes_from(bundle: Path, shots: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="plain"):
        adapt(bundle, shots, bundle, models=16, run=tmp_path / "run")
