"""Commands for an experiment: the whole chain, how it goes, and on, and what came out.

They read NNI's files, so all but `run` answer for stopped experiments and from any folder too.
"""

import time
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from datagen.errors import InputError
from trials.commands.options import NNI_CONFIG, NniConfig, Port, console, tell

Experiment = Annotated[
    str | None, typer.Argument(metavar="EXPERIMENT", help="Its id, or how the id begins; default: the latest.")
]
Of = Annotated[
    str | None, typer.Option("--experiment", "-e", help="Its id, or how the id begins; default: the latest.")
]
WIDEST = 10_000  # [characters] of a line in a pipe
Config = Annotated[Path, typer.Option("--config", help="The NNI experiment's file, which says where experiments are.")]


def _record(experiment: str | None, config: Path) -> Any:
    from trials.experiment.find import find_experiment
    from trials.experiment.record import read_record

    return read_record(find_experiment(experiment, config))


def run(
    config: NniConfig = NNI_CONFIG,
    port: Port = 8080,
    new: Annotated[bool, typer.Option("--new", help="Start afresh though a finished experiment is here.")] = False,
) -> None:
    """The whole chain: data, one NNI experiment (search, tune, compress), the UNet beside it, export, report.

    After Ctrl-C, the same command continues where it left off.
    """
    from trials.chain import run_chain

    run_chain(config, port, new, console)


def status(experiment: Experiment = None, config: Config = NNI_CONFIG) -> None:
    """How far an experiment is.  Exit status 0: it runs, is shown or has finished; 1: it was stopped or has failed."""
    record = _record(experiment, config)

    from trials.experiment.state import query_state
    from trials.experiment.table import stage_table, when
    from trials.experiment.watch import progress

    state = query_state(record)
    page = f", {state.url}" if state.url else ""
    tell(f"experiment {record.id} ({record.name}), started {when(record.started)}: {state.status}{page}")
    stages = progress(record.budgets, record.jobs)
    console.print(stage_table(stages, record.jobs, interrupted=state.status in ("stopped", "shown")))
    if state.status == "stopped":
        tell(f"go on with it: seisnas resume {record.id}")
    if state.status == "failed":
        tell(f"{state.reason}\nend it and go on: seisnas stop {record.id}; seisnas resume {record.id}")
    raise typer.Exit(1 if state.status in ("stopped", "failed") else 0)


def stop(experiment: Experiment = None, config: Config = NNI_CONFIG) -> None:
    """End an experiment with all its processes; trials that were running start again at `seisnas resume`."""
    from trials.experiment.find import find_experiment
    from trials.experiment.launch import stop as end
    from trials.experiment.nni.processes import of_experiment

    name = find_experiment(experiment, config).name
    ran = bool(of_experiment(name))
    end(name)
    if of_experiment(name):
        raise RuntimeError(f"experiment {name}: processes of it are left; they may be another user's")
    tell(f"experiment {name} {'has ended' if ran else 'did not run'}; go on with it: seisnas resume {name}")


def resume(experiment: Experiment = None, config: Config = NNI_CONFIG, port: Port = 8080) -> None:
    """Go on with an experiment that was stopped, whatever stopped it, and watch it to its end.

    `seisnas run` does the same for the experiment of its configuration, and then exports and reports.
    """
    record = _record(experiment, config)

    from trials.experiment.launch import resume as go_on
    from trials.experiment.state import query_state
    from trials.results.display import ExperimentDisplay
    from trials.results.page.server import PageServer

    if query_state(record).status == "finished":
        tell(f"experiment {record.id} has finished; its best trials: seisnas best {record.id}")
        return
    with closing(PageServer(port + 1)) as page, ExperimentDisplay(console, page, record.folder.parent) as display:
        outcome = go_on(record, port, display.update)
    if not outcome.success:
        raise RuntimeError(outcome.reason)
    tell(f"experiment {record.id} has finished; its best trials: seisnas best {record.id}")


def view(experiment: Experiment = None, config: Config = NNI_CONFIG, port: Port = 8080) -> None:
    """Serve the web page of an experiment until Ctrl-C, and NNI's page of one that does not run."""
    record = _record(experiment, config)

    from trials.experiment.launch import view as show_in_nni
    from trials.experiment.state import query_state
    from trials.results.page.server import PageServer

    running = query_state(record).url
    nni = nullcontext(running) if running else show_in_nni(record, port)
    with nni as nni_page, closing(PageServer(port + 1)) as page:
        page.show(record.folder)
        tell(f"experiment {record.id}: {page.url} (NNI's page: {nni_page}; end with Ctrl-C)")
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            tell("ended")


def list_trials(
    experiment: Experiment = None,
    config: Config = NNI_CONFIG,
    everything: Annotated[bool, typer.Option("--all", help="Experiments instead of the trials of one.")] = False,
) -> None:
    """List the trials of an experiment with what was tried, what came out and its picture, or all experiments (--all).

    In a pipe every trial is one line, which ends with the path of the picture.
    """
    if everything:
        return _list_experiments(config)
    record = _record(experiment, config)

    from trials.experiment.state import query_state
    from trials.experiment.table import trial_table
    from trials.training.pictures.names import last_picture

    runs = {job.id: run for job in record.jobs if (run := record.run_of(job)) is not None}
    pictures = {trial: picture for trial, run in runs.items() if (picture := last_picture(run)) is not None}
    interrupted = query_state(record).status in ("stopped", "shown")
    tell(f"experiment {record.id} ({record.name})")
    if not console.is_terminal:
        Console(width=WIDEST).print(trial_table(record.jobs, pictures, interrupted=interrupted, whole_paths=True))
        return
    console.print(trial_table(record.jobs, pictures, interrupted=interrupted))
    for folder in dict.fromkeys(runs[trial].parent for trial in pictures):
        tell(f"pictures: {folder}/TRIAL/predictions")


