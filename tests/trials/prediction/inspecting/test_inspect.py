"""`seisnas inspect`: what it understands of a recording, what it says that fits, and the draft it writes."""

import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from compressors.bundles.contents import read_contents
from compressors.bundles.untrained import untrained_bundle
from datagen.errors import InputError
from datagen.traces.fitting.survey_differences import differences
from datagen.traces.recorded_shots import open_shots
from datagen.waves.scheme import derive_scheme
from datagen.waves.survey import check_survey
from search_spaces.config import Gather, Network
from tests.field_files import write_segy
from tests.trials.prediction.inspecting.made_files import BAD, MADE, RECEIVER, SHOT, R, S, T, segy, waves
from trials.commands.app import app
from trials.prediction.inspecting.content import read_content
from trials.prediction.inspecting.draft import draft_preset, own_survey
from trials.prediction.inspecting.facts import facts
from trials.prediction.inspecting.inspect import inspect
from trials.prediction.inspecting.tasks import Task, find_bundles, tasks
from trials.settings.config import Config, load

REAL = Path(__file__).parents[5] / "shared/data/segy/real_gather.sgy"
WITH_WAVES = [what for what in MADE if what != "picks"]


@pytest.mark.parametrize("what", MADE)
def test_what_a_file_holds_is_understood(tmp_path: Path, what: str) -> None:
    make, wanted = MADE[what]
    found = dict(facts(read_content(make(tmp_path))))
    assert {name: found[name] for name, text in wanted.items() if text not in found[name]} == {}


@pytest.mark.parametrize("what", ["OpenFWI", ".npy of one survey", "SU"])
def test_an_interval_that_is_given_counts(tmp_path: Path, what: str) -> None:
    make, _ = MADE[what]
    assert dict(facts(read_content(make(tmp_path), 0.002)))["interval"] == "2 ms"


def filled(text: str) -> str:
    """The draft as a user fills it in: the slowest velocity that its own comment allows."""
    for word, value in {"METRES": "2.0", "SECONDS": "0.001", "HERTZ": "15.0"}.items():
        text = text.replace(word, value)
    allowed = re.search(r"LOWEST at least (\d+) on", text)
    lowest = max(300, int(allowed[1])) if allowed else 3000
    return text.replace("[LOWEST, HIGHEST]", f"[{lowest}.0, {min(8000, 2 * lowest)}.0]")


def loaded(file: Path, text: str) -> Config:
    file.write_text(text, encoding="utf-8")
    return load(file)


@pytest.mark.parametrize("what", WITH_WAVES)
def test_the_draft_loads_once_it_is_filled_in_and_fits_its_file(tmp_path: Path, what: str) -> None:
    content = read_content(MADE[what][0](tmp_path))
    draft = draft_preset(content)
    with pytest.raises(InputError, match=r"data\.geology\.velocity\.0: got 'LOWEST'.*Change it in"):
        loaded(tmp_path / "draft.yml", draft.text)
    data = loaded(tmp_path / "draft.yml", filled(draft.text)).data
    check_survey(data, derive_scheme(data))
    if draft.target == "both" and "a.npz" not in str(content.path):
        found = differences(open_shots(content.path, data.survey), data, content.interval or 0.001)
        told = [each.told("the draft") for each in found]
        assert told == [] or what.endswith(("delays", "interval", "heights", "a delay", "different size")), told


def test_the_draft_has_the_geometry_of_the_headers_from_the_left_end_of_the_section(tmp_path: Path) -> None:
    file = segy(tmp_path, {73: 1000 - 30 + 60 * SHOT, 81: 1000 + 10 * RECEIVER})
    survey = draft_preset(read_content(file)).data.survey
    assert (survey.shots, survey.receivers, survey.samples, survey.interval) == (S, R, T, 0.001)
    assert survey.source_positions == (0.0, 60.0, 120.0, 180.0)
    assert survey.receiver_positions == tuple(30.0 + 10.0 * np.arange(R))
    assert survey.frequency == pytest.approx(20, rel=0.15)


