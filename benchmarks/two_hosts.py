"""The whole suite on two hosts, one of which loses its power in mid-trial; data from two workers, one killed.

    python benchmarks/two_hosts.py         (root; some minutes on 2 cores)  → results/two_hosts.json and .md

The hosts are network namespaces of this machine (namespaces.py).
"""

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil
import yaml
from namespaces import Namespace, sh, why_not

from datagen.files.whole_files import file_sha256

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
BUDGETS = {"search": 1, "tune": 2, "compress": 2}
PRESET = """
name: two_hosts
data:
  folder: data/two_hosts
  seed: 5
  grid: {nz: 24, nx: 24, spacing: 10.0}
  survey: {shots: 2, receivers: 24, frequency: 15.0, interval: 0.001, samples: 240}
  split: {train: 16, validation: 8, test: 8}
  shard_size: 8
network: {operations: small, max_parameters: 300000}
search: {samples: 16, epochs: 1, warmup_epochs: 0, retrain_epochs: 1}
tune: {epochs: 8}
compress: {epochs: 12}
baseline: {width: 4, depth: 2}
"""


def main() -> None:
    if reason := why_not():
        sys.exit(f"two_hosts.py: {reason}")
    results = RESULTS / "two_hosts.json"
    found = json.loads(results.read_text()) if results.exists() else {"rows": []}
    done = {row["job"] for row in found["rows"]}
    found |= {
        "command": "python benchmarks/two_hosts.py",
        "commit": sh(f"git -C {ROOT} rev-parse HEAD").strip(),
        "machine": f"{platform.machine()}, {psutil.cpu_count()} cores; hosts are network namespaces of it",
        "date": datetime.now(UTC).date().isoformat(),
    }
    for job, measure in {"suite": suite, "datagen": datagen}.items():
        if job not in done:
            with two_hosts() as (folder, hosts):
                found["rows"].append({"job": job, **measure(folder, hosts)})
            results.write_text(json.dumps(found, indent=2) + "\n")
            results.with_suffix(".md").write_text(page(found))


