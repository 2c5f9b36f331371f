"""What several commands of `seisnas` share: options, and how they print."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

console = Console()

Preset = Annotated[Path, typer.Option("--preset", "-p", help="Settings of the whole chain.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", "-s", metavar="PATH=VALUE", help="Change one setting; repeatable.")
]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; default: one a core.")]
Run = Annotated[Path | None, typer.Option("--run", help="Folder for what this run leaves.")]
Bundle = Annotated[Path, typer.Argument(help="Folder of a bundle, or a ready-made one: openfwi.")]
Images = Annotated[
    list[Path] | None,
    typer.Option("--output", "-o", help=".npy, .sgy or .png; repeatable. Default: prediction.png."),
]
Mirrored = Annotated[
    bool,
    typer.Option("--mirrored", help="Mean with the mirrored shots' image: SSIM +0.015, velocity +0.01, twice as slow."),
]
NniConfig = Annotated[Path, typer.Option("--config", help="The NNI experiment's file.")]
Port = Annotated[int, typer.Option(min=1024, max=65535, help="Of the web page on 127.0.0.1.")]

QUICKSTART = Path("presets/quickstart.yml")
FIELD = Path("presets/field.yml")
NNI_CONFIG = Path("nni_config.yml")


def tell(line: str) -> None:
    """Prints text that may hold anything: brackets are no markup, paths and numbers get no colour."""
    console.print(line, soft_wrap=True, markup=False, highlight=False)


def complain(line: str) -> None:
    """As `tell`, to standard error, where the command goes on."""
    Console(stderr=True).print(line, soft_wrap=True, markup=False, highlight=False)


def configuration(preset: Path, changes: list[str] | None) -> Any:
    """Loaded before a command's slow imports: a misspelt key is reported at once."""
    from trials.settings.config import load, settings

    return load(preset, settings(changes or []))
