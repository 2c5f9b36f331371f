"""The machines of an experiment, each checked over SSH before the start.

    nni_config.remote.yml ─► [Host] ─► ssh, strict about host keys ─► python - < host_facts.py ─► [Finding]

It connects as NNI will: the same key file and known_hosts, no ~/.ssh/config, which NNI's SSH library does not read.
"""

import re
import shlex
import shutil
import subprocess
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nni.experiment.config import ExperimentConfig, RemoteConfig
from nni.experiment.config.utils import unset_base_path
from nni.runtime.log import silence_stdout

from datagen.config import Data
from datagen.errors import InputError
from datagen.files.reading import parse_json
from datagen.shards.manifest import array_format, layout, stored_kinds
from trials.experiment.nni.nni_config import read_nni_config
from trials.running import host_facts

# Packages that affect a data set's bits, the training of a network, or NNI's protocol.
PACKAGES = ("nni", "torch", "pytorch-lightning", "devito", "numpy", "scipy", "scikit-image", "pydantic")
CONNECT = 10  # [s]
ANSWER = 60.0  # [s] for python's start on a busy machine
SPARE = 2e9  # [bytes] free besides the data set: code, runs


@dataclass(frozen=True, kw_only=True)
class Host:
    """One entry of machineList."""

    setting: str  # where it is configured, for messages
    address: str
    port: int
    user: str
    key: Path
    python: str  # command on the host

    @property
    def name(self) -> str:
        return f"{self.address}:{self.port}"


@dataclass
class Finding:
    """A host's answer; with `problems` it cannot take part."""

    host: Host
    facts: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    reached: bool = False

    def complain(self, problem: str) -> None:
        self.problems.append(f"{self.host.setting} ({self.host.name}): {problem}")


@dataclass(frozen=True)
class Fleet:
    """Where the trials of an experiment run."""

    hosts: list[Host]  # none: on this machine
    code: Path  # folder that is sent to them


def read_fleet(nni_config: Path) -> Fleet:
    """The machines in a configuration whose platform is `remote`.

    Raises InputError: it cannot be read, or a machine uses a password, which NNI's page would show.
    """
    silence_stdout()  # NNI talks to the terminal
    try:
        read_nni_config(nni_config)
        with warnings.catch_warnings(action="ignore"):  # our own error says more
            config = ExperimentConfig.load(nni_config).canonical_copy()
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        raise InputError(f"{nni_config}: not a usable NNI configuration: {error}") from None
    finally:
        unset_base_path()  # NNI forgets to when `load` fails
    service, code = config.training_service, Path(config.trial_code_directory)
    if not isinstance(service, RemoteConfig):
        return Fleet([], code)
    hosts = []
    for number, machine in enumerate(service.machine_list):
        setting = f"{nni_config}: trainingService.machineList[{number}]"
        if machine.password or machine.ssh_passphrase:
            raise InputError(
                f"{setting}: password and sshPassphrase are shown on NNI's web page and kept in its data base; "
                "make a key without passphrase just for this and name it in sshKeyFile (docs/several_machines.md)"
            )
        python = f"{machine.python_path.rstrip('/')}/python" if machine.python_path else "python"
        key = Path(machine.ssh_key_file)
        hosts.append(
            Host(setting=setting, address=machine.host, port=machine.port, user=machine.user, key=key, python=python)
        )
    return Fleet(hosts, code)


def examine(hosts: Sequence[Host], data: Data) -> list[Finding]:
    """Checks all hosts in parallel.  Raises InputError if this machine has no `ssh`."""
    for program in ("ssh", "ssh-keygen"):  # guard/hosts/host_keys.js uses the second
        if shutil.which(program) is None:
            raise InputError(f"several machines: {program} is not installed here (apt install openssh-client)")
    with ThreadPoolExecutor(max_workers=16) as pool:
        return list(pool.map(lambda host: _examine(host, data), hosts))


def ssh(host: Host) -> list[str]:
    """The command line up to the remote command.  It never prompts and trusts only known_hosts."""
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": CONNECT,
        "ExitOnForwardFailure": "yes",
        "IdentitiesOnly": "yes",
        "IdentityFile": host.key,
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": Path.home() / ".ssh" / "known_hosts",  # $HOME, as in guard/hosts/host_keys.js
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    # NNI's keeper will connect through such a forwarded port; 9 leads nowhere.
    return ["ssh", "-F", "none", *words, "-R", "127.0.0.1:0:127.0.0.1:9", "-p", f"{host.port}", "-l", host.user]