@contextmanager
def two_hosts() -> Iterator[tuple[Path, list[Namespace]]]:
    """A project folder with its own HOME that knows the keys of two hosts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "home" / ".ssh").mkdir(parents=True, mode=0o700)
        key = folder / "home" / ".ssh" / "seisnas"
        sh(f"ssh-keygen -q -t ed25519 -N '' -f {key}")
        for package in ("datagen", "search_spaces", "compressors", "trials"):
            shutil.copytree(ROOT / package, folder / "code" / package, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / ".nniignore", folder / "code")
        hosts = [Namespace(number, folder / f"host{number}", key) for number in (1, 2)]
        try:
            for host in hosts:
                host.start()
            (key.parent / "known_hosts").write_text("".join(host.known_hosts_line() for host in hosts))
            yield folder, hosts
        finally:
            for host in hosts:
                host.remove()


def suite(folder: Path, hosts: list[Namespace]) -> dict[str, object]:
    """`seisnas run` on two hosts, one of which dies while it runs a `compress` trial."""
    config = write_config(folder, hosts)
    start = time.monotonic()
    with (folder / "run.log").open("w") as log:
        run = subprocess.Popen(
            [*seisnas(), "run", "--config", config, "--port", str(free_port())],
            cwd=folder / "code",
            env=environment(folder),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        killed = kill_in_mid_trial(hosts, run)
        status = run.wait()
    sys.stderr.write((folder / "run.log").read_text())
    if status:
        sys.exit(f"two_hosts.py: seisnas run ended with status {status}")
    for host in hosts:
        host.remove()
    experiment = next((folder / "code" / "nni-experiments").glob("*/environments")).parent
    rows = trials(experiment)
    shutil.rmtree(folder / "code" / "exports", ignore_errors=True)
    again = subprocess.run([*seisnas(), "report", "--config", config], cwd=folder / "code", env=environment(folder))
    return {
        "seconds": round(time.monotonic() - start),
        "budgets": BUDGETS,
        "succeeded": {stage: sum(row["stage"] == stage for row in rows) for stage in BUDGETS},
        "hosts_of_trials": {
            env: sum(row["env"] == env for row in rows) for env in sorted({row["env"] for row in rows})
        },
        "killed": killed,
        "lost_trials": [path.parent.name for path in experiment.glob("environments/*/trials/*/host-lost.txt")],
        "trials_on_a_network_tuned_elsewhere": sum(row["carried"] for row in rows),
        "data_sets_with_equal_bits": len({row["data"] for row in rows}) == 1,
        "bundle_exported_without_hosts": again.returncode == 0
        and (folder / "code" / "exports" / "two_hosts" / "model.onnx").exists(),
    }


def kill_in_mid_trial(hosts: list[Namespace], run: subprocess.Popen) -> dict[str, object]:
    """Cuts the power of the host that trained the network which `compress` prunes, while it runs such a trial.

    The other host then needs that network, and the lost trial.
    """
    while run.poll() is None:
        for host in hosts:
            for metrics in host.home.glob("nni-experiments/*/environments/*/trials/*/metrics.jsonl"):
                parameters = json.loads((metrics.parent / "provenance.json").read_text())["parameters"]
                epochs = len(metrics.read_text().splitlines())
                ended = (metrics.parent / "result.json").exists()
                winner = Path(parameters.get("winner", {}).get("run", ""))
                tuned_here = metrics.parts[-4] in winner.parts
                if parameters["stage"]["_name"] == "compress" and tuned_here and epochs >= 2 and not ended:
                    host.kill()
                    return {"host": host.address, "trial": metrics.parent.name, "stage": "compress", "epochs": epochs}
        time.sleep(0.2)
    return {}


def trials(experiment: Path) -> list[dict[str, object]]:
    """What was brought back from each finished trial."""
    rows = []
    for result in experiment.glob("environments/*/trials/*/result.json"):
        parameters = json.loads((result.parent / "provenance.json").read_text())["parameters"]
        environment = result.parts[-4]
        stage, winner = parameters["stage"]["_name"], parameters.get("winner", {}).get("run")
        rows.append(
            {
                "stage": stage,
                "env": environment,
                "data": json.loads(result.read_text())["data"],
                "carried": stage == "compress" and Path(winner).parts[-3] != environment,
            }
        )
    return rows


def datagen(folder: Path, hosts: list[Namespace]) -> dict[str, object]:
    """The data set by dask workers on both hosts, one killed in mid-work, against one process here."""
    (folder / "code" / "two_hosts.yml").write_text(PRESET)
    command = [*seisnas(), "generate", "--preset", "two_hosts.yml", "--set", "data.split.train=240"]
    port = free_port()
    address = f"tcp://10.77.1.1:{port}"
    python = sys.executable
    code, env = folder / "code", environment(folder)
    # Only the hosts reach 10.77.1.1: it is this machine's end of a wire to one of them.
    scheduler = [python, "-m", "distributed.cli.dask_scheduler", "--host", "10.77.1.1", "--port", str(port)]
    started = [subprocess.Popen([*scheduler, "--no-dashboard"], env=env, stderr=subprocess.DEVNULL)]
    try:
        for host in hosts:
            worker = (
                f"cd {code} && OMP_NUM_THREADS=1 PYTHONPATH={code} {python} -m distributed.cli.dask_worker {address}"
            )
            options = f"--nworkers 1 --nthreads 1 --no-dashboard --host {host.address} --local-directory /tmp"
            ssh = [
                "ssh",
                "-F",
                "none",
                "-i",
                host.client_key,
                "-o",
                f"UserKnownHostsFile={folder}/home/.ssh/known_hosts",
            ]
            started.append(
                subprocess.Popen(
                    [*ssh, f"root@{host.address}", f"{worker} {options}"], env=env, stderr=subprocess.DEVNULL
                )
            )
        start = time.monotonic()
        made = subprocess.Popen([*command, "--set", "data.folder=there", "--dask", address], cwd=code, env=env)
        while made.poll() is None and len(list((code / "there").glob("data*.npy"))) < 3:
            time.sleep(0.05)
        finished = len(list((code / "there").glob("data*.npy")))
        hosts[1].kill()
        status, seconds = made.wait(), round(time.monotonic() - start)
    finally:
        for process in started:
            process.terminate()
            process.wait()
    subprocess.run([*command, "--set", "data.folder=here", "--workers", "1"], cwd=code, env=env, check=True)
    return {
        "exit_status": status,
        "seconds": seconds,
        "models": 240 + 16,
        "killed": {"host": hosts[1].address, "shards_finished": finished},
        "same_bits_as_one_process": hashes(code / "here") == hashes(code / "there"),
        "files_compared": len(hashes(code / "here")),
    }


def hashes(folder: Path) -> dict[str, str]:
    return {file.name: file_sha256(file) for file in folder.glob("*.npy")}


def write_config(folder: Path, hosts: list[Namespace]) -> str:
    """nni_config.remote.yml of the project with the hosts and budgets of this test."""
    config = yaml.safe_load((ROOT / "nni_config.remote.yml").read_text())
    config["trialCommand"] = "python -m trials --preset two_hosts.yml"
    config["tuner"]["classArgs"]["budgets"] = BUDGETS
    python = str(Path(sys.executable).parent)
    config["trainingService"]["machineList"] = [
        {"host": host.address, "user": "root", "sshKeyFile": str(host.client_key), "pythonPath": python}
        for host in hosts
    ]
    (folder / "code" / "two_hosts.yml").write_text(PRESET)
    (folder / "code" / "nni.yml").write_text(yaml.safe_dump(config))
    return "nni.yml"


def environment(folder: Path) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "NODE_OPTIONS")}
    return plain | {"HOME": str(folder / "home"), "PYTHONPATH": str(folder / "code"), "OMP_NUM_THREADS": "1"}


def seisnas() -> list[str]:
    return [sys.executable, "-m", "trials.cli"]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def page(found: dict) -> str:
    lines = ["# Two hosts, one of them killed", ""]
    lines += [f"- {key}: {value}" for key, value in found.items() if key != "rows"]
    for row in found["rows"]:
        lines += ["", f"## {row['job']}", "", "| | |", "|---|---|"]
        lines += [f"| {key.replace('_', ' ')} | {json.dumps(value)} |" for key, value in row.items() if key != "job"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
