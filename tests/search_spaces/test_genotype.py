"""A genotype survives JSON, refuses what is wrong and never has a dead node."""

import json
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.errors import InputError
from search_spaces.cells.operation_sets import SETS
from search_spaces.cells.operations import OPERATIONS
from search_spaces.genotype import (
    CELLS,
    CHAIN,
    Genotype,
    candidates_of_supernet,
    edge_label,
    edges,
    labels,
    skip_share,
)

SIZE = {"depth": 4, "width": 16, "nodes": 3}
GENOTYPE = Genotype.random(**SIZE, operations="full", seed=1)


def sample(operation: str, nodes: int = 3) -> dict[str, str]:
    edge = dict.fromkeys((edge_label(cell, *edge) for cell in CELLS for edge in edges(nodes)), operation)
    return edge | {"down": "conv_3x3", "up": "skip"}


@given(seed=st.integers(0, 2**32), nodes=st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_genotype_survives_json(seed: int, nodes: int) -> None:
    genotype = Genotype.random(**SIZE | {"nodes": nodes}, operations="full", seed=seed)
    assert Genotype.from_json(genotype.to_json()) == genotype


@given(seed=st.integers(0, 2**32), nodes=st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_every_node_of_drawn_cells_has_weights(seed: int, nodes: int) -> None:
    genotype = Genotype.random(**SIZE | {"nodes": nodes}, operations="small", seed=seed)
    assert all(set(node) - {"skip", "none"} for node in genotype.encoder + genotype.decoder)


def test_a_drawn_node_may_pass_by_the_one_before_it() -> None:
    drawn = [Genotype.random(**SIZE, operations="small", seed=seed) for seed in range(30)]
    assert any(genotype.encoder[1][1] == "none" for genotype in drawn)


def test_a_supernet_has_weights_at_every_node_whatever_it_chooses() -> None:
    for label in labels(5):
        weightless = {"skip", "none"} & set(candidates_of_supernet(label, "small"))
        assert not (label in CHAIN and weightless)


def test_a_seed_gives_always_the_same_genotype_and_another_seed_another() -> None:
    assert Genotype.random(**SIZE, operations="full", seed=1) == GENOTYPE
    assert Genotype.random(**SIZE, operations="full", seed=2) != GENOTYPE


def test_a_random_genotype_keeps_to_its_set_of_operations() -> None:
    names = {
        name
        for seed in range(20)
        for node in Genotype.random(**SIZE, operations="small", seed=seed).encoder
        for name in node
    }
    assert names == set(SETS["small"])


def test_an_nni_sample_becomes_a_genotype_edge_by_edge() -> None:
    labels = sample("conv_3x3") | {"encoder.node3.from1": "skip", "decoder.node2.from0": "none", "up": "sep_conv_7x7"}
    genotype = Genotype.from_sample(labels, **SIZE)
    assert genotype.encoder == (("conv_3x3",), ("conv_3x3",) * 2, ("conv_3x3", "skip", "conv_3x3"))
    assert genotype.decoder == (("conv_3x3",), ("none", "conv_3x3"), ("conv_3x3",) * 3)
    assert (genotype.down, genotype.up) == ("conv_3x3", "sep_conv_7x7")
    assert (genotype.depth, genotype.width) == (SIZE["depth"], SIZE["width"])


def test_a_dead_node_of_a_sample_gets_skip_on_its_first_edge() -> None:
    genotype = Genotype.from_sample(sample("none"), **SIZE)
    assert genotype.encoder == (("skip",), ("skip", "none"), ("skip", "none", "none"))


def test_a_sample_of_cells_with_other_nodes_is_refused() -> None:
    with pytest.raises(InputError, match=r"network\.nodes.*missing \['decoder\.node3\.from0'"):
        Genotype.from_sample(sample("skip", nodes=2), **SIZE)


def test_an_unknown_operation_is_named_with_the_known_ones_and_the_nearest() -> None:
    text = GENOTYPE.to_json().replace(GENOTYPE.encoder[0][0], "sep_conv3x3", 1)
    with pytest.raises(InputError) as error:
        Genotype.from_json(text)
    message = str(error.value)
    assert "genotype.encoder.0.0" in message
    assert "'sep_conv3x3'" in message
    assert "did you mean 'sep_conv_3x3'?" in message
    assert all(name in message for name in OPERATIONS)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"depth": 9}, "genotype.depth"),
        ({"width": "16"}, "genotype.width"),
        ({"width": True}, "genotype.width"),
        ({"colour": "red"}, "genotype.colour"),
        ({"nodes": 2}, "its 2 nodes need [1, 2] edges, it has [1, 2, 3]"),
        ({"down": "none"}, "down: it must not be 'none'"),
        ({"encoder": [["none"], ["skip", "skip"], ["skip"] * 3]}, "encoder: node 1 has no edge but 'none'"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, object], told: str) -> None:
    with pytest.raises(InputError) as error:
        Genotype.from_json(json.dumps(asdict(GENOTYPE) | change))
    assert told in str(error.value)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(InputError, match=r"genotype\.decoder"):
        Genotype.from_json(json.dumps({k: v for k, v in asdict(GENOTYPE).items() if k != "decoder"}))


def test_a_genotype_from_before_entrances_were_searched_still_loads() -> None:
    old = {k: v for k, v in asdict(GENOTYPE).items() if k not in ("down", "up")}
    genotype = Genotype.from_json(json.dumps(old))
    assert (genotype.down, genotype.up) == ("conv_3x3", "skip")


def test_text_that_is_not_json_is_refused() -> None:
    with pytest.raises(InputError, match="genotype"):
        Genotype.from_json("encoder: conv")


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InputError) as error:
        Genotype.from_json(json.dumps(asdict(GENOTYPE) | {"depth": 0, "width": 1000}))
    assert len(str(error.value).splitlines()) == 2


def test_skip_share_counts_live_edges_only() -> None:
    genotype = Genotype(
        depth=2, width=4, nodes=2,
        encoder=(("skip",), ("none", "skip")), decoder=(("conv_3x3",), ("none", "max_pool_3x3")),
    )  # fmt: skip
    assert skip_share(genotype) == 0.5
