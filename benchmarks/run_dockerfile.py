"""Runs the steps of the Dockerfile in fresh Debian roots, where there is no container engine.

    debootstrap ─► root of debian:bookworm-slim ─ FROM ─► a copy ─ RUN by chroot, COPY, ENV, USER … ─► root of a target

    sudo python benchmarks/run_dockerfile.py light --folder /var/tmp/roots --run 'seisnas --help'

It tries what the steps install, and what a command then does there as the image's user.  It is no engine: no layers, no
limits, and the machine's own network, so published ports and GPUs are not tried.  Needs root, debootstrap, and a Debian
mirror and PyPI; `--folder` needs room for a copy of the root for each stage.
"""

import argparse
import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
LENT = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt")  # how this machine reaches the network
LENT_VARIABLES = ("PIP_", "SSL_CERT", "REQUESTS_CA")  # what their names begin with
START = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

Step = tuple[str, str]  # a word of the Dockerfile, and what follows it


@dataclass
class Stage:
    """A root, and what holds for the next steps in it."""

    root: Path
    variables: dict[str, str] = field(default_factory=lambda: dict(START))
    folder: str = "/"
    user: str = "root"

    def run(self, command: str) -> int:
        """Status of a line of sh, with /proc mounted, until it ends."""
        for file in filter(os.path.exists, LENT):  # again and again: ca-certificates writes its own
            target = self.root / file.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
        inside = f"cd {shlex.quote(self.folder)} && {command}"
        home = "/root" if self.user == "root" else f"/home/{self.user}"
        words = ["chroot", f"--userspec={self.user}", str(self.root), "/bin/sh", "-c", inside]
        mounted = f"mount -t proc proc {shlex.quote(str(self.root / 'proc'))} && exec {shlex.join(words)}"
        lent = {name: value for name, value in os.environ.items() if name.startswith(LENT_VARIABLES)}
        environment = {**lent, **self.variables, "HOME": home}
        return subprocess.run(["unshare", "--mount", "--fork", "sh", "-c", mounted], env=environment).returncode

    def inside(self, path: str) -> Path:
        return self.root / os.path.normpath(os.path.join(self.folder, path)).lstrip("/")


def read_stages(text: str) -> dict[str, list[Step]]:
    """Name → steps, FROM first."""
    lines = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    stages: dict[str, list[Step]] = {}
    for line in filter(str.strip, lines):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            steps = stages[rest.split()[2]] = []
        steps.append((word, rest.strip()))
    return stages


class Builder:
    def __init__(self, folder: Path, arguments: dict[str, str]) -> None:
        self.folder, self.arguments = folder, arguments
        self.stages = read_stages((ROOT / "Dockerfile").read_text(encoding="utf-8"))
        self.made: dict[str, Stage] = {}

    def make(self, name: str) -> Stage:
        """The stage, and before it those that it needs."""
        if name not in self.made:
            (_, first), *steps = self.stages[name]
            parent = first.split()[0]
            stage = self.make(parent) if parent in self.stages else self.debian(parent)
            print(f"== {name}", flush=True)
            root = self.folder / name
            shutil.rmtree(root, ignore_errors=True)
            subprocess.run(["cp", "-a", stage.root, root], check=True)
            self.made[name] = stage = replace(stage, root=root, variables=dict(stage.variables))
            for word, rest in steps:
                self.step(stage, word, rest)
        return self.made[name]

    def debian(self, image: str) -> Stage:
        """debian:bookworm-slim → the same release."""
        suite = image.removeprefix("debian:").removesuffix("-slim")
        root = self.folder / suite
        if not (root / "usr/bin/apt-get").exists():
            subprocess.run(["debootstrap", "--variant=minbase", suite, root], check=True)
        return Stage(root)

    def step(self, stage: Stage, word: str, rest: str) -> None:
        if word == "RUN":
            print(f"-- {rest}", flush=True)
            if stage.run(rest) != 0:
                sys.exit(f"failed: RUN {rest}")
        elif word == "COPY":
            self.copy(stage, shlex.split(rest))
        elif word == "ENV":
            for name, value in (pair.split("=", 1) for pair in shlex.split(rest)):
                stage.variables[name] = value.replace("$PATH", stage.variables["PATH"])
        elif word == "ARG":
            name, _, value = rest.partition("=")
            stage.variables[name] = self.arguments.get(name, value)
        elif word == "WORKDIR":
            stage.folder = rest
            stage.inside("").mkdir(parents=True, exist_ok=True)
        elif word == "USER":
            stage.user = rest
        elif word not in ("ENTRYPOINT", "CMD", "EXPOSE", "VOLUME"):
            sys.exit(f"{word}: not known here")

    def copy(self, stage: Stage, words: list[str]) -> None:
        options = dict(word.removeprefix("--").split("=", 1) for word in words if word.startswith("--"))
        source, target = (word for word in words if not word.startswith("--"))
        there = stage.inside(target)
        if origin := options.get("from"):
            subprocess.run(["cp", "-a", "-T", self.make(origin).root / source.lstrip("/"), there], check=True)
        elif (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, there, ignore=ignored, dirs_exist_ok=True, symlinks=True)
        else:
            shutil.copy(ROOT / source, there)
        if owner := options.get("chown"):
            stage.run(f"chown -R {owner} {shlex.quote(target)}")


def ignored(folder: str, names: list[str]) -> set[str]:
    """As .dockerignore says; the last line that fits counts."""
    left_out = set()
    for name in names:
        path = os.path.relpath(os.path.join(folder, name), ROOT)
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split():
            pattern, keep = line.removeprefix("!"), line.startswith("!")
            at = name if pattern.startswith("**/") else path
            if "/" not in at and fnmatch.fnmatch(at, pattern.removeprefix("**/")):
                (left_out.discard if keep else left_out.add)(name)
    return left_out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target")
    parser.add_argument("--folder", type=Path, required=True, help="for the roots")
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--run", metavar="COMMAND", help="a line of sh, run in the target when it is made, by its user")
    given = parser.parse_args()
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        sys.exit("needs root and debootstrap (apt install debootstrap)")
    given.folder.mkdir(parents=True, exist_ok=True)
    builder = Builder(given.folder.resolve(), dict(pair.split("=", 1) for pair in given.build_arg))
    stage = builder.make(given.target)
    sys.exit(stage.run(given.run) if given.run else 0)


if __name__ == "__main__":
    main()
