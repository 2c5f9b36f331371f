import csv
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import segyio

from compressors.bundles.untrained import untrained_bundle
from compressors.verify import compare_onnx
from datagen.config import Data, Grid, Split, Survey
from datagen.errors import InputError
from search_spaces.config import Gather, Network
from trials.prediction.picking.pick import pick
from trials.prediction.picking.picking_network import PickingNetwork, load_network
from trials.training.picking.windows import resampled

SURVEY = Survey(shots=1, receivers=12, frequency=60.0, interval=0.001, samples=64)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    data = Data(
        folder="none", grid=Grid(nz=16, nx=16, spacing=1.0), survey=SURVEY, split=Split(train=1, validation=1, test=1)
    )
    spec = Network(model="unet", depth=2, width=4, front=Gather(rows=32))
    return untrained_bundle(tmp_path_factory.mktemp("exports") / "picker", spec, data, "first_break")


@pytest.fixture
def gather_TR():
    return np.random.default_rng(0).standard_normal((64, 12)).astype(np.float32)


def loudest(gather_B1TR):
    """A network that picks the largest sample of each trace, as sure as it is large."""
    gather_BTR = np.abs(gather_B1TR[:, 0])
    return np.stack([gather_BTR.argmax(1), gather_BTR.max(1)], axis=1)


def spikes(times, interval, samples):
    gather_TR = np.zeros((samples, len(times)), np.float32)
    gather_TR[np.round(np.asarray(times) / interval).astype(int), np.arange(len(times))] = 0.5
    return gather_TR


def read_rows(file):
    with file.open() as stream:
        return list(csv.DictReader(stream))


def test_the_graph_of_a_bundle_picks_as_torch_does(bundle, gather_TR):
    assert compare_onnx(bundle, np.stack([gather_TR, gather_TR[::-1]])[:, None]) < 1e-4


def test_picks_lie_in_the_record_with_confidences_of_a_share(bundle, gather_TR):
    picked = load_network(bundle)(gather_TR, 0.001)
    assert ((picked.time_R > -0.001) & (picked.time_R < 0.064)).all()
    assert ((picked.confidence_R > 0) & (picked.confidence_R <= 1)).all()


@pytest.mark.parametrize("receivers", [1, 5, 12, 31])
@pytest.mark.parametrize("interval", [0.00025, 0.001])
def test_gathers_of_any_width_and_sampling_are_picked_at_their_times(receivers, interval):
    times = np.linspace(0.01, 0.05, receivers)
    network = PickingNetwork(run=loudest, survey=SURVEY)
    picked = network(spikes(times, interval, int(0.064 / interval)), interval)
    assert np.abs(picked.time_R - times).max() <= 0.0011


def test_picks_count_from_the_shot_when_the_record_starts_earlier():
    picked = PickingNetwork(run=loudest, survey=SURVEY)(spikes([0.02], 0.001, 64), 0.001, start=-0.005)
    assert picked.time_R == pytest.approx([0.015])


def test_a_dead_trace_has_no_pick_and_a_broken_sample_is_mended(bundle, gather_TR, tmp_path, caplog):
    gather_TR[:, 3] = 0
    gather_TR[10, 5] = np.nan
    np.save(tmp_path / "a.npy", gather_TR)
    pick(bundle, [tmp_path / "a.npy"], [tmp_path / "a.csv"], confidence=0)
    found = read_rows(tmp_path / "a.csv")
    assert [row["trace"] for row in found if not row["pick_s"]] == ["3"]
    assert "1 of 12 traces are dead" in caplog.text
    assert "1 of 12 traces hold values that are not finite" in caplog.text
    assert "assuming 0.001 s" in caplog.text


def test_a_file_of_dead_traces_is_refused(bundle, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((64, 12)))
    with pytest.raises(InputError, match="all 12 traces are dead"):
        pick(bundle, [tmp_path / "a.npy"], [tmp_path / "a.csv"], confidence=0)
    assert not (tmp_path / "a.csv").exists()


