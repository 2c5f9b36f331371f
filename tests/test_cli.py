"""The command line: help teaches, and what the user can fix is one message and exit status 2."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from trials.commands.app import PANELS, app
from trials.settings.config import load, settings

ROOT = Path(__file__).parents[1]


def seisnas(*arguments, cwd=ROOT, **environment):
    return subprocess.run(
        [sys.executable, "-m", "trials.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", **environment},
        timeout=300,
    )


def refused(*arguments, **options):
    done = seisnas(*arguments, **options)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture
def preset(tmp_path):
    """A small preset whose data would lie in this test's folder."""
    text = (ROOT / "presets/quickstart.yml").read_text().replace("data/quickstart", str(tmp_path / "data"))
    file = tmp_path / "small.yml"
    file.write_text(text.replace("{train: 960, validation: 64, test: 96}", "{train: 8, validation: 8, test: 8}"))
    return file


COMMANDS = [name for commands in PANELS.values() for name in commands]


def shown_help(*words):
    """What --help prints on a wide terminal, its lines joined."""
    done = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "400"})
    assert done.exit_code == 0, done.output
    return done.output


def marked(text):
    """What a markup might swallow: [m], <name>."""
    return re.findall(r"\[.*?\]|<.*?>", text or "")


def test_the_program_prints_the_help_of_a_command():
    done = seisnas("generate", "--help")
    assert done.returncode == 0
    assert "Make the data set" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_that_says_what_it_does(command):
    assert len(shown_help(command).splitlines()) > 8


@pytest.mark.parametrize("command", COMMANDS)
def test_help_hides_no_unit(command):
    described = get_command(app).commands[command]
    shown = shown_help(command)
    texts = [described.help, *(getattr(parameter, "help", None) for parameter in described.params)]
    assert [mark for text in texts for mark in marked(text) if mark not in shown] == []


def test_help_shows_the_unit_of_a_spacing():
    assert "Of the receivers [m], the first at 0." in shown_help("pick")
    assert "Of the cells of the velocity model [m]." in shown_help("model")


def test_help_has_every_command_in_its_panel():
    lines = shown_help().splitlines()
    listed = {panel: [] for panel in PANELS}
    panel = None
    for line in lines:
        if heading := re.match(r"╭─ (.+?) ─", line):
            panel = heading[1]
        elif panel in listed and (command := re.match(r"│ (\S+)", line)):
            listed[panel].append(command[1])
    assert listed == {panel: list(commands) for panel, commands in PANELS.items()}


def test_help_names_the_stages_in_the_order_of_the_data():
    text = seisnas("--help").stdout
    places = [text.index(f" {command} ") for command in ("generate", "search", "tune", "compress", "export")]
    assert places == sorted(places)


