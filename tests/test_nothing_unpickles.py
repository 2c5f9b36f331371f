"""No file that somebody else may have written runs code: what could is not called, but where EXCEPT says why."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("datagen", "search_spaces", "compressors", "trials", "benchmarks")
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "jsonpickle"}
CALLS = {
    *("eval", "exec", "compile", "__import__"),
    *("yaml.load", "yaml.full_load", "yaml.unsafe_load", "yaml.load_all", "yaml.unsafe_load_all"),
    *("joblib.load", "nni.load", "pandas.read_pickle", "pd.read_pickle", "torch.jit.load", "torch.hub.load"),
    *("distributed.broadcast_object_list", "distributed.all_gather_object", "distributed.recv_object_list"),
}
EXCEPT = {
    # The cache of compiled operators: in a folder that this user owns and nobody else can write to.
    ("datagen/waves/operators.py", "import pickle"),
    # Between the processes of one training: the first through a pipe, the second by torch over the loopback interface.
    ("trials/running/devices.py", "torch.load"),
    ("trials/running/devices.py", "distributed.broadcast_object_list"),
    # Makes what the guard must refuse.
    ("benchmarks/portal_attacks.py", "import pickle"),
}


def dangers(source: str) -> Iterator[str]:
    """What could run code that a file brings along."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from (f"import {name}" for name in names if name.split(".")[0] in MODULES)
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            options = {each.arg: ast.unparse(each.value) for each in node.keywords}
            unsafe = {
                "torch.load": options.get("weights_only") != "True",
                "np.load": options.get("allow_pickle", "False") != "False" or len(node.args) > 2,
            }
            if name in CALLS or unsafe.get(name, False) or options.get("weights_only", "True") not in ("True", "None"):
                yield name


def test_no_file_is_read_in_a_way_that_runs_code() -> None:
    files = {str(file.relative_to(ROOT)): file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")}
    found = {(name, danger) for name, file in files.items() for danger in dangers(file.read_text())}
    assert found == EXCEPT


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from pickle import loads",
        "torch.load(file)",
        "torch.load(file, weights_only=False)",
        "trainer.fit(module, weights_only=False)",
        "np.load(file, allow_pickle=True)",
        "yaml.load(text, Loader=yaml.Loader)",
        "joblib.load(file)",
        "eval(text)",
    ],
)
def test_a_line_that_could_is_found(line: str) -> None:
    assert list(dangers(line))


def test_safe_readers_are_not_accused() -> None:
    assert not list(dangers("torch.load(f, weights_only=True); np.load(f); yaml.safe_load(t); network.eval()"))
