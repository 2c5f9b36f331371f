"""Hosts on one machine: network namespaces, each with its own address, sshd, host key and home.

    this machine 10.77.1.1 ── veth ── 10.77.1.2 host 1: sshd, /root = its own folder
                 10.77.2.1 ── veth ── 10.77.2.2 host 2: …

Needs root, `ip` and sshd.  No host can reach the internet.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

SSHD = "/usr/sbin/sshd"


def why_not() -> str | None:
    """Why this machine cannot do it; None if it can."""
    if os.geteuid() != 0:
        return "needs root"
    missing = [name for name in ("ip", SSHD, "ssh", "ssh-keygen") if shutil.which(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    probe = subprocess.run(["ip", "netns", "add", "seisnas-probe"], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "delete", "seisnas-probe"], capture_output=True)
    return f"no network namespaces: {probe.stderr.strip()}" if probe.returncode else None


def sh(command: str) -> str:
    return subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout


@dataclass
class Namespace:
    """A host, from `start` to `remove`; `kill` is a power cut."""

    number: int
    folder: Path  # its home and its keys
    client_key: Path  # may log in, as root

    @property
    def name(self) -> str:
        return f"seisnas{self.number}"

    @property
    def address(self) -> str:
        return f"10.77.{self.number}.2"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def start(self) -> None:
        number, name = self.number, self.name
        self.remove()  # what a run that was killed has left
        (self.home / ".ssh").mkdir(parents=True, mode=0o700)
        shutil.copy(f"{self.client_key}.pub", self.home / ".ssh" / "authorized_keys")
        sh(f"ssh-keygen -q -t ed25519 -N '' -f {self.folder}/host_key")
        (self.folder / "sshd_config").write_text(
            f"ListenAddress {self.address}\nHostKey {self.folder}/host_key\nPidFile none\nUsePAM no\n"
            "PermitRootLogin prohibit-password\nPasswordAuthentication no\nSubsystem sftp internal-sftp\n"
        )
        sh(f"ip netns add {name}")
        sh(f"ip link add {name} type veth peer name eth0 netns {name}")
        sh(f"ip address add 10.77.{number}.1/24 dev {name} && ip link set {name} up")
        sh(f"ip -n {name} address add {self.address}/24 dev eth0 && ip -n {name} link set eth0 up")
        sh(f"ip -n {name} link set lo up && ip -n {name} route add 10.77.0.0/16 via 10.77.{number}.1")
        Path("/run/sshd").mkdir(exist_ok=True)
        # `ip netns exec` gives a mount namespace too: the home is bound over /root for this host only, with the
        # python that may live there.
        python = Path(sys.base_prefix)
        mounts = [f"mount --rbind {self.home} /root"]
        if python.is_relative_to("/root"):
            inner = self.home / python.relative_to("/root")
            inner.mkdir(parents=True)
            mounts.insert(0, f"mount --bind {python} {inner}")
        serve = f"exec {SSHD} -D -E {self.folder}/sshd.log -f {self.folder}/sshd_config"
        inside = " && ".join([*mounts, serve])
        environment = {"PATH": os.environ["PATH"]}
        subprocess.Popen(["ip", "netns", "exec", name, "sh", "-c", inside], env=environment, start_new_session=True)
        while not sh(f"ip netns exec {name} ss -ltnH 'sport = 22'"):
            time.sleep(0.1)

    def known_hosts_line(self) -> str:
        kind, key, *_ = (self.folder / "host_key.pub").read_text().split()
        return f"{self.address} {kind} {key}\n"

    def processes(self) -> list[psutil.Process]:
        pids = sh(f"ip netns pids {self.name}").split()
        return [psutil.Process(int(pid)) for pid in pids if psutil.pid_exists(int(pid))]

    def kill(self) -> None:
        """As in a power failure: nothing more is sent, not even a goodbye."""
        sh(f"ip link set {self.name} down")
        for process in self.processes():
            process.send_signal(signal.SIGKILL)

    def remove(self) -> None:
        if Path("/run/netns", self.name).exists():
            self.kill()
            sh(f"ip netns delete {self.name}")
