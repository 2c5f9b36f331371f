import base64
import dataclasses
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from compressors.pareto import Point
from datagen.errors import InputError
from trials.results.report.report import (
    Curve,
    ModelRow,
    Prediction,
    Report,
    Sample,
    TrialRow,
    Yardstick,
    read_curve,
)
from trials.results.report.write import readable_bytes, write_report
from trials.results.yardsticks import AVERAGE
from trials.running.run_folder import RunFolder

UNET = ModelRow(
    name="UNet",
    parameters=17_000_000,
    nonzero=17_000_000,
    file_bytes=68_000_000,
    latency_ms=50,
    ssim=0.83,
    correlation=0.95,
    mae=0.04,
    epochs=9,
    samples=10_800,
)
PRUNED = ModelRow(
    name="NasUnet, pruned",
    parameters=600_000,
    nonzero=300_000,
    file_bytes=2_500_000,
    packed_bytes=1_300_000,
    latency_ms=9,
    ssim=0.81,
    correlation=0.94,
    mae=0.05,
)


class Page(HTMLParser):
    """What the tests look at: tags with their attributes, and the text."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(file.read_text())

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "img", "link", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes another tag"

    def handle_data(self, data):
        self.text += data

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def full(tmp_path: Path) -> Report:
    rng = np.random.default_rng(0)
    (tmp_path / "cells.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    image = rng.standard_normal((16, 18))
    Image.fromarray(np.full((30, 900, 3), 200, np.uint8)).save(tmp_path / "tune-003.png")
    predictions = {row.name: Prediction(image_ZX=image, ssim=0.765) for row in (UNET, PRUNED)}
    return Report(
        title="quick <script>start</script>",
        target="rtm",
        models=(UNET, PRUNED),
        curves=(Curve(name="UNet", train_loss=(0.5, 0.3), val_ssim=(0.6, 0.7)),),
        trials=(
            TrialRow(
                id="bshG4",
                stage="tune",
                nonzero=600_000,
                ssim=0.8,
                epochs=3,
                settings={"tune.learning_rate": 0.012345678, "loss.ssim": 0.1},
                picture=tmp_path / "tune-003.png",
            ),
        ),
        samples=(
            Sample(
                index=384,
                velocity_ZX=rng.uniform(1500, 4500, (16, 18)),
                gather_TR=rng.standard_normal((60, 18)),
                truth_ZX=image,
                blank_ssim=0.123,
                predictions=predictions,
            ),
        ),
        extent=(160.0, 180.0),
        blank_ssim=0.166,
        blank_validation=0.175,
        yardsticks={AVERAGE: Yardstick(ssim=0.484, correlation=0.7, mae=0.08, images_MZX=image[None])},
        duration=0.06,
        cells=tmp_path / "cells.svg",
        commands=("git checkout abc", "make run"),
        provenance={"commit": "abc", "seed": "1"},
    )


def test_the_page_is_well_formed_and_asks_nothing_of_the_network(full, tmp_path):
    page = Page(write_report(full, tmp_path / "report.html"))
    assert page.open == []
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "embed", "base", "form"}
    for _, attributes in page.tags:
        for key in ("src", "href", "xlink:href", "srcset"):
            assert (attributes.get(key) or "data:").startswith(("data:", "#"))
    assert "url(http" not in (tmp_path / "report.html").read_text()


def test_every_picture_says_in_words_what_it_shows(full, tmp_path):
    page = Page(write_report(full, tmp_path / "report.html"))
    assert page.attributes("img")
    assert all(image.get("alt") for image in page.attributes("img"))
    plots = [tag for _, tag in page.tags if tag.get("role") == "img"]
    assert len(plots) == 3 + 5  # and the sheet's
    assert all(plot.get("aria-label") for plot in plots)
    assert all(svg.get("aria-hidden") == "true" for svg in page.attributes("svg"))


def test_the_numbers_are_on_the_page(full, tmp_path):
    text = Page(write_report(full, tmp_path / "report.html")).text
    for fact in (
        "0.8300",
        "0.0500",
        "17,000,000",
        "300,000",
        "2.5 MB",
        "1.3 MB",
        "9 ms",
        "56.7",
        "SSIM 0.765",
    ):
        assert fact in text
    for fact in ("model 384", "make run", "git checkout abc", "160 m deep", "0.06 s"):
        assert fact in text


def test_what_a_search_found_has_a_front_beside_that_of_compression(full, tmp_path):
    points = [
        Point(name="1", ssim=0.61, nonzero=600_000, latency_ms=8.0, score=0.61),
        Point(name="2", ssim=0.52, nonzero=150_000, latency_ms=3.0, score=0.52),
    ]
    page = Page(write_report(dataclasses.replace(full, searched=tuple(points)), tmp_path / "report.html"))
    (front,) = [a["aria-label"] for a in page.attributes("div") if "front of search" in (a.get("aria-label") or "")]
    assert "150,000 weights, 3.0 ms: SSIM 0.520; 600,000 weights, 8.0 ms: SSIM 0.610" in front
    assert "--max-latency" in page.text


def test_every_score_has_something_to_be_compared_with(full, tmp_path):
    text = " ".join(Page(write_report(full, tmp_path / "report.html")).text.split())
    for fact in (
        "a blank image has 0.166, RTM in v(z) 0.484",
        "a blank image has an SSIM of 0.175 there",
        "blank image 0.123",
        "10,800",
    ):
        assert fact in text


def test_a_trial_has_a_column_a_setting_in_words_and_its_picture(full, tmp_path):
    page = Page(write_report(full, tmp_path / "report.html"))
    assert "learning rate" in page.text
    assert "0.01235" in page.text
    assert {"title": "tune.learning_rate", "scope": "col"} in page.attributes("th")
    (picture,) = [image for image in page.attributes("img") if "trial bshG4" in image["alt"]]
    decoded = Image.open(io.BytesIO(base64.b64decode(picture["src"].removeprefix("data:image/webp;base64,"))))
    assert decoded.width == 460
    assert "too few trials to say what mattered: 1" in page.text


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_a_damaged_picture_is_left_out(full, tmp_path, content):
    (tmp_path / "tune-003.png").write_bytes(content)
    page = Page(write_report(full, tmp_path / "report.html"))
    assert not [image for image in page.attributes("img") if "trial bshG4" in image["alt"]]
    assert "bshG4" in page.text


def test_sections_have_axes_in_metres(full, tmp_path):
    report = write_report(full, tmp_path / "report.html").read_text()
    panels = re.findall(r"<svg aria-hidden=\"true\" viewBox.*?</svg>", report)
    assert len(panels) == 5
    assert all(f">{number}<" in panels[0] for number in (50, 100, 150, "m"))
    assert ">s<" in panels[1]


def test_text_from_outside_cannot_become_markup(full, tmp_path):
    page = Page(write_report(full, tmp_path / "report.html"))
    assert "<script>start</script>" in page.text


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "\"><img src=x onerror='alert(1)'>",
        "' onload='alert(1)",
        "</text></svg><script>alert(1)</script>",
        "--><script>alert(1)</script>",
        "[click](javascript:alert(1))",
        "$\\bad{$",
        "]]>{{ 7 * 7 }}{% include '/etc/hostname' %}",
    ],
)
def test_hostile_names_of_models_and_settings_stay_text(full, tmp_path, name):
    hostile = dataclasses.replace(
        full,
        title=name,
        models=(dataclasses.replace(UNET, name=name), dataclasses.replace(PRUNED, name=f"2 {name}")),
        curves=(Curve(name=name, train_loss=(0.5, 0.3), val_ssim=(0.6, 0.7)),),
        trials=(TrialRow(id=name, stage=name, nonzero=600_000, ssim=0.8, settings={name: name}),),
        samples=(dataclasses.replace(full.samples[0], predictions={name: full.samples[0].predictions["UNet"]}),),
        commands=(name,),
        provenance={name: name},
    )
    page = Page(write_report(hostile, tmp_path / "report.html"))
    assert page.open == []
    assert name in page.text
    assert "script" not in {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        assert not any(key.startswith("on") for key in attributes)
        for key in ("src", "href", "xlink:href", "srcset"):
            assert (attributes.get(key) or "data:").startswith(("data:", "#"))


def test_one_model_alone_makes_a_page(tmp_path):
    page = Page(write_report(Report(title="t", target="rtm", models=(UNET,)), tmp_path / "report.html"))
    assert page.open == []
    assert "0.8300" in page.text
    assert "Predictions" not in page.text


def test_velocities_are_drawn_in_their_own_colours(full, tmp_path):
    page = Page(write_report(dataclasses.replace(full, target="velocity"), tmp_path / "report.html"))
    assert "true velocity" in page.text


def test_the_page_is_replaced_in_one_step(full, tmp_path):
    out = tmp_path / "sub" / "report.html"
    write_report(full, out)
    write_report(dataclasses.replace(full, title="second"), out)
    assert "second" in Page(out).text
    assert [file.name for file in out.parent.iterdir()] == ["report.html"]


def test_a_drawing_of_an_unknown_kind_is_refused(full, tmp_path):
    with pytest.raises(InputError, match=r"\.svg or \.png"):
        write_report(dataclasses.replace(full, cells=tmp_path / "cells.pdf"), tmp_path / "report.html")


def test_an_interrupted_epoch_counts_once_and_phases_follow_each_other(tmp_path):
    rows = [
        {"phase": "compress-1", "epoch": 0, "train_loss": 0.5, "val_ssim": 0.1},
        {"phase": "compress-1", "epoch": 1, "train_loss": 0.4, "val_ssim": 0.2},
        {"phase": "compress-1", "epoch": 1, "train_loss": 0.3, "val_ssim": 0.3},
        {"phase": "compress-2", "epoch": 0, "train_loss": 0.2, "val_ssim": 0.4},
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    curve = read_curve(RunFolder(tmp_path), "pruned")
    assert curve == Curve(name="pruned", train_loss=(0.5, 0.3, 0.2), val_ssim=(0.1, 0.3, 0.4))


def test_a_run_without_metrics_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"metrics\.jsonl"):
        read_curve(RunFolder(tmp_path), "nothing")


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (2_512_000, "2.51 MB"), (3e9, "3 GB")]
)
def test_bytes_are_readable(count, text):
    assert readable_bytes(count) == text
