"""The guard and NNI's server, fed with the same addresses in all spellings: none that is forbidden arrives."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.trials.experiment.guard.portal.spellings import spellings
from trials.experiment.nni import portal

API = "/api/v1/nni"
FORBIDDEN = {
    "netron": ("GET", "/netron/x"),
    "tuner": ("UPGRADE", "/tuner"),
    "cluster-metadata": ("PUT", f"{API}/experiment/cluster-metadata"),
    "trial-file": ("GET", f"{API}/trial-file/abc/passwd"),
    "logs": ("GET", "/logs/secret.log"),
}


@pytest.fixture
def arrived(node: Any, manager: Path, tmp_path: Path) -> Callable[[], set[str]]:
    """Feeds the same 400 requests to NNI's server; the forbidden places that were reached, with how."""
    chance = random.Random(1)
    requests = [
        ("GET" if method == "UPGRADE" else method, target, method == "UPGRADE")
        for method, address in FORBIDDEN.values()
        for target in spellings(address, 80, chance)
    ]
    (tmp_path / "requests.json").write_text(json.dumps(requests))
    manager.write_text("require('./feed');")
    return lambda: set(node(manager, REQUESTS=str(tmp_path / "requests.json")))


def test_no_spelling_of_a_forbidden_address_arrives(arrived: Any) -> None:
    assert arrived() == set()


def test_without_the_guard_they_arrive_in_many_spellings(arrived: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal, "node_option", lambda: "")
    found = arrived()
    counts = {place: sum(one.startswith(f"{place} ") for one in found) for place in FORBIDDEN}
    assert min(counts.values()) >= 5, counts
    assert any("#" in one for one in found)
    assert any("\\" in one for one in found)
