"""The drawing shows every live edge, with or without Graphviz' program."""

import shutil
from pathlib import Path

import pytest

from search_spaces.cells.operations import OPERATIONS
from search_spaces.draw import COLOURS, dot, draw_genotype
from search_spaces.genotype import Genotype

GENOTYPE = Genotype(
    depth=2, width=4, nodes=2,
    encoder=(("conv_3x3",), ("none", "skip")), decoder=(("dil_conv_3x3",), ("max_pool_3x3", "none")),
)  # fmt: skip


def test_every_operation_but_none_has_a_colour_of_its_own() -> None:
    assert set(COLOURS) == set(OPERATIONS) - {"none"}
    assert len(set(COLOURS.values())) == len(COLOURS)


def test_the_text_has_an_arrow_for_each_live_edge_and_none_for_none() -> None:
    arrows = [line.split() for line in dot(GENOTYPE).splitlines() if "->" in line and "label" in line]
    assert [(start, end) for start, _, end, *_ in arrows] == [
        ("encoder0", "encoder1"),
        ("encoder1", "encoder2"),
        ("decoder0", "decoder1"),
        ("decoder0", "decoder2"),
    ]


def test_without_graphviz_the_pictures_are_drawn_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    files = draw_genotype(GENOTYPE, tmp_path / "cells.v1")
    assert [file.name for file in files] == ["cells.v1.dot", "cells.v1.png", "cells.v1.svg"]
    assert files[1].read_bytes().startswith(b"\x89PNG")
    assert "<svg" in files[2].read_text()


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz' program dot is not installed")
def test_with_graphviz_it_draws_the_pictures(tmp_path: Path) -> None:
    files = draw_genotype(GENOTYPE, tmp_path / "cells")
    assert files[1].read_bytes().startswith(b"\x89PNG")
    assert "graphviz" in files[2].read_text()
