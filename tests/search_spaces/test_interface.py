"""The Python interface does what its documentation shows, and costs nothing until it is used."""

import doctest
import subprocess
import sys

import pytest

import search_spaces
from datagen.config import Data, Grid, Split, Survey
from datagen.errors import InputError
from search_spaces import build_network
from search_spaces.config import Gather

DATA = Data(
    folder="data/mine",
    grid=Grid(nz=32, nx=40, spacing=10.0),
    survey=Survey(shots=3, receivers=32, frequency=15.0, interval=0.001, samples=400),
    split=Split(train=8, validation=4, test=4),
)
GENOTYPE = '{"depth": 2, "width": 8, "nodes": 1, "encoder": [["skip"]], "decoder": [["skip"]]}'


def test_the_documented_example_gives_what_it_shows() -> None:
    result = doctest.testmod(search_spaces)
    assert result.attempted > 5
    assert result.failed == 0


def test_the_package_is_imported_without_torch() -> None:
    code = "import sys, search_spaces; sys.exit('torch' in sys.modules or 'pydantic' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_network_for_gathers_looks_at_one() -> None:
    network = build_network(GENOTYPE, DATA, shot_scale=1.0, front=Gather(rows=64))
    assert network.front.channels == 1  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("genotype", "scale", "message"), [("{}", 1.0, r"genotype\.depth"), (GENOTYPE, 0.0, "must be above 0")]
)
def test_what_is_wrong_is_an_input_error(genotype: str, scale: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_network(genotype, DATA, shot_scale=scale)
