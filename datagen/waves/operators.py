"""Compiled operators cached on disk, so that each is lowered and compiled once per machine.

    $XDG_CACHE_HOME/seisnas/operators/<key>.operator = SHA-256 of the rest | pickle of the Devito Operator

The pickle contains the compiled library, but not the compiler, which works in its own folder; the key is everything
that affects the library.  Only files of the current user are loaded, since a pickle can run any code.
"""

import gc
import hashlib
import inspect
import io
import os
import pickle
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import devito
from codepy import CompileError
from devito.arch.compiler import Compiler
from filelock import FileLock, Timeout

from datagen.errors import InputError
from datagen.files.whole_files import whole
from datagen.waves import kernel, stencil

LEAST_ROOM = 2**20  # bytes; an operator has some hundred thousand
DIGEST = hashlib.sha256().digest_size
PATIENCE = 300.0  # [s] to wait for another process to compile the same operator; it takes seconds


def load_operator(spec: kernel.KernelSpec, kind: kernel.OperatorKind) -> Any:
    """The compiled Devito Operator of this kind: from the cache, otherwise built and cached.

    Raises InputError if there is no C compiler or it fails, the cache folder cannot be used, or another
    process has been compiling for too long.
    """
    path = _place(spec, kind)
    lock = path.with_suffix(".lock")
    with _input_errors(path.parent):
        try:
            with FileLock(lock, timeout=PATIENCE):  # others wait for one to build; released when its process ends
                operator = _read(path)
                return _build(spec, kind, path) if operator is None else operator
        except Timeout:
            raise InputError(
                f"{lock}: another process has held it for {PATIENCE:g} s, so its compiler hangs; end that process"
            ) from None


def share_building(spec: kernel.KernelSpec, kinds: Iterable[kernel.OperatorKind]) -> None:
    """Builds the operators that are neither cached nor being built by another process.

    So processes that start together build one each, instead of all waiting for one that builds them all.
    Raises InputError as `load_operator`.
    """
    for kind in kinds:
        path = _place(spec, kind)
        with _input_errors(path.parent), suppress(Timeout), FileLock(path.with_suffix(".lock"), timeout=0):
            if not path.exists():
                _build(spec, kind, path)


def _place(spec: kernel.KernelSpec, kind: kernel.OperatorKind) -> Path:
    compiler = find_compiler()
    return _cache_folder() / f"{_key(spec, kind, compiler)}.operator"


@contextmanager
def _input_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except CompileError as error:
        _require_room(folder)
        raise InputError(
            f"C compiler: {find_compiler()} failed, its message is above; "
            "set the environment variable CC to a working one"
        ) from error
    except OSError as error:
        _require_room(folder)
        raise InputError(
            f"{folder}: {error.strerror or error}; set XDG_CACHE_HOME to a folder that can be written to"
        ) from error


def _require_room(folder: Path) -> None:
    """Raises InputError with what keeps compiled operators from being kept in `folder`, or from running there."""
    remedy = "set XDG_CACHE_HOME to another folder"
    if shutil.disk_usage(folder).free < LEAST_ROOM:
        raise InputError(f"{folder}: its disk is full, operators are compiled there; free some space, or {remedy}")
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        raise InputError(f"{folder}: its file system is mounted noexec, so that nothing compiled there runs; {remedy}")


def find_compiler() -> str:
    """Path of the C compiler Devito will call.  Raises InputError if there is none."""
    name = os.environ.get("CC", "gcc")
    found = shutil.which(name)
    if found is None:
        raise InputError(
            f"C compiler: {name!r} was not found; the wave equation is compiled on this machine: "
            "install gcc (for instance: apt-get install gcc) or set the environment variable CC"
        )
    return found


def _cache_folder() -> Path:
    """Folder of the operators: created on first use, for this user only."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "seisnas" / "operators"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise InputError(f"{folder}: belongs to another user; set XDG_CACHE_HOME to a folder of yours")
        folder.chmod(0o700)
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}; set XDG_CACHE_HOME to a folder of yours") from error
    return folder


def _key(spec: kernel.KernelSpec, kind: kernel.OperatorKind, compiler: str) -> str:
    """Hash of everything the compiled library depends on."""
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout
    settings = sorted(
        f"{name}={value}"
        for name, value in os.environ.items()
        if name in ("CC", "CFLAGS", "LDFLAGS") or name.startswith("DEVITO_")
    )
    sources = [inspect.getsource(module) for module in (kernel, stencil)]
    packages = [f"{name} {metadata.version(name)}" for name in ("devito", "sympy", "numpy", "codepy", "cgen")]
    parts = [repr(spec), kind, *packages, sys.version, version, *settings, _processor(), *sources]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _processor() -> str:
    """Name and instruction sets of the processor: the library is compiled for exactly this one."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    wanted = ("vendor_id", "cpu family", "model", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(wanted)}))


def _working_in(folder: str, compiler: Any) -> Any:
    """The compiler, set to write and load its files in `folder`.

    Devito's default folder, shared by all programs of a user, keeps locks and half-written libraries of killed
    processes: the next one would wait for ever, or crash on loading.
    """
    compiler.get_jit_dir = compiler.get_codepy_dir = lambda: Path(folder)
    return compiler


def _fresh_folder(parent: Path) -> TemporaryDirectory[str]:
    """It can go as soon as the library is loaded; Devito's command line has no place for spaces."""
    for place in (parent, Path(gettempdir())):
        if not any(letter.isspace() for letter in str(place)):
            return TemporaryDirectory(dir=place, ignore_cleanup_errors=True)
    raise InputError(
        f"{parent}: the compiler takes no path with a space; set XDG_CACHE_HOME, or TMPDIR, to a folder without one"
    )


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> str | None:
        return "compiler" if isinstance(obj, Compiler) else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, payload: bytes, folder: str) -> None:
        super().__init__(io.BytesIO(payload))
        self.folder = folder

    def persistent_load(self, pid: Any) -> Any:
        return _working_in(self.folder, devito.configuration["compiler"].__new_with__())


def _read(path: Path) -> Any:
    """The operator stored at `path`; None if there is none or the file is damaged."""
    try:
        content = path.read_bytes()
        if path.stat().st_uid != os.getuid():
            return None
    except FileNotFoundError:
        return None
    digest, payload = content[:DIGEST], content[DIGEST:]
    if hashlib.sha256(payload).digest() != digest:
        return None
    with _fresh_folder(path.parent) as folder:
        return _Unpickler(payload, folder).load()


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Lowering makes millions of small long-lived objects: collecting garbage costs a tenth of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _build(spec: kernel.KernelSpec, kind: kernel.OperatorKind, path: Path) -> Any:
    quiet = devito.switchconfig(log_level="ERROR")
    with _fresh_folder(path.parent) as folder, quiet, _without_garbage_collection():
        operator = kernel.build(spec, kind)
        _working_in(folder, operator._compiler)
        operator.cfunction  # noqa: B018  compiles and loads
        stream = io.BytesIO()
        _Pickler(stream).dump(operator)
    payload = stream.getvalue()
    with whole(path) as part:
        part.write_bytes(hashlib.sha256(payload).digest() + payload)
    return operator
