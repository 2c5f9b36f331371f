"""`seisnas` itself: every command, in its panel of --help, in the order in which the data flow."""

import math
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from datagen.errors import InputError
from trials.commands import bundles, data, demo, experiment, machines, training
from trials.commands.examples import shown_examples

PANELS: dict[str, dict[str, Callable[..., None]]] = {
    "A first look": {"demo": demo.demo},
    "Data": {
        "generate": data.generate,
        "import": data.import_data,
        "check-data": data.check_data,
        "show-data": data.show_data,
        "inspect": data.inspect,
    },
    "Training, stage by stage": {
        "pretrain": training.pretrain,
        "show-gan": training.show_gan,
        "search": training.search,
        "tune": training.tune,
        "pick-train": training.pick_train,
        "compress": training.compress,
        "compare": training.compare,
    },
    "The whole chain as one experiment": {
        "run": experiment.run,
        "status": experiment.status,
        "view": experiment.view,
        "ls": experiment.list_trials,
        "logs": experiment.logs,
        "best": experiment.best,
        "stop": experiment.stop,
        "resume": experiment.resume,
        "report": experiment.report,
        "export-study": experiment.export_study,
    },
    "Using a trained network": {
        "export": bundles.export,
        "predict": bundles.predict,
        "model": bundles.model,
        "adapt": bundles.adapt,
        "pick": bundles.pick,
        "bench-model": bundles.bench_model,
    },
    "Machines": {
        "doctor": machines.doctor,
        "hosts": machines.hosts,
    },
}


class Command(TyperCommand):
    """A command whose numbers are finite: NaN passes every limit of an option."""

    def make_context(self, *args: Any, **options: Any) -> Any:
        context = super().make_context(*args, **options)
        for name, value in context.params.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise InputError(f"--{name.replace('_', '-')}: got {value}; write a finite number")
        return context


class Commands(TyperGroup):
    """The group of commands, which answers to a former spelling with the new one."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, *words = args
        if name == "dream":
            raise InputError("dream: is now called show-gan; type seisnas show-gan RUN")
        if name == "predict" and any(word.partition("=")[0] == "--velocity" for word in words):
            raise InputError("predict --velocity: is now a command of its own; type seisnas model BUNDLE VELOCITY_FILE")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # rich's own would take a unit like [m] for a style, and hide it
    help="""The smallest network that images the subsurface as well as a big one.

The stages, in order: generate → search → tune → compress → export → predict, model or pick, report.
`seisnas run` does them all with one NNI experiment that you watch in the browser.

Every setting lives in a preset (presets/NAME.yml); change one with --set, for example
`seisnas tune --set tune.epochs=30 --set loss.ssim=0.5`.""",
)
for panel, commands in PANELS.items():
    for name, command in commands.items():
        app.command(name, cls=Command, rich_help_panel=panel, epilog=shown_examples(name))(command)
