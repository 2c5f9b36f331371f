"""The whole chain, as run by `seisnas run` and `make run`.

generate ─► one NNI experiment: search ─► tune ─► compress ─► UNet beside it ─► export ─► report
"""

import shlex
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from datagen.errors import InputError
from datagen.generate import generate
from datagen.preset import read_preset
from datagen.show import own_sheet
from trials.experiment.host_table import check_hosts, warn_of_bits
from trials.experiment.launch import check, run_experiment
from trials.experiment.nni.trial_command import find_preset, load_trial_config
from trials.experiment.plan import FinishedTrial, Plan, finished_trials, load_plan, read_state
from trials.experiment.tuner.space_check import check_space, overridden
from trials.experiment.watch import ExperimentError
from trials.results.display import ExperimentDisplay
from trials.results.page.server import PageServer
from trials.results.report.report import ModelRow, Report, Yardstick
from trials.results.report.write import readable_bytes, write_report
from trials.results.summary import Winners, bundles, epochs_of, find_winners, summarise
from trials.running.channel import Channel
from trials.running.run_folder import RunFolder
from trials.settings.config import Config
from trials.stages.execute import execute
from trials.training.tasks import images_only

REPORT = Path("report.html")


def run_chain(nni_config: Path, port: int, new: bool, console: Console) -> None:
    """Does everything not done yet.

    Raises InputError for what the user can fix, ExperimentError with the reason when the experiment fails.
    """
    config = load_trial_config(nni_config)
    images_only(config, "run")
    plan = load_plan(nni_config)
    check_space(plan.space, partial(load_trial_config, nni_config))
    preset, _ = find_preset(nni_config)
    for line in overridden(plan.space, read_preset(preset)):
        console.print(f"{preset}: {line}", style="yellow", soft_wrap=True)
    check(plan, port, new=new)
    on_hosts = check_hosts(nni_config, config.data, console)
    console.rule("data")
    made = generate(config.data, report=console.print)
    console.print(f"{config.data.folder}: {made.made} models made, {made.skipped} were there, {made.seconds:.0f} s")
    console.print(f"look at it: {own_sheet(config.data, new=made.made > 0)}", soft_wrap=True)
    with closing(PageServer(port + 1, plan.name)) as page:  # not before: it is a thread, and workers are forked above
        trials = _run_experiment(nni_config, plan, port, new, page, console)
        if on_hosts:
            warn_of_bits(trials, config.data, console)
        winners = find_winners(trials, unet_folder(config))
        page.doing = "A UNet is trained beside it, for comparison"
        console.rule("UNet on the same data, with the same loss")
        train_unet(config, winners)
        page.doing = "The winners are exported and the report is written"
        console.rule("export and report")
        report, bundle = conclude(winners, trials, config, nni_config, REPORT)
    console.print(table(report.models, report.yardsticks))
    console.print(f"report  {REPORT.resolve()}", soft_wrap=True)
    console.print(f"bundle  {bundle.resolve()}", soft_wrap=True)


def _run_experiment(
    nni_config: Path, plan: Plan, port: int, new: bool, page: PageServer, console: Console
) -> list[FinishedTrial]:
    console.rule("search, tune, compress")
    with ExperimentDisplay(console, page, plan.folder) as display:
        outcome = run_experiment(nni_config, port, display.update, new=new)
    page.show(outcome.folder)  # also one that had finished before
    if not outcome.success:
        raise ExperimentError(outcome.reason)
    return outcome.trials


def report_experiment(nni_config: Path, output: Path) -> Path:
    """The report of an experiment that `seisnas run` has finished.  Raises InputError: the settings have changed."""
    config, plan = load_trial_config(nni_config), load_plan(nni_config)
    state = read_state(plan)
    if state is not None and state.digest != plan.digest:
        raise InputError(
            f"{nni_config}: its settings have changed since experiment {state.experiment}, whose trials have others; "
            "restore them, or seisnas run --new"
        )
    trials = finished_trials(plan.folder / state.experiment) if state else []
    conclude(find_winners(trials, unet_folder(config)), trials, config, nni_config, output)
    return output


def conclude(
    winners: Winners, trials: Sequence[FinishedTrial], config: Config, nni_config: Path, output: Path
) -> tuple[Report, Path]:
    """Exports the winners and writes the report to `output`; returns it and the folder of the final bundle."""
    networks = bundles(winners, config)
    command = f"seisnas run --config {shlex.quote(str(nni_config))}"
    report = summarise(winners, networks, trials, [command])
    write_report(report, output)
    return report, list(networks.values())[-1].folder


def unet_folder(config: Config) -> RunFolder:
    return RunFolder(Path("runs") / config.name / "unet")


def train_unet(config: Config, winners: Winners) -> None:
    """The baseline, with the pruned network's loss; skipped if already trained so.

    Unless `baseline.epochs` says otherwise it sees as many samples as that network in the two trainings of its weights,
    whatever ended those: epochs, minutes or `training.patience`.
    """
    network = config.network.with_model("unet", width=config.baseline.width, depth=config.baseline.depth)
    epochs = config.baseline.epochs or sum(map(epochs_of, winners.trainings))
    tune = replace(config.tune, epochs=epochs, minutes=0)
    training = replace(config.training, patience=0)
    wanted = replace(config, network=network, loss=winners.tuned.config.loss, tune=tune, training=training)
    execute("tune", wanted, winners.unet, Channel())


def table(models: Sequence[ModelRow], yardsticks: Mapping[str, Yardstick]) -> Table:
    found = Table(title="test split", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for heading in ("model", "parameters", "non-zero", "packed", "latency", "SSIM", "corr.", "MAE"):
        name = heading == "model"  # only names may be broken where the line is short
        found.add_column(heading, justify="left" if name else "right", no_wrap=not name)
    for row in models:
        found.add_row(
            row.name,
            f"{row.parameters:,}",
            f"{row.nonzero:,}",
            readable_bytes(row.packed_bytes or row.file_bytes),
            f"{row.latency_ms:.1f} ms",
            f"{row.ssim:.3f}",
            f"{row.correlation:.3f}",
            f"{row.mae:.3f}",
        )
    for label, other in yardsticks.items():
        scores = f"{other.ssim:.3f}", f"{other.correlation:.3f}", f"{other.mae:.3f}"
        found.add_row(label, "", "", "", "", *scores, style="dim")
    return found
