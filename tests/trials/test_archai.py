"""Archai's searches on a tiny data set; they need Archai, an extra."""

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml

pytest.importorskip("archai", reason="Archai is an extra: pip install --no-deps archai==1.0.0 overrides==3.1.0")

from search_spaces.archai_space import LIMIT, CellSpace
from search_spaces.build import cell_fronts
from search_spaces.genotype import Genotype
from search_spaces.size import nasunet_parameters
from tests.trials.cut_off import cut_off_once
from tests.trials.test_stages import TINY
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config, load
from trials.stages import archai_search
from trials.stages.execute import execute
from trials.training.networks import geometry

pytestmark = pytest.mark.filterwarnings("ignore")  # Archai's own


@pytest.fixture(scope="module")
def config(tiny_data: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Config:
    file = tmp_path_factory.mktemp("preset") / "tiny.yml"
    network = {"network": TINY["network"] | {"max_parameters": 20_000}}
    search = {"search": {"strategy": "archai", "candidates": 4, "generations": 2, "epochs": 1, "retrain_epochs": 1}}
    file.write_text(yaml.safe_dump(TINY | network | search | {"data": tiny_data}))
    return load(file)


@pytest.fixture(scope="module")
def space(config: Config) -> CellSpace:
    return CellSpace(config.network, cell_fronts(config.network, *geometry(config)), 1)


def test_cells_keep_to_their_sizes(space: CellSpace) -> None:
    parents = [space.random_sample() for _ in range(8)]
    for model in [*parents, *map(space.mutate, parents), space.crossover(parents[:2])]:
        assert nasunet_parameters(model.arch, space.fronts) <= model.metadata[LIMIT]
        assert model.metadata[LIMIT] in (20_000, 10_000, 5_000)


def test_a_mutation_changes_one_choice_at_most_and_a_child_has_its_parents_operations(space: CellSpace) -> None:
    one, other = space.random_sample(), space.random_sample()
    for _ in range(20):
        mutant = space.mutate(one)
        changed = [label for label, name in mutant.arch.to_sample().items() if name != one.arch.to_sample()[label]]
        assert len(changed) <= (mutant.metadata[LIMIT] == one.metadata[LIMIT])
    child = space.crossover([one, other]).arch.to_sample()
    assert all(name in (one.arch.to_sample()[label], other.arch.to_sample()[label]) for label, name in child.items())


def test_a_model_is_read_as_it_was_saved(space: CellSpace, tmp_path) -> None:
    model = space.random_sample()
    space.save_arch(model, str(tmp_path / "cells"))
    again = space.load_arch(str(tmp_path / "cells"))
    assert (again.arch, again.archid, again.metadata) == (model.arch, model.archid, model.metadata)
    assert Genotype.from_sample(model.arch.to_sample(), depth=2, width=model.arch.width, nodes=1) == model.arch


@pytest.fixture
def quick_latency(monkeypatch: pytest.MonkeyPatch) -> None:
    """An export takes seconds; one of the searches below does without this."""
    monkeypatch.setattr(archai_search, "onnx_latency_ms", lambda cells, config: float(cells.width))


@pytest.mark.parametrize("algorithm", ["regularized_evolution", "local_search", "random"])
@pytest.mark.usefixtures("quick_latency")
def test_each_search_ends_with_a_front(config: Config, tmp_path, algorithm: str) -> None:
    the_search_ends_with_a_front(config, tmp_path, algorithm)


def test_the_front_of_quality_size_and_latency_in_onnx(config: Config, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    one = replace(config, search=replace(config.search, generations=1))
    the_search_ends_with_a_front(one, tmp_path / "run", "evolution_pareto")
    assert [file.name for file in tmp_path.iterdir()] == ["run"]  # Archai's log is not there


def the_search_ends_with_a_front(config: Config, folder, algorithm: str) -> None:
    wanted = replace(config, search=replace(config.search, archai=algorithm))
    run = RunFolder(folder)
    result = execute("search", wanted, run, Channel())
    front = json.loads((run.path / "pareto.json").read_text())
    assert result["genotype"] == front[0]["genotype"]
    for one in front:
        assert one["latency_ms"] > 0
        assert not any(
            other["quality"] > one["quality"]
            and other["parameters"] < one["parameters"]
            and other["latency_ms"] < one["latency_ms"]
            for other in front
        )


@pytest.mark.usefixtures("quick_latency")
def test_a_search_that_was_cut_off_does_not_train_again(config: Config, tmp_path, monkeypatch) -> None:
    run, calls = RunFolder(tmp_path), cut_off_once(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        execute("search", config, run, Channel())
    execute("search", config, run, Channel())
    names = [arguments[4].name for arguments in calls]
    assert len(names) == len(set(names)) + 1  # the one that was cut off
