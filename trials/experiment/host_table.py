"""The machines of an experiment on the terminal: one table, and what to fix before the start."""

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from datagen.config import Data
from datagen.errors import InputError
from trials.experiment.machines.code_size import code_size
from trials.experiment.machines.hosts import Finding, examine, read_fleet
from trials.experiment.plan import FinishedTrial, load_plan, read_state
from trials.running.host_facts import data_digest


def check_hosts(nni_config: Path, data: Data, console: Console) -> bool:
    """Shows the hosts and the code sent to them; False for an experiment on this machine.

    Raises InputError with every problem of every host.  An interrupted experiment continues with the remaining hosts,
    so a missing one is only reported.
    """
    fleet = read_fleet(nni_config)
    if not fleet.hosts:
        return False
    console.print(f"code for the hosts: {code_size(fleet.code)}", soft_wrap=True)
    findings = examine(fleet.hosts, data)
    console.print(_table(findings, data_digest(data.folder)))
    lost = [finding for finding in findings if not finding.reached]
    if len(lost) < len(findings) and _interrupted(nni_config):
        for finding in lost:
            console.print("continues without", *finding.problems, soft_wrap=True, markup=False, highlight=False)
        findings = [finding for finding in findings if finding.reached]
    if problems := [problem for finding in findings for problem in finding.problems]:
        raise InputError("\n".join(problems))
    return True


def warn_of_bits(trials: Sequence[FinishedTrial], data: Data, console: Console) -> None:
    """Reports trials that were trained on a data set whose bits differ from this machine's."""
    here = data_digest(data.folder)
    different = [trial.run.name for trial in trials if trial.metrics.get("data") not in (None, here)]
    if here is not None and different:
        console.print(
            f"[yellow]note[/] trained on data whose bits differ from this machine's: {', '.join(different)}. "
            "Processors and compilers round differently; copy the data set to the hosts to train on the same bits "
            "(docs/several_machines.md)",
            soft_wrap=True,
        )


def _interrupted(nni_config: Path) -> bool:
    state = read_state(load_plan(nni_config))
    return state is not None and not state.finished


def _table(findings: Sequence[Finding], here: str | None) -> Table:
    """One line per host; `here` is the digest of this machine's data set."""
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    for heading in ("host", "python", "torch", "nni", "cores", "free", "data set", ""):
        table.add_column(heading, no_wrap=True)
    for finding in findings:
        facts, mark = finding.facts, "[red]FAIL[/]" if finding.problems else "[green]ok[/]"
        if not finding.reached:
            table.add_row(finding.host.name, *[""] * 6, mark)
            continue
        there = facts["data"]
        bits = "will be made" if there is None else "same bits as here" if there == here else "bits differ from here"
        table.add_row(
            finding.host.name,
            facts["python"],
            facts["versions"]["torch"] or "-",
            facts["versions"]["nni"] or "-",
            str(facts["cores"]),
            f"{facts['free'] / 1e9:.0f} GB",
            "there" if there is not None and here is None else bits,
            mark,
        )
    return table