def test_a_bundle_that_images_is_refused(tiny_bundle, gather_TR, tmp_path):
    np.save(tmp_path / "a.npy", gather_TR)
    with pytest.raises(InputError, match="its target is rtm"):
        pick(tiny_bundle, [tmp_path / "a.npy"], [tmp_path / "a.csv"], confidence=0)


def write_line(path, gather_TR, source=3):
    spec = segyio.spec()
    spec.format, spec.samples, spec.tracecount = 1, range(len(gather_TR)), gather_TR.shape[1]
    with segyio.create(path, spec) as file:
        file.bin[segyio.BinField.Interval] = 1000
        for number, values in enumerate(np.ascontiguousarray(gather_TR.T)):
            file.trace[number] = values
            file.header[number] = {9: 1, 13: number + 1, 73: source, 81: 2 * number, 117: 1000}


def test_a_copy_of_segy_has_the_picks_in_its_headers(bundle, gather_TR, tmp_path):
    write_line(tmp_path / "a.sgy", gather_TR)
    before = (tmp_path / "a.sgy").read_bytes()
    pick(bundle, [tmp_path / "a.sgy"], [tmp_path / "b.sgy", tmp_path / "b.csv"], confidence=0)
    with segyio.open(tmp_path / "b.sgy", ignore_geometry=True) as file:
        words = file.attributes(233)[:], file.attributes(237)[:]
        assert np.allclose(file.trace.raw[:].T, gather_TR, rtol=1e-5)
    found = read_rows(tmp_path / "b.csv")
    assert words[0].tolist() == [round(1e6 * float(row["pick_s"])) for row in found]
    assert np.allclose(words[1] / 1e4, [float(row["confidence"]) for row in found], atol=1e-4)
    assert (tmp_path / "a.sgy").read_bytes() == before


def test_sgt_holds_positions_and_times(bundle, gather_TR, tmp_path):
    write_line(tmp_path / "a.sgy", gather_TR)
    pick(bundle, [tmp_path / "a.sgy"], [tmp_path / "a.sgt", tmp_path / "a.csv", tmp_path / "a.png"], confidence=0)
    lines = (tmp_path / "a.sgt").read_text().splitlines()
    assert lines[:3] == ["13 # shot/geophone points", "#x y", "0 0"]
    count = int(lines[15].split()[0])
    assert lines[16] == "#s g t"
    measured = [line.split() for line in lines[17:]]
    assert len(measured) == count
    places = [float(line.split()[0]) for line in lines[2:15]]
    by_place = {float(row["receiver_m"]): float(row["pick_s"]) for row in read_rows(tmp_path / "a.csv")}
    for source, geophone, time in measured:
        assert places[int(source) - 1] == 3
        assert float(time) == by_place[places[int(geophone) - 1]]
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_sgt_of_a_file_without_positions_asks_for_them(bundle, gather_TR, tmp_path):
    np.save(tmp_path / "a.npy", gather_TR)
    with pytest.raises(InputError, match="--spacing and --source"):
        pick(bundle, [tmp_path / "a.npy"], [tmp_path / "a.sgt"], confidence=0)
    pick(bundle, [tmp_path / "a.npy"], [tmp_path / "a.sgt"], confidence=0, spacing=2.0, sources="5")
    assert (tmp_path / "a.sgt").read_text().startswith("13 #")
    with pytest.raises(InputError, match=r"2 position\(s\), there are 1 gather"):
        pick(bundle, [tmp_path / "a.npy"], [tmp_path / "a.sgt"], confidence=0, spacing=2.0, sources="5,6")


@pytest.mark.parametrize(
    ("output", "told"),
    [("a.txt", "unknown ending"), ("none/a.csv", "no folder"), ("a.sgy", "SEG-Y file, .* is not SEG-Y")],
)
def test_outputs_are_checked_before_any_work(bundle, gather_TR, tmp_path, output, told):
    np.save(tmp_path / "a.npy", gather_TR)
    with pytest.raises(InputError, match=told):
        pick(bundle, [tmp_path / "a.npy"], [tmp_path / output])