def test_sources_that_are_shot_again_and_again_are_samples(tmp_path: Path) -> None:
    again = write_segy(
        tmp_path / "a.sgy",
        waves(12),
        {9: 1 + np.arange(12 * R) // R, 73: 60 * (np.arange(12 * R) // R % 4), 81: 10 * (np.arange(12 * R) % R)},
    )
    assert draft_preset(read_content(again)).data.survey.shots == 4


def done(file: Path, *bundles: Path, interval: float | None = None) -> dict[str, Task]:
    content = read_content(file, interval)
    own = own_survey(content, draft_preset(content))
    return {task.name: task for task in tasks(content, find_bundles(bundles), own, interval)}


@pytest.fixture(scope="module")
def picker(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> Path:
    network = Network(model="unet", depth=2, width=4, front=Gather(rows=32))
    return untrained_bundle(
        tmp_path_factory.mktemp("picker") / "p", network, read_contents(tiny_bundle).data, "first_break"
    )


def test_a_file_that_fits_fits_everything(tmp_path: Path, tiny_bundle: Path, picker: Path) -> None:
    """Three samples of the bundle's survey: 2 shots of 60 samples into 20 receivers, 10 m apart."""
    shot, receiver = np.arange(120) // 20, np.arange(120) % 20
    line = {9: 1 + shot, 73: 190 * (shot % 2), 81: 10 * receiver}
    found = done(write_segy(tmp_path / "a.sgy", 0.06 * waves(6, 20, 60), line), tiny_bundle, picker)
    verdicts = {name: task.verdict for name, task in found.items()}
    assert verdicts == {"predict": "yes", "pick": "yes", "pretrain": "no", "import": "yes"}
    assert found["pretrain"].wrong == (
        "6 usable gathers, at least 8 are needed; add files to pretrain.gathers, or check these",
    )


def test_everything_that_differs_is_named_at_once(tmp_path: Path, tiny_bundle: Path, picker: Path) -> None:
    words = {81: 20 * RECEIVER + 60 * SHOT, 41: 5 * RECEIVER, 9: np.where(np.arange(S * R) > 90, 5, 1 + SHOT), 109: 30}
    found = done(segy(tmp_path, words, interval=0), tiny_bundle, picker)
    assert re.search(
        r"(?s)receivers: shot 4 has 19, shot 5 has 5.*shots: 5 in the file, no multiple of the 2 in the bundle's.*"
        r"no sampling interval.*heights: 0 to 115 m.*they move with the shots.*"
        r"time samples: 120.*first sample: at 0\.03 s.*"
        r"receivers: 24 in the file, 20 in the bundle's survey, 20 m and 10 m apart",
        "\n".join(found["predict"].wrong),
    )
    assert found["pick"].wrong == ("no sampling interval in its headers; give it with --interval, in seconds",)
    assert len(found["pretrain"].wrong) == 3  # too few receivers, no interval, too few gathers


def test_what_resample_converts_is_no_obstacle(tmp_path: Path, tiny_bundle: Path) -> None:
    shot, receiver = np.arange(80) // 40, np.arange(80) % 40
    line = {9: 1 + shot, 73: 190 * shot, 71: -100, 81: np.round(19000 * receiver / 39)}
    file = write_segy(tmp_path / "a.sgy", waves(2, 40, 200), {**line, 73: 19000 * shot}, interval=500)
    task = done(file, tiny_bundle)["predict"]
    assert (task.verdict, len(task.converted)) == ("with --resample", 2)
    assert any("resampled to every 1 ms" in note for note in task.notes)


def test_without_a_bundle_a_moving_spread_still_fits_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = done(segy(tmp_path, {81: 10 * RECEIVER + 60 * SHOT}))
    assert "they move with the shots; in every bundle's survey" in found["predict"].wrong[0]
    assert (found["pick"].partner, found["pick"].verdict) == ("field", "yes")  # it comes with the program


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_is_one_message_that_names_it(tmp_path: Path, what: str) -> None:
    told: list[str] = []
    console = Console(quiet=True)
    file = BAD[what](tmp_path)
    assert not inspect([file], console=console, tell=lambda line: None, complain=told.append)
    assert len(told) == 1
    assert str(tmp_path) in told[0]


def test_a_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    for name in ("1", "2"):
        (tmp_path / name).mkdir()
    good, bad = segy(tmp_path / "1"), BAD["truncated SEG-Y"](tmp_path / "2")
    result = CliRunner().invoke(app, ["inspect", str(bad), str(good), "-o", str(tmp_path / "a.png")])
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert "SourceX" in result.output
    assert "fixed" in result.output
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_draft_is_of_one_file_and_no_input_is_overwritten(tmp_path: Path) -> None:
    file, quiet = segy(tmp_path), {"console": Console(quiet=True), "tell": print, "complain": print}
    with pytest.raises(InputError, match="got 2 files; a draft is for one"):
        inspect([file, file], preset=tmp_path / "a.yml", **quiet)
    with pytest.raises(InputError, match="unknown ending"):
        inspect([file], preset=tmp_path / "a.png", **quiet)
    with pytest.raises(InputError, match="is the input file"):
        inspect([file], picture=file, **quiet)
    assert inspect([file], preset=tmp_path / "a.yml", **quiet)
    assert "receiver_positions" in (tmp_path / "a.yml").read_text()


@pytest.mark.skipif(not REAL.exists(), reason="the real gather is not there")
def test_the_headers_of_a_real_gather_put_its_receivers_too_far_apart() -> None:
    content = read_content(REAL)
    assert content.traces == [96]
    assert "receivers 10000 m apart in records of 0.25 s" in content.doubt
    assert draft_preset(content).missing == ("LOWEST", "HIGHEST", "METRES")