def _examine(host: Host, data: Data) -> Finding:
    finding = Finding(host)
    asked = shlex.join([host.python, "-", ",".join(PACKAGES), data.folder])
    script = Path(host_facts.__file__).read_text(encoding="utf-8")
    try:
        done = subprocess.run(
            [*ssh(host), host.address, asked], input=script, capture_output=True, text=True, timeout=ANSWER
        )
    except subprocess.TimeoutExpired:
        finding.complain(f"no answer in {ANSWER:.0f} s; check the machine, or remove it from machineList")
        return finding
    if done.returncode:
        finding.complain(_why(host, done.returncode, done.stderr))
        return finding
    finding.reached = True
    finding.facts = parse_json(done.stdout.splitlines()[-1], f"{host.setting} ({host.name})")
    for problem in _lacking(finding.facts, data):
        finding.complain(problem)
    return finding


def _why(host: Host, status: int, said: str) -> str:
    """Why ssh failed, and the setting that fixes it."""
    last = (said.strip().splitlines() or [f"exit status {status}"])[-1]
    causes = {
        "IDENTIFICATION HAS CHANGED": "its host key differs from the one in ~/.ssh/known_hosts, perhaps somebody else "
        f"answers. Ask its administrator; if it was reinstalled: ssh-keygen -R '{host.name}', then ssh to it once",
        "Host key verification failed": "its host key is not in ~/.ssh/known_hosts; log in once and compare the "
        f"fingerprint: ssh -p {host.port} -i {host.key} {host.user}@{host.address}",
        "Permission denied": f"it does not let {host.user} in with sshKeyFile {host.key}; "
        f"ssh-copy-id -p {host.port} -i {host.key}.pub {host.user}@{host.address}, or correct user and sshKeyFile",
        "remote port forwarding failed": "its sshd does not forward ports; set AllowTcpForwarding yes there",
        "not found|No such file": f"no python at {host.python}; set pythonPath to its folder, "
        "for example /opt/seisnas/bin",
    }
    for pattern, cause in causes.items():
        if re.search(pattern, said):
            return cause
    if status == 255:
        return f"not reached: {last}; correct host and port, start its sshd, or remove it from machineList"
    return f"its {host.python} failed: {last}"


def _lacking(facts: dict[str, Any], data: Data) -> list[str]:
    """What a host that answered cannot do."""
    here, there = host_facts.versions(PACKAGES), facts["versions"]
    problems = [
        f"{name} {there[name] or 'is missing'}, this machine has {version}; "
        "install the same there: pip install -r requirements.lock"
        for name, version in here.items()
        if _public(there[name]) != _public(version)
    ]
    if not (3, 11) <= tuple(int(part) for part in facts["python"].split(".")[:2]) < (3, 14):
        problems.append(f"python {facts['python']}; 3.11 to 3.13 is needed; set pythonPath to the folder of one")
    if facts["data"] is None and data.imported:
        problems.append(f"data.folder: the imported data set {data.folder} is not there; copy it to ~/seisnas/")
    need = SPARE + (data_set_bytes(data) if facts["data"] is None else 0)
    if facts["free"] < need:
        problems.append(f"{facts['free'] / 1e9:.1f} GB free in its home, {need / 1e9:.1f} GB are needed")
    if facts["compiler"] is None and facts["data"] is None:
        problems.append("no C compiler to make the data set with (apt install gcc)")
    return problems


def data_set_bytes(data: Data) -> int:
    """Size of the data set on disk."""
    formats = [array_format(data, kind, shard.models) for shard in layout(data) for kind in stored_kinds(data)]
    total = 0
    for dtype, shape in formats:
        models, *axes = shape
        size = dtype.itemsize * models
        for axis in axes:
            size *= axis
        total += size
    return total


def _public(version: str | None) -> str | None:
    """Without the build: torch 2.9+cpu and 2.9+cu126 are the same version."""
    return version.partition("+")[0] if version else None
