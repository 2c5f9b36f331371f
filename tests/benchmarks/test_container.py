"""What the Dockerfile promises, as far as reading it can tell; benchmarks/run_dockerfile.py runs its steps."""

import json
import os
import re
from pathlib import Path

import pytest
from run_dockerfile import ROOT, ignored, read_stages

TEXT = (ROOT / "Dockerfile").read_text()
STAGES = read_stages(TEXT)


def words(stage: str, word: str) -> list[str]:
    return [rest for each, rest in STAGES[stage] if each == word]


def test_a_stage_comes_after_those_that_it_takes_from() -> None:
    before = {"debian:bookworm-slim"}
    for name in STAGES:
        sources = [words(name, "FROM")[0].split()[0], *re.findall(r"--from=(\S+)", " ".join(words(name, "COPY")))]
        assert set(sources) <= before, name
        before.add(name)


@pytest.mark.parametrize("target", ["light", "seisnas"])
def test_programs_do_not_run_as_root(target: str) -> None:
    assert words(target, "USER") == ["seisnas"]
    assert [word for word, _ in STAGES[target]].index("USER") > max(
        number for number, (word, _) in enumerate(STAGES[target]) if word in ("RUN", "COPY")
    )


def test_the_image_opens_nothing_by_itself() -> None:
    assert "SEISNAS_PORTAL" not in TEXT
    page = (ROOT / "docs/deploy.md").read_text()
    assert set(re.findall(r"-p (\S+:\d+:\d+)", page)) == {"127.0.0.1:8080:8080"}


def test_the_folders_that_an_experiment_fills_are_volumes() -> None:
    (volumes,) = words("seisnas", "VOLUME")
    filled = ["data", "runs", "exports", "nni-experiments"]
    assert json.loads(volumes) == [f"/seisnas/{name}" for name in filled]
    assert ignored(str(ROOT), [*filled, ".venv", ".git"]) == {*filled, ".venv", ".git"}


def test_everything_that_is_needed_is_copied() -> None:
    sent = set(os.listdir(ROOT)) - ignored(str(ROOT), os.listdir(ROOT))
    needed = {"pyproject.toml", "requirements.lock", "Makefile", "README.md", "LICENSE", ".nniignore", "nni_config.yml"}
    assert needed | {"datagen", "search_spaces", "compressors", "trials", "presets"} <= sent


def test_the_devcontainer_is_a_target_there_is() -> None:
    text = Path(ROOT, ".devcontainer/devcontainer.json").read_text()
    settings = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    assert settings["build"]["target"] in STAGES
    assert (ROOT / ".devcontainer" / settings["build"]["dockerfile"]).resolve() == ROOT / "Dockerfile"
    assert settings["remoteUser"] in TEXT
