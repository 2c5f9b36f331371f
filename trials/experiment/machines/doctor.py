"""Checks of this machine: what SeisNAS needs, what was found, and how to fix it."""

import importlib.metadata
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil

from datagen.errors import InputError
from trials.experiment.nni import portal

MEMORY = 6.0  # [GB] the quick start needs less
DISK = 5.0  # [GB] free, for data and experiments
VERSIONS = {  # tested versions (pyproject.toml)
    "torch": "2.6",
    "nni": "3.0",
    "pytorch-lightning": "2.6",
    "devito": "4.8.23",
    "numpy": "2.0",
    "onnx": "1.17",
    "onnxruntime": "1.20",
}


@dataclass(frozen=True)
class Check:
    """One finding; `remedy` is what to do if it is not `ok`."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def checks(port: int = 8080, folder: Path = Path("nni-experiments"), *, deep: bool = False) -> list[Check]:
    """All checks; `deep` also compiles and runs a small Devito operator, which takes some seconds."""
    return [
        python(),
        packages(),
        compiler(),
        *([devito()] if deep else []),
        node(),
        guard(),
        free_port(port),
        writable(folder),
        disk(folder),
        memory(),
        gpu(),
        graphviz(),
    ]


def require(*wanted: Check) -> None:
    """Raises InputError with every check that is not ok."""
    failed = [f"{check.name}: {check.detail}; {check.remedy}" for check in wanted if not check.ok]
    if failed:
        raise InputError("\n".join(failed))


def python() -> Check:
    version = sys.version.split()[0]
    ok = (3, 11) <= sys.version_info < (3, 14) and " " not in sys.executable
    return Check("python", ok, f"{version} {sys.executable}", "use Python 3.11 to 3.13, in a path without spaces (NNI)")


def packages() -> Check:
    found, problems = [], []
    for name, least in VERSIONS.items():
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            problems.append(f"{name} is missing")
            continue
        found.append(f"{name} {version}")
        if _numbers(version) < _numbers(least) or (name == "nni" and version != least):
            problems.append(f"{name} {version} instead of {least}")
    return Check("packages", not problems, ", ".join(problems or found), "pip install -r requirements.lock")


def compiler() -> Check:
    """Devito compiles its operators with the C compiler that CC or DEVITO_ARCH names, gcc by default."""
    name = (os.environ.get("CC") or os.environ.get("DEVITO_ARCH") or "gcc").split()[0]
    path = shutil.which(name)
    return Check("C compiler", path is not None, path or f"{name} not found", "install gcc (apt install gcc)")


def devito() -> Check:
    """Compiles and runs one operator, in a separate process because Devito caches what it compiled."""
    text = """\
from devito import Eq, Grid, Operator, TimeFunction
f = TimeFunction(name="f", grid=Grid((4, 4)))
Operator(Eq(f.forward, f + 1)).apply(time_M=2)
"""
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    last = (done.stderr.strip().splitlines() or [""])[-1]
    detail = "compiles and runs" if done.returncode == 0 else last
    return Check("Devito", done.returncode == 0, detail, "install a C compiler with OpenMP (apt install gcc)")


def node() -> Check:
    """NNI's manager is a node program that NNI brings along."""
    found = importlib.util.find_spec("nni_node")
    if found is None or found.origin is None:
        return Check("NNI's node", False, "not there", "pip install nni==3.0")
    done = subprocess.run(
        [str(Path(found.origin).with_name("node")), "--version"],
        capture_output=True,
        text=True,
        env=portal.guarded(os.environ),  # so that a guard which cannot be loaded is found too
    )
    detail = done.stdout.strip() or done.stderr.strip()
    return Check("NNI's node", done.returncode == 0, detail, "pip install --force-reinstall nni==3.0")


def guard() -> Check:
    detail = f"web page kept on 127.0.0.1 by {portal.pth_file()}" if portal.installed() else "not in force"
    return Check("portal guard", portal.installed(), detail, "python -m trials.experiment.nni.portal install")


def free_port(port: int) -> Check:
    with socket.socket() as probe:
        taken = probe.connect_ex(("127.0.0.1", port)) == 0
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            taken = True
    return Check("port", not taken, f"{port} is {'in use' if taken else 'free'}", "choose another one with --port")


def writable(folder: Path) -> Check:
    """Whether files can be made in the folder, which is made if needed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Check("folder", False, f"{folder}: {error.strerror}", "make it writable, or choose another one")
    return Check("folder", True, f"{folder} is writable")


def disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder if folder.exists() else Path()).free / 1e9
    return Check("disk", free > DISK, f"{free:.1f} GB free", f"free {DISK:.0f} GB")


def memory() -> Check:
    total = psutil.virtual_memory().total / 1e9
    return Check("memory", total > MEMORY, f"{total:.1f} GB", "choose a smaller batch (--set training.batch_size=4)")


def gpu() -> Check:
    """A GPU is optional."""
    import torch  # noqa: PLC0415  # slow to load, and this file is read by every launch

    if not torch.cuda.is_available():
        return Check("GPU", True, "none, training runs on the CPU")
    names = ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
    return Check("GPU", True, f"{names}, CUDA {torch.version.cuda}")


def graphviz() -> Check:
    """Only for nicer drawings of cells: without it matplotlib draws them."""
    return Check("dot", True, shutil.which("dot") or "not found; cells are drawn with matplotlib")


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split("+")[0].split(".") if part.isdigit()]