def _list_experiments(config: Path) -> None:
    from trials.experiment.find import experiment_folders
    from trials.experiment.nni.registry import folders
    from trials.experiment.record import read_record
    from trials.experiment.state import query_state
    from trials.experiment.table import experiment_table

    records = []
    for folder in dict.fromkeys([*experiment_folders(config), *folders().values()]):
        try:
            records.append(read_record(folder))
        except InputError as error:
            tell(f"left out: {error}")
    records.sort(key=lambda record: record.started)
    console.print(experiment_table(records, {record.id: query_state(record).status for record in records}))


def best(experiment: Experiment = None, config: Config = NNI_CONFIG) -> None:
    """The best trial of each stage: scores, settings, folder.  Exit status 1 when none has succeeded yet."""
    record = _record(experiment, config)

    from trials.experiment.table import best_job

    found = [job for stage in record.budgets if (job := best_job(stage, record.jobs)) is not None]
    for job in found:
        tell(f"{job.stage}: trial {job.id}")
        shown = {**job.settings, **job.metric, "folder": job.folder}
        for name, value in shown.items():
            tell(f"  {name:<26} {f'{value:.5g}' if isinstance(value, float) else value}")
    if not found:
        raise RuntimeError(f"experiment {record.id}: no trial has succeeded yet; their messages: seisnas logs TRIAL")


def logs(
    trial: Annotated[str, typer.Argument(help="Its id or number (seisnas ls), or tuner, or manager.")],
    experiment: Of = None,
    config: Config = NNI_CONFIG,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many from the end of each file.")] = 40,
) -> None:
    """What a trial, the tuner or NNI's manager has written."""
    record = _record(experiment, config)
    for file in _log_files(trial, record):
        text = file.read_text(errors="replace").splitlines() if file.is_file() else []
        if text:
            tell("\n".join([f"── {file}", *text[-lines:]]))
        else:
            tell(f"── {file}: nothing")


def _log_files(trial: str, record: Any) -> list[Path]:
    files = {"tuner": ["dispatcher.log"], "manager": ["nnimanager.log", "nnictl_stderr.log"]}
    if trial in files:
        return [record.folder / "log" / name for name in files[trial]]
    job = next((job for job in record.jobs if trial in (job.id, str(job.number))), None)
    if job is None:
        known = ", ".join(f"{job.number} ({job.id})" for job in record.jobs) or "none yet"
        raise InputError(f"trial {trial}: experiment {record.id} has no such trial; it has {known}, tuner and manager")
    if job.folder is None or not job.folder.is_dir():
        raise InputError(f"trial {job.id}: {job.status.lower()}, it has no folder on this machine")
    return [job.folder / "trial.log", job.folder / "trial.stderr"]


def report(
    experiments: Annotated[
        list[str] | None, typer.Argument(metavar="[A B]", help="Two experiments, as of seisnas ls --all.")
    ] = None,
    config: NniConfig = NNI_CONFIG,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="An .html; default: report.html, of two A-B.html.")
    ] = None,
) -> None:
    """Write report.html: the table of models, curves, predictions, cells, trials, how to reproduce.

    With two experiments: both side by side on one page, what they reached, what it cost, which settings differ.
    """
    from datagen.files.outputs import check_outputs

    if experiments and len(experiments) != 2:
        raise InputError(
            f"report: got {len(experiments)} experiment{'s' if len(experiments) > 1 else ''}; allowed: none, for the "
            f"one of {config}, or two to compare (seisnas ls --all)"
        )
    if experiments:
        one, another = (_record(each, config) for each in experiments)
        file = output or Path(f"{one.id}-{another.id}.html")
        check_outputs([file], [".html"], [config], new_folder=True)

        from trials.results.report.beside import write_beside

        tell(f"wrote {write_beside(one, another, file)}")
        return
    file = output or Path("report.html")
    check_outputs([file], [".html"], [config], new_folder=True)

    from trials.chain import report_experiment

    tell(f"wrote {report_experiment(config, file)}")


def export_study(
    storage: Annotated[str, typer.Argument(metavar="STORAGE", help="sqlite:///study.db, or the path alone.")],
    experiment: Of = None,
    config: Config = NNI_CONFIG,
) -> None:
    """Write an experiment as Optuna studies, one a stage, for optuna-dashboard and Optuna's plots.

    Parameters, intermediate values, failed and stopped trials in their states, folder and picture of each trial; the
    compressed networks have two objectives, SSIM and non-zero parameters. What else is in the file stays;
    given again, the command replaces the experiment's own studies. Needs `pip install 'seisnas[study]'`.
    """
    record = _record(experiment, config)

    from trials.experiment.state import query_state
    from trials.results.optuna_study.export_study import export_study as write

    interrupted = query_state(record).status in ("stopped", "shown", "finished")
    file, pictures, names = write(record, storage, interrupted=interrupted)
    tell(f"wrote {file}: {', '.join(names)}")
    tell(f"look at it: optuna-dashboard sqlite:///{file} --artifact-dir {pictures}")
