import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from compressors.bundles import bundle as bundle_module
from compressors.bundles.bundle import in_8_bits, load_bundle, write_bundle
from compressors.bundles.contents import read_contents
from compressors.bundles.seal import seal
from compressors.graphs.runner import Imager
from datagen.errors import InputError
from search_spaces.build import build


@pytest.fixture
def copied(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "copied"))


@pytest.fixture
def without_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ONNX export takes seconds; here for tests that are about something else."""
    monkeypatch.setattr(bundle_module, "export_onnx", lambda network, shape, file, small: file.write_bytes(b"graph"))


def shots(count: int) -> torch.Tensor:
    return 0.1 * torch.randn(count, 2, 40, 12, generator=torch.Generator().manual_seed(1))


def test_a_loaded_network_gives_the_same_image(written, parts):
    original = parts["network"].eval()
    loaded = load_bundle(written)
    assert torch.equal(loaded.network(shots(3)), original(shots(3)))
    assert loaded.contents.network == parts["spec"]
    assert loaded.contents.shape == parts["shape"]
    assert loaded.contents.data == parts["data_recipe"]
    assert loaded.contents.statistics == parts["statistics"]


def test_the_deployed_network_gives_the_image_in_its_own_units(written, parts):
    loaded = load_bundle(written)
    assert torch.allclose(loaded.deployed(shots(2)), 7.0 * parts["network"].eval()(shots(2)))


@pytest.mark.usefixtures("without_graph")
def test_a_velocity_bundle_spans_the_training_velocities(parts, tmp_path):
    loaded = load_bundle(write_bundle(tmp_path / "v", **{**parts, "target": "velocity"}))
    loaded.network.forward = lambda shots_BSTR: torch.tensor([-1.0, 0.0, 1.0])
    assert loaded.deployed(shots(1)).tolist() == [1500.0, 3000.0, 4500.0]


@pytest.mark.usefixtures("without_graph")
def test_the_network_that_is_written_is_left_as_it_was(parts, tmp_path):
    network = parts["network"].train()
    before = [value.clone() for value in network.state_dict().values()]
    write_bundle(tmp_path / "b", **parts)
    assert network.training
    after = network.state_dict().values()
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))


def test_loading_and_running_need_neither_nni_nor_devito(written):
    code = (
        "import sys; from compressors.bundles.bundle import load_bundle; load_bundle(sys.argv[1]);"
        "from compressors.graphs.runner import Imager; Imager(sys.argv[1]);"
        "wrong = {'nni', 'devito', 'pytorch_lightning', 'torchvision'} & set(sys.modules); assert not wrong, wrong"
    )
    subprocess.run([sys.executable, "-c", code, str(written)], check=True)


def test_reading_what_a_bundle_says_needs_no_torch(written):
    code = "import sys; from compressors.graphs.runner import Imager;Imager(sys.argv[1]); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, str(written)], check=True, capture_output=True)
    assert done.stdout == b"False\n"


def test_the_folder_holds_what_a_stranger_needs(written):
    names = {"model.safetensors", "weights.seisnas", "genotype.json", "config.yml", "model.onnx", "README.md"}
    names |= {"cells.png", "checksums.json"}
    assert {file.name for file in written.iterdir()} == names
    card = (written / "README.md").read_text()
    for fact in ("Ricker, peak at 15 Hz", "ssim | 0.81", "40 samples every 1 ms", "MIT", "16 × 18 cells"):
        assert fact in card
    assert yaml.safe_load((written / "config.yml").read_text())["target"] == "rtm"


def test_no_file_tells_on_which_machine_it_was_written(written):
    place = str(Path(bundle_module.__file__).parents[1]).encode()
    assert not any(place in file.read_bytes() for file in written.iterdir())


@pytest.mark.usefixtures("without_graph")
def test_a_picture_lands_in_the_model_card(parts, tmp_path):
    picture = tmp_path / "sheet.png"
    picture.write_bytes(b"a picture")
    folder = write_bundle(tmp_path / "b", **parts, picture=picture)
    assert (folder / "picture.png").read_bytes() == b"a picture"
    assert "](picture.png)" in (folder / "README.md").read_text()
    load_bundle(folder)


@pytest.mark.usefixtures("without_graph")
def test_a_new_bundle_replaces_the_old_one_and_leaves_nothing_beside(parts, tmp_path):
    folder = write_bundle(tmp_path / "b", **parts)
    write_bundle(folder, **{**parts, "name": "second"})
    assert load_bundle(folder).contents.name == "second"
    assert os.listdir(tmp_path) == ["b"]


@pytest.mark.usefixtures("without_graph")
def test_the_old_bundle_stays_when_the_new_one_cannot_be_completed(parts, tmp_path, monkeypatch):
    folder = write_bundle(tmp_path / "b", **parts)

    def full_disk(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle_module, "export_onnx", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_bundle(folder, **{**parts, "name": "second"})
    assert load_bundle(folder).contents.name == "tiny"
    assert os.listdir(tmp_path) == ["b"]


def test_a_folder_that_is_no_bundle_is_not_replaced(parts, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="not a bundle"):
        write_bundle(tmp_path, **parts)
    assert (tmp_path / "thesis.tex").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "config.yml", "model.onnx", "genotype.json", "README.md"])
def test_a_changed_file_is_found(copied, name):
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: changed or damaged"):
        load_bundle(copied)


def test_packed_weights_serve_where_the_plain_ones_are_left_out(copied, written):
    (copied / "model.safetensors").unlink()
    seal(copied)
    assert torch.equal(load_bundle(copied).network(shots(1)), load_bundle(written).network(shots(1)))


@pytest.mark.parametrize("name", ["config.yml", "model.onnx", "genotype.json"])
def test_a_missing_file_is_named(copied, name):
    (copied / name).unlink()
    with pytest.raises(InputError, match=f"{name}.*missing"):
        load_bundle(copied)
    seal(copied)
    with pytest.raises(InputError, match=name):
        load_bundle(copied)


def test_a_folder_that_is_not_there_or_empty_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        load_bundle(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"checksums\.json: missing"):
        load_bundle(tmp_path)


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/hostname", "sub/model.onnx", "model.pt"])
def test_names_that_no_bundle_holds_are_refused(copied, name):
    (copied.parent / "outside.txt").write_text("secret")
    sums = json.loads((copied / "checksums.json").read_text())
    (copied / "checksums.json").write_text(json.dumps(sums | {name: "0" * 64}))
    with pytest.raises(InputError, match="no bundle holds"):
        load_bundle(copied)


def test_a_link_out_of_the_folder_is_refused(copied):
    outside = copied.parent / "outside.safetensors"
    (copied / "model.safetensors").rename(outside)
    (copied / "model.safetensors").symlink_to(outside)
    with pytest.raises(InputError, match="leads out of the bundle"):
        load_bundle(copied)


def test_a_pickle_in_place_of_the_weights_is_not_opened(copied):
    class Trap:
        def __reduce__(self):
            return (os.system, (f"touch {copied / 'sprung'}",))

    torch.save(Trap(), copied / "model.safetensors")
    seal(copied)
    with pytest.raises(InputError, match="not a safetensors file"):
        load_bundle(copied)
    assert not (copied / "sprung").exists()


def test_weights_of_another_shape_are_refused(copied):
    weights = load_file(copied / "model.safetensors")
    weights["head.weight"] = torch.zeros(1, 99, 1, 1)
    save_file(weights, copied / "model.safetensors")
    seal(copied)
    with pytest.raises(InputError, match=r"head\.weight has shape \[1, 99, 1, 1\]"):
        load_bundle(copied)


def test_shapes_that_are_not_the_surveys_are_refused(copied):
    text = (copied / "config.yml").read_text()
    (copied / "config.yml").write_text(text.replace("shots: 2", "shots: 3", 1))
    seal(copied)
    with pytest.raises(InputError, match=r"shape is .*, but data gives"):
        load_bundle(copied)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("target: rtm", "target: gravity", "target"),
        ("name: tiny", "name: ../../etc", "name"),
        ("    fold: 2", "    fold: 2\n    flod: 3", "flod"),
        ("format: 1", "format: one", "format"),
        ("name: tiny", "name: !!python/object/apply:os.getcwd []", "not YAML"),
    ],
)
def test_a_config_that_does_not_fit_is_refused_with_its_field(copied, old, new, problem):
    text = (copied / "config.yml").read_text()
    assert old in text
    (copied / "config.yml").write_text(text.replace(old, new, 1))
    seal(copied)
    with pytest.raises(InputError, match=problem):
        load_bundle(copied)


@pytest.mark.parametrize(
    ("maker", "own", "change", "told"),
    [
        ("0.10.0", "0.9.1", ("format: 1", "format: 2"), r"format 2; known here: 1 to 1\nSeisNAS 0.10.0 .* install"),
        ("of the future", "0.9.1", ("format: 1", "format: 2"), "of the future made this bundle"),
        ("0.10.0", "0.9.1", ("    fold: 2", "    fold: 2\n    bent: 3"), r"bent(.|\n)*SeisNAS 0.10.0 .* install"),
        ("0.9.1", "0.10.0", ("    fold: 2", "    fold: 2\n    bent: 3"), r"bent(.|\n)*SeisNAS 0.9.1 .* export"),
    ],
)
def test_a_bundle_of_another_version_that_cannot_be_read_says_what_to_do(copied, monkeypatch, maker, own, change, told):
    monkeypatch.setattr("compressors.bundles.versions.own_version", lambda: own)
    text = re.sub(r"  seisnas: .*", f"  seisnas: {maker!r}", (copied / "config.yml").read_text())
    assert change[0] in text
    (copied / "config.yml").write_text(text.replace(*change, 1))
    seal(copied)
    with pytest.raises(InputError, match=told):
        read_contents(copied)


def test_a_bundle_of_another_version_that_can_be_read_is(copied, monkeypatch):
    for own in ("0.0.1", "99.0", "not installed"):
        monkeypatch.setattr("compressors.bundles.versions.own_version", lambda own=own: own)
        assert read_contents(copied).format == 1


def test_a_bundle_of_before_fronts_were_records_gives_the_same_image(copied, parts):
    tree = yaml.safe_load((copied / "config.yml").read_text())
    assert tree["network"]["front"] == {"kind": "stack", "fold": 2, "group": 2, "coarse": False}
    tree["network"] |= {"front": "stack", "fold": 2, "group": 2, "coarse": False, "rows": 256, "scaling": "trace"}
    (copied / "config.yml").write_text(yaml.safe_dump(tree, sort_keys=False))
    seal(copied)
    loaded = load_bundle(copied)
    assert loaded.contents.network == parts["spec"]
    assert torch.equal(loaded.network(shots(1)), parts["network"].eval()(shots(1)))


def test_the_graph_runs_with_any_number_of_models(written, parts):
    session = onnxruntime.InferenceSession(written / "model.onnx")
    for count in (1, 5):
        image = session.run(None, {"shots": shots(count).numpy()})[0]
        expected = 7.0 * parts["network"].eval()(shots(count)).detach().numpy()
        assert image.dtype == np.float32
        assert np.abs(image - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.usefixtures("without_graph")
def test_the_card_tells_the_spread_of_the_scores_over_seeds(parts, written, tmp_path):
    by_seed = {"ssim": [0.81, 0.83, 0.79], "mae": [0.05, 0.05, 0.06]}
    folder = write_bundle(tmp_path / "b", **parts, scores_by_seed=by_seed)
    card = (folder / "README.md").read_text()
    assert "standard deviation of 3 seeds" in card
    assert "| ssim | 0.81 | 0.81 ± 0.02 |" in card
    assert load_bundle(folder).contents.scores_by_seed == by_seed
    assert "its spread is not known" in (written / "README.md").read_text()


@pytest.mark.usefixtures("without_graph")
def test_scores_survive_writing_to_the_last_digit(parts, tmp_path):
    scores = {"ssim": 1 / 3, "mae": 3.0e-5}
    folder = write_bundle(tmp_path / "b", **{**parts, "scores": scores})
    assert load_bundle(folder).contents.scores == scores


@pytest.mark.usefixtures("without_graph")
@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror='alert(1)'>",
        "[click](javascript:alert(1))",
        "![x](http://example.org/x.png)",
        "<http://example.org>",
        "a | b\n\n# heading\n```",
        "{{ 7 * 7 }}",
    ],
)
def test_hostile_names_of_scores_stay_text_in_the_card(parts, tmp_path, name):
    """As Markdown's own rules have it: a backslash before a sign takes its meaning away."""
    folder = write_bundle(tmp_path / "b", **{**parts, "scores": {name: 0.5}})
    (line,) = [line for line in (folder / "README.md").read_text().splitlines() if line.endswith("| 0.5 |")]
    shown = re.sub(r"\\.", "", line.removeprefix("|").removesuffix("| 0.5 |"))
    assert not set(shown) & set("<>[]!|`#*_")
    assert re.sub(r"\\(.)", r"\1", line) == f"| {name} | 0.5 |".replace("\n", " ")


