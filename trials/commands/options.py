"""What the commands of `seisnas` share: the app they register with, and options of several of them."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="""The smallest network that images the subsurface as well as a big one.

The stages, in order: generate → search → tune → compress → export → predict or pick, report.
[bold]seisnas run[/] does them all with one NNI experiment that you watch in the browser.

Every setting lives in a preset (presets/*.yml); change one with --set, for example
[bold]seisnas tune --set tune.epochs=30 --set loss.ssim=0.5[/].""",
)
console = Console()

Preset = Annotated[Path, typer.Option("--preset", "-p", help="Settings of the whole chain.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", "-s", metavar="PATH=VALUE", help="Change one setting; repeatable.")
]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; default: one a core.")]
Run = Annotated[Path | None, typer.Option("--run", help="Folder for what this run leaves.")]
QUICKSTART = Path("presets/quickstart.yml")


def tell(line: str) -> None:
    """Prints text that may hold anything: brackets are no markup, paths and numbers get no colour."""
    console.print(line, soft_wrap=True, markup=False, highlight=False)


def configuration(preset: Path, changes: list[str] | None) -> Any:
    """Loaded before a command's slow imports: a misspelt key is told at once."""
    from trials.settings.config import load, settings

    return load(preset, settings(changes or []))
