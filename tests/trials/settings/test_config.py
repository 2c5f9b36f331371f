"""Configuration: presets load, every error is told at once, search-space keys are config paths."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from datagen.errors import InputError
from search_spaces.config import Fold, Network, Stack
from search_spaces.genotype import Genotype
from trials.settings.config import load, settings, to_tree

ROOT = Path(__file__).parents[3]
PRESETS = sorted((ROOT / "presets").glob("*.yml"))
QUICKSTART = ROOT / "presets" / "quickstart.yml"


def leaves(tree, path=()):
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, (*path, key))
    elif isinstance(tree, list):
        for item in tree:
            yield from leaves(item, path)
    else:
        yield path, tree


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def search_space():
    return yaml.safe_load((ROOT / "search_spaces" / "suite.yml").read_text())["stage"]["_value"]


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
def test_every_preset_loads(preset):
    assert load(preset).name == preset.stem


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
def test_a_config_survives_yaml(preset, tmp_path):
    config = load(preset)
    copy = tmp_path / "copy.yml"
    copy.write_text(yaml.safe_dump(to_tree(config)))
    assert load(copy) == config


@pytest.mark.parametrize("file", [*PRESETS, ROOT / "search_spaces/suite.yml", ROOT / "nni_config.yml"], ids=str)
def test_no_number_in_yaml_is_read_as_text(file):
    """PyYAML reads 3e-4 as text; it must be written 3.0e-4."""
    for path, value in leaves(yaml.safe_load(file.read_text())):
        assert not (isinstance(value, str) and is_number(value)), path


def test_every_search_space_key_is_a_config_path():
    for branch in search_space():
        for path, domain in branch.items():
            if path == "_name":
                continue
            for value in domain["_value"]:
                config = load(QUICKSTART, {path: value})
                section = config
                for name in path.split("."):
                    section = getattr(section, name)
                assert section == value


def test_the_stages_of_the_search_space_are_the_suite():
    assert [branch["_name"] for branch in search_space()] == ["search", "tune", "compress"]


def test_later_layers_win():
    config = load(QUICKSTART, {"tune.epochs": 3}, {"tune.epochs": 5})
    assert config.tune.epochs == 5


def test_all_errors_of_a_config_are_told_at_once():
    with pytest.raises(InputError) as caught:
        load(QUICKSTART, {"tune.epoch": 3, "data.grid.spacing": -1, "search.strategy": "dart"})
    message = str(caught.value)
    assert "3 problem(s)" in message
    assert "tune.epoch: unknown key; did you mean epochs?" in message
    assert "data.grid.spacing: got -1; Input should be greater than 0" in message
    known = "'darts', 'gumbel', 'parsec', 'one_path', 'random', 'halving' or 'archai'"
    assert f"search.strategy: got 'dart'; Input should be {known}" in message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tune.mirror", "training.mirror"),
        ("tune.batch_size", "training.batch_size"),
        ("tune.ema", "training.ema"),
        ("tune.weight_decay", "training.weight_decay"),
        ("tune.patience", "training.patience"),
        ("tune.teacher", "training.teacher"),
        ("picking.held", "picking.held_out"),
    ],
)
def test_a_setting_that_has_moved_is_named_by_its_new_path(old, new, tmp_path):
    with pytest.raises(InputError, match=rf"{old}: has moved to {new}\. Change it in --set"):
        load(QUICKSTART, settings([f"{old}=0"]))
    section, key = old.split(".")
    preset = tmp_path / "old.yml"
    preset.write_text(yaml.safe_dump(yaml.safe_load(QUICKSTART.read_text()) | {section: {key: 0}}))
    with pytest.raises(InputError, match=rf"{old}: has moved to {new}\. Change it in .*old\.yml \(or --set {new}="):
        load(preset)


def test_a_missing_section_is_named(tmp_path):
    preset = tmp_path / "bad.yml"
    preset.write_text("name: bad\n")
    with pytest.raises(InputError, match="data: missing; add it in"):
        load(preset)


def test_a_range_that_runs_backwards_is_refused():
    with pytest.raises(InputError, match="first value must not be above the second"):
        load(QUICKSTART, {"data.geology.velocity": [3000, 2000]})


@pytest.mark.parametrize("text", ["", "- a list", "a: [unclosed"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text):
    preset = tmp_path / "bad.yml"
    preset.write_text(text)
    with pytest.raises(InputError, match=r"preset .*bad\.yml"):
        load(preset)


def test_a_missing_preset_names_the_known_ones(monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(InputError, match=r"presets/quickstart\.yml"):
        load("presets/quickstat.yml")


def test_set_reads_yaml_values():
    assert settings(["tune.epochs=3", "data.geology.dip=[-2, 2]", "training.mirror=false"]) == {
        "tune.epochs": 3,
        "data.geology.dip": [-2, 2],
        "training.mirror": False,
    }


def test_set_without_a_value_is_refused():
    with pytest.raises(InputError, match="path=value"):
        settings(["tune.epochs"])


@pytest.mark.parametrize("name", ["fold", "group", "coarse", "rows", "scaling"])
def test_a_setting_of_before_fronts_were_records_is_refused_with_its_new_path(name):
    with pytest.raises(InputError, match=rf"network\.{name}: unknown key; did you mean network\.front\.{name}\?"):
        load(QUICKSTART, {f"network.{name}": 1})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"network.front.fold": 99}, "network.front.fold: got 99; Input should be less than or equal to 16"),
        (
            {"network.front": {"kind": "fold", "coarse": True}},
            "front.coarse: unknown key; known here: kind, fold.",
        ),
        ({"network.front.flod": 2}, "network.front.flod: unknown key; did you mean fold?"),
        ({"network.front": "moon"}, "'stack', 'migrate', 'fold', 'gather'"),
        ({"network.genotype": {"depth": 1}}, "network.genotype.depth: got 1; Input should be greater"),
        ({"network.genotype": '{"depth": 1}'}, "network.genotype.depth: got 1; Input should be greater"),
        (
            {"network.genotype": "depth: 1"},
            "network.genotype: got 'depth: 1'; expected a mapping, or a mapping as JSON text",
        ),
        ({"network.channels": {"head": [4, 0]}}, "network.channels.head.1: got 0"),
    ],
)
def test_a_mistake_within_a_network_is_told_with_the_path_that_one_writes(changes, told):
    with pytest.raises(InputError) as caught:
        load(QUICKSTART, changes)
    assert told in str(caught.value)


def test_a_front_without_a_kind_is_a_stack_and_a_kind_alone_stands_for_its_defaults():
    openfwi = ROOT / "presets" / "openfwi.yml"
    assert load(openfwi, {"network.front.fold": 2}).network.front == Stack(fold=2)
    assert load(openfwi, {"network.front": "fold"}).network.front == Fold()


def test_two_outputs_and_the_front_that_migrates_need_each_other():
    for changes in ({"target": "rtm"}, {"network.front": "stack"}):
        with pytest.raises(InputError, match=r"target both and network\.front migrate need each other"):
            load(QUICKSTART, changes)


def test_only_a_network_that_migrates_is_given_velocities():
    assert load(QUICKSTART, {"training.given.share": 0.25}).training.given.share == 0.25
    told = (
        r"training\.given\.share: got 0\.25; allowed is 0 with network\.front stack, .*openfwi\.yml \(or --set PATH=…\)"
    )
    with pytest.raises(InputError, match=told):
        load(ROOT / "presets" / "openfwi.yml", {"training.given.share": 0.25})


@pytest.mark.parametrize(("name", "value"), [("share", 1.5), ("share", -0.1), ("error", 5)])
def test_a_share_or_an_error_out_of_its_range_is_refused(name, value):
    with pytest.raises(InputError, match=rf"training\.given\.{name}: got {value}; Input should be"):
        load(QUICKSTART, {f"training.given.{name}": value})


def test_a_genotype_is_a_mapping_in_yaml_and_may_be_given_as_json(tmp_path):
    given = Genotype.random(depth=3, width=8, nodes=2, operations="small", seed=0)
    config = load(QUICKSTART, {"network.genotype": given.to_json(), "network.channels": '{"head": [4, 1]}'})
    tree = to_tree(config)
    assert tree["network"]["genotype"]["encoder"] == [list(node) for node in given.encoder]
    (tmp_path / "copy.yml").write_text(yaml.safe_dump(tree))
    copy = load(tmp_path / "copy.yml").network
    assert (copy.genotype, copy.channels) == (given, {"head": (4, 1)})


def test_another_network_keeps_the_whole_front_and_nothing_else():
    config = load(ROOT / "presets" / "openfwi_fast.yml")
    other = config.network.with_model("unet", width=48, depth=5)
    assert other == Network(front=Stack(coarse=True, group=4), model="unet", width=48, depth=5)


def test_a_configuration_is_checked_without_torch():
    load_it = f"from trials.settings.config import load; load({str(QUICKSTART)!r})"
    code = f"import sys; {load_it}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
