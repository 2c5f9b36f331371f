"""An experiment is its resolved configuration, however the trial command spells the preset."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from datagen.errors import InputError
from trials.experiment.nni.nnictl import environment
from trials.experiment.nni.trial_command import load_trial_config
from trials.experiment.plan import load_plan

ROOT = Path(__file__).parents[3]


def project(folder: Path, preset: str, command: str, **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / preset).parent.mkdir(exist_ok=True, parents=True)
    shutil.copy(ROOT / "presets" / "quickstart.yml", folder / preset)
    shutil.copy(ROOT / "search_spaces" / "suite.yml", folder)
    tree = yaml.safe_load((ROOT / "nni_config.yml").read_text(encoding="utf-8"))
    tree |= {"searchSpaceFile": "suite.yml", "trialCommand": f"python -m trials {command}", **changes}
    tree["tuner"]["codeDirectory"] = str(ROOT)
    (folder / "nni.yml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    return folder / "nni.yml"


SPELLINGS = {
    "plain": ("a.yml", "--preset a.yml"),
    "with an equals sign": ("a.yml", "--preset=a.yml"),
    "quoted": ("a.yml", "--preset 'a.yml'"),
    "quoted twice": ("a.yml", '--preset "a.yml"'),
    "quoted in part": ("a.yml", "--preset 'a'.yml"),
    "a space, quoted": ("my a.yml", "--preset 'my a.yml'"),
    "a space, escaped": ("my a.yml", "--preset my\\ a.yml"),
    "a space and an equals sign": ("my a.yml", "--preset='my a.yml'"),
    "another ending": ("a.yaml", "--preset a.yaml"),
    "no ending": ("preset", "--preset preset"),
    "a folder with a space": ("my presets/a.yml", "--preset 'my presets/a.yml'"),
    "with a dot": ("a.yml", "--preset ./a.yml"),
    "beside a setting": ("a.yml", "--set seed=3 --preset a.yml"),
}


@pytest.mark.parametrize("what", SPELLINGS)
def test_a_changed_preset_is_another_experiment(tmp_path: Path, what: str) -> None:
    preset, command = SPELLINGS[what]
    config = project(tmp_path, preset, command)
    before, file = load_plan(config).digest, tmp_path / preset
    text = file.read_text(encoding="utf-8")
    file.write_text(f"# a comment\n{text}", encoding="utf-8")
    assert load_plan(config).digest == before
    tree = yaml.safe_load(text)
    tree["tune"]["epochs"] += 1
    file.write_text(yaml.safe_dump(tree), encoding="utf-8")
    assert load_plan(config).digest != before
    assert load_trial_config(config).tune.epochs == tree["tune"]["epochs"]


def test_a_changed_setting_of_the_command_is_another_experiment(tmp_path: Path) -> None:
    digests = {
        load_plan(project(tmp_path, "a.yml", f"--preset a.yml --set {change}")).digest
        for change in ("seed=3", "seed=4", "'tune.epochs=7'", '"tune.epochs=7" --set seed=4')
    }
    assert len(digests) == 4


def test_trials_and_launcher_read_the_same_preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial's working directory is trialCodeDirectory, wherever `seisnas run` is called."""
    config = project(tmp_path / "there", "a.yml", "--preset a.yml --set seed=5")
    shutil.copytree(tmp_path / "there", tmp_path / "here")
    (tmp_path / "here" / "a.yml").write_text("name: other\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path / "here")
    assert load_trial_config(config).seed == 5


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("--presets a.yml", "trialCommand: unrecognized arguments: --presets a.yml"),
        ("--pre a.yml", "unrecognized arguments"),
        ("--preset", "expected one argument"),
        ("--preset 'a.yml", "cannot be read: No closing quotation"),
        ("--preset a.yml; echo", "one simple command"),
        ("--preset a.yml && echo", "unrecognized arguments: && echo"),
        ("--preset $HOME/a.yml", "one simple command"),
        ("--preset none.yml", "none.yml: no such file"),
    ],
)
def test_other_commands_are_refused(tmp_path: Path, command: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        load_trial_config(project(tmp_path, "a.yml", command))


PLACES = "from importlib.util import find_spec as find; print(find('trials').origin, find('datagen').origin, sep='\\n')"


@pytest.mark.parametrize("stranger", ["trials.py", "trials/__init__.py", "datagen/__init__.py", "datagen.py"])
def test_trials_find_these_packages_wherever_they_start(tmp_path: Path, stranger: str) -> None:
    (tmp_path / stranger).parent.mkdir(exist_ok=True)
    (tmp_path / stranger).write_text("raise SystemExit('a stranger')\n", encoding="utf-8")
    found = environment({"PATH": "/bin", "HOME": str(tmp_path)})
    done = subprocess.run(
        ["python", "-c", PLACES], cwd=tmp_path, env=found, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == [str(ROOT / name / "__init__.py") for name in ("trials", "datagen")], done.stderr
    assert found["PATH"].startswith(str(Path(sys.executable).parent))


def test_how_long_the_unet_beside_it_is_trained_is_no_matter_of_the_experiment(tmp_path: Path) -> None:
    config = project(tmp_path, "a.yml", "--preset a.yml")
    before, file = load_plan(config).digest, tmp_path / "a.yml"
    tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    del tree["baseline"]["epochs"]  # as in presets of earlier versions
    file.write_text(yaml.safe_dump(tree), encoding="utf-8")
    assert load_trial_config(config).baseline.epochs is None
    assert load_plan(config).digest == before
