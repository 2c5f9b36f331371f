"""The guard acts in NNI's own programs of the tested version, and nowhere else."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from trials.experiment.nni import portal


def test_other_node_programs_are_left_alone(node: Any, manager: Path) -> None:
    other = manager.with_name("other.js")
    other.write_text("console.log(JSON.stringify([process.umask(), process.env.PATH, process.env.SEISNAS_EXPERIMENT]))")
    umask = os.umask(0o022)
    os.umask(umask)
    assert node(other) == [umask, os.environ["PATH"], None]


def test_the_guard_says_that_it_is_in_force(start: Any, manager: Path) -> None:
    manager.write_text("")
    assert start(manager).stdout == "SeisNAS guard in force: NNI's portal listens on 127.0.0.1\n"


def test_another_version_of_nni_is_refused(start: Any, manager: Path) -> None:
    manager.write_text("console.log('started')")
    manager.with_name("package.json").write_text(json.dumps({"version": "3.1.0"}))
    done = start(manager)
    assert done.returncode == 1
    assert "NNI 3.1.0 is not one that SeisNAS was tested on (3.0.0)" in done.stderr
    assert "started" not in done.stdout


def test_a_second_guard_leaves_the_manager_to_the_first(start: Any, manager: Path, tmp_path: Path) -> None:
    manager.write_text("console.log(0)")
    shutil.copytree(portal.GUARD.parent, tmp_path / "guard")
    done = start(manager, NODE_OPTIONS=f"--require {tmp_path / 'guard' / 'index.js'}")
    assert done.stdout.count("in force") == 1