def test_a_break_anywhere_in_a_longer_record_is_found():
    times = np.linspace(0.1, 1.9, 12)
    network = PickingNetwork(run=loudest, survey=SURVEY)
    for interval in (0.0005, 0.001):
        picked = network(spikes(times, interval, int(2 / interval)), interval)
        assert np.abs(picked.time_R - times).max() <= 0.0011


def test_no_pick_is_before_the_shot():
    picked = PickingNetwork(run=loudest, survey=SURVEY)(spikes([0.02, 0.04], 0.001, 64), 0.001, start=-0.03)
    assert np.isnan(picked.time_R).tolist() == [True, False]
    assert picked.confidence_R[0] == 0


def test_the_files_of_a_folder_are_one_survey_with_one_output(bundle, gather_TR, tmp_path):
    (tmp_path / "survey").mkdir()
    for number, name in enumerate(("b.sgy", "a.sgy", "c.sgy")):
        write_line(tmp_path / "survey" / name, gather_TR, 3 + 10 * number)
    (tmp_path / "survey" / "notes.txt").write_text("sunny")
    outputs = [tmp_path / name for name in ("a.csv", "a.sgt", "a.png")]
    pick(bundle, [tmp_path / "survey"], outputs, confidence=0)
    rows = read_rows(outputs[0])
    assert [Path(rows[12 * number]["file"]).name for number in range(3)] == ["a.sgy", "b.sgy", "c.sgy"]
    assert {(row["gather"], row["source_m"]) for row in rows} == {("0", "13"), ("1", "3"), ("2", "23")}
    lines = outputs[1].read_text().splitlines()
    assert lines[0].startswith("15 ")
    assert {line.split()[0] for line in lines[lines.index("#s g t") + 1 :]} == {"3", "9", "15"}
    with pytest.raises(InputError, match="a copy of one SEG-Y file, there are 3 files"):
        pick(bundle, [tmp_path / "survey"], [tmp_path / "b.sgy"])


def test_the_classical_picker_needs_no_network(tmp_path):
    onsets_R = np.arange(100, 340, 20)
    after_TR = np.arange(400)[:, None] - onsets_R
    noise_TR = np.random.default_rng(0).standard_normal((400, 12))
    gather_TR = (np.where(after_TR >= 0, np.sin(0.3 * after_TR), 0) + 0.01 * noise_TR).astype(np.float32)
    gather_TR[:, 4] = 0
    write_line(tmp_path / "a.sgy", gather_TR)
    pick(None, [tmp_path / "a.sgy"], [tmp_path / "a.csv", tmp_path / "b.sgy"], interval=0.00025)
    rows = read_rows(tmp_path / "a.csv")
    assert [row["trace"] for row in rows if not row["pick_s"]] == ["4"]
    errors = [float(row["pick_s"]) - 0.00025 * at for row, at in zip(rows, onsets_R, strict=True) if row["pick_s"]]
    assert np.median(np.abs(errors)) <= 0.001
    assert min(float(row["confidence"]) for row in rows if row["pick_s"]) > 0.7
    with segyio.open(tmp_path / "b.sgy", ignore_geometry=True) as file:
        assert (file.attributes(233)[:] == -1).tolist() == [number == 4 for number in range(12)]
    np.save(tmp_path / "a.npy", gather_TR)
    with pytest.raises(InputError, match="has no sampling interval; give it with --interval"):
        pick(None, [tmp_path / "a.npy"], [tmp_path / "a.csv"])


def test_a_record_of_many_samples_is_resampled_in_little_memory():
    tracemalloc.start()
    resampled(np.ones((64_000, 4), np.float32), 0.000125, 0.00025)
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()