def test_a_unet_needs_no_genotype(parts, tmp_path):
    spec = dataclasses.replace(parts["spec"], model="unet", genotype=None)
    unet = build(spec, parts["shape"], 0.1)
    folder = write_bundle(tmp_path / "unet", **{**parts, "spec": spec, "network": unet})
    assert not (folder / "genotype.json").exists()
    assert torch.equal(load_bundle(folder).network(shots(1)), unet.eval()(shots(1)))


def test_a_small_bundle_holds_the_rounded_weights_alone(parts, tmp_path):
    folder = write_bundle(tmp_path / "small", **parts, small=True)
    assert not (folder / "model.safetensors").exists()
    expected = in_8_bits(parts["network"]).eval()
    loaded = load_bundle(folder)
    assert torch.equal(loaded.network(shots(2)), expected(shots(2)))
    deployed = loaded.deployed(shots(2)).detach().numpy()
    np.testing.assert_allclose(Imager(folder)(shots(2).numpy()), deployed, atol=1e-4)


@pytest.mark.usefixtures("without_graph")
def test_a_small_bundle_that_claims_a_large_network_is_refused(parts, tmp_path):
    """Its packed weights may be zeros, of which a few bytes stand for any number: the graph says how many there are."""
    folder = write_bundle(tmp_path / "small", **parts, small=True)
    tree = yaml.safe_load((folder / "config.yml").read_text())
    tree["network"] |= {"model": "unet", "width": 512, "depth": 6}
    (folder / "config.yml").write_text(yaml.safe_dump(tree))
    seal(folder)
    with pytest.raises(InputError):
        load_bundle(folder)


@pytest.mark.usefixtures("without_graph")
def test_a_bundle_without_any_weights_is_refused(parts, tmp_path):
    folder = write_bundle(tmp_path / "small", **parts, small=True)
    (folder / "weights.seisnas").unlink()
    seal(folder)
    with pytest.raises(InputError, match=r"lacks model.safetensors, and weights.seisnas too"):
        load_bundle(folder)