def test_help_needs_neither_torch_nor_nni_nor_devito():
    code = (
        "import sys, trials.cli; sys.argv = ['seisnas', '--help']\n"
        "try: trials.cli.main()\n"
        "except SystemExit: sys.exit(str({'torch', 'nni', 'devito', 'onnxruntime', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stderr == "set()\n"


@pytest.mark.parametrize(
    "file",
    [file for pattern in ("*.md", "docs/*.md", "compressors/bundles/*.jinja") for file in sorted(ROOT.glob(pattern))],
    ids=lambda file: file.name,
)
def test_documents_name_commands_that_exist(file):
    named = re.findall(r"(?:^|`)seisnas ([a-z][a-z-]*)", file.read_text(), re.MULTILINE)
    assert set(named) <= set(COMMANDS)


@pytest.mark.parametrize(
    ("former", "present"),
    [
        ("dream runs/x -o walk --points 3", "seisnas show-gan RUN"),
        ("predict bundle --velocity model.bin --shape 221x601 --spacing 15", "seisnas model BUNDLE VELOCITY_FILE"),
        ("predict bundle --velocity=model.npy", "seisnas model BUNDLE VELOCITY_FILE"),
    ],
)
def test_a_former_spelling_is_refused_with_the_new_one(former, present):
    assert present in refused(*former.split())


def test_a_report_is_of_the_experiment_here_or_of_two():
    assert "got 1 experiment; allowed: none" in refused("report", "97moc")


def test_a_misspelt_key_is_refused_with_a_suggestion():
    assert "did you mean epochs?" in refused("tune", "--set", "tune.epoch=3")


def test_a_number_out_of_range_is_refused():
    assert "data.survey.shots: got 0" in refused("generate", "--set", "data.survey.shots=0")


def test_an_unknown_operation_is_refused_with_the_known_ones(preset, tmp_path):
    search = tmp_path / "search"
    search.mkdir()
    (search / "genotype.json").write_text(
        '{"depth": 2, "width": 8, "nodes": 1, "encoder": [["sep_conf_3x3"]], "decoder": [["skip"]]}'
    )
    message = refused("tune", "-p", preset, "--from", search, "--run", tmp_path / "run")
    assert "did you mean 'sep_conv_3x3'" in message


def test_a_missing_dataset_is_refused(preset):
    assert "seisnas generate" in refused("check-data", "-p", preset)


def test_models_are_cut_from_a_file_whose_settings_are_checked(preset, tmp_path):
    options = ["-p", preset, "--velocity-from", tmp_path / "v.npy"]
    assert "data.velocity_file.spacing: missing" in refused("generate", *options)
    np.save(tmp_path / "v.npy", np.linspace(1.6, 4, 300)[None] * np.ones((64, 1)))
    assert "give unit 1000" in refused("generate", *options, "--set", "data.velocity_file.spacing=10")


def test_an_imported_data_set_serves_the_other_commands(preset, tmp_path):
    folder = tmp_path / "FlatVel_A"
    folder.mkdir()
    shots = np.random.default_rng(0).standard_normal((8, 5, 800, 64))
    np.save(folder / "data1.npy", shots.astype(np.float32))
    models = 2000.0 + 100.0 * np.arange(8)[:, None, None, None] * np.ones((1, 64, 64))
    np.save(folder / "model1.npy", models.astype(np.float32))
    done = seisnas("import", folder, "-p", preset, "-o", tmp_path / "data")
    assert "8 samples imported, 0 were there (6 train, 1 validation, 1 test)" in done.stdout, done.stderr
    changes = [f"data.folder={tmp_path / 'data'}", "target=velocity", "network.front=stack"]
    command = f"next: seisnas tune --preset {preset} {' '.join(f'--set {each}' for each in changes)}"
    assert command in done.stdout.replace("\n", " ")
    assert load(preset, settings(changes)).target == "velocity"
    assert "every sample is sound" in seisnas("check-data", tmp_path / "data").stdout


def test_a_missing_compiler_is_refused(preset, tmp_path):
    message = refused("generate", "-p", preset, PATH=str(tmp_path), CC="no-such-compiler")
    assert "compiler" in message


@pytest.mark.parametrize(
    ("setting", "remedy"),
    [
        ("data.survey.frequency=60", "set data.survey.frequency to at most 15 Hz"),
        ("data.survey.receiver_depth=900", "data.survey.receiver_depth: 900 m is not in the grid"),
    ],
)
def test_what_the_grid_cannot_carry_is_refused_before_anything_is_made(preset, tmp_path, setting, remedy):
    done = seisnas("generate", "-p", preset, "--set", setting, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert (done.returncode, done.stdout) == (2, "")
    assert remedy in done.stderr


def test_a_compile_cache_that_cannot_be_used_is_refused(preset, tmp_path):
    (tmp_path / "file").touch()
    message = refused("generate", "-p", preset, "--workers", 1, XDG_CACHE_HOME=str(tmp_path / "file"))
    assert message.endswith("set XDG_CACHE_HOME to a folder of yours\n")


def test_processes_here_and_a_cluster_are_not_both_wanted(preset):
    assert "either --workers" in refused("generate", "-p", preset, "--workers", 2, "--dask", "tcp://127.0.0.1:1")


def test_a_missing_bundle_is_refused(tmp_path):
    assert "no such folder" in refused("predict", tmp_path / "nothing", tmp_path / "shots.npy")


@pytest.mark.parametrize(("command", "missing"), [("predict", "shots"), ("model", "VELOCITY_FILE")])
def test_a_bundle_needs_something_to_work_on(tmp_path, command, missing):
    assert f"Missing argument '{missing}'" in refused(command, tmp_path)


def test_compress_from_an_unfinished_run_is_refused(preset, tmp_path):
    assert "did not finish" in refused("compress", "-p", preset, "--from", tmp_path / "none", "--run", tmp_path / "run")


def test_an_unreadable_nni_config_is_refused(tmp_path):
    assert "no such file" in refused("run", "--config", tmp_path / "none.yml")
