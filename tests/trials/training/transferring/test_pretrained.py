"""Weights from elsewhere arrive in the encoder, or the user learns why they did not."""

import logging
import urllib.error
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import densenet121, resnet34

from datagen.errors import InputError
from search_spaces.build import build
from search_spaces.config import Fold, Network
from search_spaces.networks.torchvision_unets import ResNet34Encoder
from search_spaces.shape import Shape
from trials.training.transferring.pretrained import adapt_channels, imagenet_file, initialise

SHAPE = Shape(shots=2, samples=60, receivers=20, nz=32, nx=32)
UNET = Network(front=Fold(fold=2), model="unet", depth=2, width=4)


def unet() -> nn.Module:
    return build(UNET, SHAPE, 1.0)


def random_state(net: nn.Module) -> dict[str, Tensor]:
    return {name: torch.rand_like(value.float()).to(value.dtype) for name, value in net.state_dict().items()}


@pytest.mark.parametrize("ending", ["safetensors", "pth"])
def test_the_encoder_takes_its_weights_from_a_file_and_the_decoder_stays(tmp_path: Path, ending: str) -> None:
    net, file = unet(), tmp_path / f"encoder.{ending}"
    given, decoder = random_state(net.encoder), {k: v.clone() for k, v in net.decoder.state_dict().items()}
    save_file(given, file) if ending == "safetensors" else torch.save(given, file)
    loaded = initialise(net, str(file))
    assert (set(loaded.copied), loaded.fresh, loaded.unused) == (set(given), (), ())
    for name, value in net.encoder.state_dict().items():
        assert torch.equal(value, given[name]), name
    assert all(torch.equal(value, decoder[name]) for name, value in net.decoder.state_dict().items())


def test_of_the_weights_of_a_whole_run_the_encoder_takes_its_own(tmp_path: Path) -> None:
    net, other = unet(), unet()
    save_file(other.state_dict(), tmp_path / "weights.safetensors")
    initialise(net, str(tmp_path / "weights.safetensors"))
    assert torch.equal(net.encoder.levels[0][0].weight, other.encoder.levels[0][0].weight)
    assert not torch.equal(net.head.weight, other.head.weight)


def test_what_did_not_fit_is_named_in_return_value_and_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    net = unet()
    given = random_state(net.encoder) | {"fc.weight": torch.ones(3)}
    given["levels.1.0.weight"] = torch.ones(7, 7, 3, 3)
    del given["levels.1.1.bias"]
    save_file(given, tmp_path / "w.safetensors")
    with caplog.at_level(logging.WARNING):
        loaded = initialise(net, str(tmp_path / "w.safetensors"))
    assert loaded.fresh == ("levels.1.0.weight", "levels.1.1.bias")
    assert set(loaded.unused) == {"levels.1.0.weight", "fc.weight"}
    assert "left fresh: levels.1.0.weight, levels.1.1.bias; in the file but not used: " in caplog.text


def test_scratch_leaves_all_as_it_is() -> None:
    net = unet()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    loaded = initialise(net, "scratch")
    assert (loaded.copied, loaded.unused) == ((), ())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_a_file_of_which_nothing_fits_is_refused(tmp_path: Path) -> None:
    save_file({"features.0.weight": torch.ones(64, 3, 3, 3)}, tmp_path / "vgg.safetensors")
    with pytest.raises(InputError, match=r"no weight of .*vgg\.safetensors fits.*levels\.0.*features\.0\.weight"):
        initialise(unet(), str(tmp_path / "vgg.safetensors"))


def test_counters_of_batch_norm_alone_are_nothing(tmp_path: Path) -> None:
    save_file({"levels.0.1.num_batches_tracked": torch.tensor(3)}, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="no weight of"):
        initialise(unet(), str(tmp_path / "w.safetensors"))


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run",)


@pytest.mark.parametrize("content", [b"", b"rubbish", Evil(), {"model": {}}, [1.0], {}], ids=str)
@pytest.mark.parametrize("ending", ["safetensors", "pth"])
def test_a_file_that_holds_no_weights_is_refused(
    tmp_path: Path, content: object, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / f"w.{ending}"
    file.write_bytes(content) if isinstance(content, bytes) else torch.save(content, file)
    with pytest.raises(InputError, match="is not a file of name → tensor"):
        initialise(unet(), str(file))
    assert capsys.readouterr().out == ""


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InputError, match=r"got nowhere/gan\.safetensors, but there is no such file"):
        initialise(unet(), "nowhere/gan.safetensors")


@pytest.mark.parametrize(("given", "wanted"), [(3, 20), (3, 2), (1, 20), (20, 3)])
def test_equal_channels_give_the_same_output_after_their_number_changed(given: int, wanted: int) -> None:
    weight = torch.ones(4, 1, 3, 3) * torch.rand(4, 1, 3, 3) * torch.ones(1, given, 1, 1)
    adapted = adapt_channels(weight, wanted)
    assert adapted.shape == (4, wanted, 3, 3)
    torch.testing.assert_close(adapted.sum(1), weight.sum(1))


def test_channels_are_repeated_in_turn_and_summed_for_one() -> None:
    weight = torch.tensor([1.0, 2.0, 4.0]).reshape(1, 3, 1, 1)
    assert adapt_channels(weight, 6).flatten().tolist() == [0.5, 1.0, 2.0, 0.5, 1.0, 2.0]
    assert adapt_channels(weight, 1).flatten().tolist() == [7.0]
    assert adapt_channels(weight, 3) is weight


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where torch keeps what it downloads."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    return tmp_path / "checkpoints"


@pytest.mark.parametrize(("model", "classifier"), [("resunet34", resnet34), ("denseunet", densenet121)])
def test_torchvisions_file_fills_the_whole_encoder(hub: Path, model: str, classifier: type[nn.Module]) -> None:
    """But for the classifier itself."""
    net = build(Network(front=Fold(), model=model, encoder_init="imagenet"), SHAPE, 1.0)  # type: ignore[arg-type]
    state = {  # names as in the file on the internet
        name.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2.") if model == "denseunet" else name: value
        for name, value in classifier().state_dict().items()
    }
    hub.mkdir()
    torch.save(state, hub / Path(net.encoder.imagenet_url).name)
    loaded = initialise(net, "imagenet")
    assert loaded.fresh == ()
    assert {name.split(".")[0] for name in loaded.unused} <= {"fc", "classifier"}
    first = next(module for module in net.encoder.modules() if isinstance(module, nn.Conv2d))
    given = next(value for name, value in state.items() if name.endswith(("conv1.weight", "conv0.weight")))
    torch.testing.assert_close(first.weight, given[:, [0, 1, 2, 0, 1, 2, 0, 1]] * (3 / 8))


def test_without_internet_the_error_tells_where_to_put_the_file(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(url: str, file: str, **_: object) -> None:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(InputError) as error:
        imagenet_file(ResNet34Encoder.imagenet_url)
    message = str(error.value)
    assert "https://download.pytorch.org/models/resnet34-b627a593.pth" in message
    assert str(hub / "resnet34-b627a593.pth") in message
    assert "network.encoder_init" in message


def test_a_download_is_checked_against_the_digest_in_its_name(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def download(url: str, file: str, hash_prefix: str, progress: bool) -> None:
        asked.append(hash_prefix)
        Path(file).write_bytes(b"weights")

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    file = imagenet_file("https://download.pytorch.org/models/resnet34-b627a593.pth")
    assert file.read_bytes() == b"weights"
    imagenet_file("https://download.pytorch.org/models/resnet34-b627a593.pth")
    assert asked == ["b627a593"]
