import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
from matplotlib.image import imread

from compressors.pareto import Point
from trials.results.figures import INK, curves_svg, importance_svg, panel_svg, pareto_svg, picture_uri, size_svg

POINT = Point(name="a", ssim=0.5, nonzero=1000, latency_ms=3.0, score=0.4)


def figures() -> list[str]:
    return [
        curves_svg({"UNet": [0.1, 0.5], "NasUnet": [0.2, 0.4, 0.6]}, "validation SSIM"),
        curves_svg({"UNet": [0.5, float("nan")]}, "training loss"),
        size_svg([("UNet", 17_000_000, 0.8), ("a & b", 300_000, 0.79)], [("search", 500_000, 0.7)], {"blank": 0.2}),
        pareto_svg([POINT], [POINT]),
        importance_svg({"learning rate": (0.8, 0.1), "a & b": (0.1, 0.2)}, 0.4, "tune"),
    ]


def test_plots_are_well_formed_and_take_the_colour_of_the_text():
    for figure in figures():
        ElementTree.fromstring(figure)
        assert INK not in figure
        assert "currentColor" in figure
        assert not re.search(r"(fill|stroke): ?#0{6}|<text [^>]*fill: ?black", figure)  # nor black on black
        words = re.findall(r"<text [^>]*>", figure)
        assert words
        assert all("currentColor" in word for word in words)


def test_ids_are_unique_on_a_page_and_every_reference_finds_its_id():
    page = "".join(figures())
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    references = re.findall(r'(?:url\(#|href="#)([^")]+)', page)
    assert references
    assert set(references) <= set(ids)


def test_plots_are_the_same_bits_each_time():
    assert figures() == figures()


def test_every_model_is_named_in_the_plot():
    assert "NasUnet" in figures()[0]
    assert "a &amp; b" in figures()[2]


def test_a_picture_has_axes_as_long_as_its_ground() -> None:
    panel = panel_svg("data:image/png;base64,", 640.0, 320.0, "m")
    ElementTree.fromstring(panel)
    assert 'width="300" height="150"' in panel
    assert [number for number in (200, 400, 600, 100, 300) if f">{number}<" not in panel] == []


def pixels(uri: str) -> np.ndarray:
    return imread(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,"))))


def test_a_picture_has_a_pixel_a_value_from_black_to_white():
    image = pixels(picture_uri(np.array([[-2.0, 0.0, 2.0], [9.0, -9.0, 1.0]]), "gray", -2.0, 2.0))
    assert image.shape[:2] == (2, 3)
    assert np.allclose(image[0, :, 0], [0.0, 0.5, 1.0], atol=0.01)
    assert np.allclose(image[1, :2, 0], [1.0, 0.0])


def test_long_gathers_are_thinned_out():
    assert len(pixels(picture_uri(np.zeros((1000, 8)), "gray", -1.0, 1.0))) <= 400
