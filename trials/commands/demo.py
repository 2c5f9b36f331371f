"""The command for the first minute."""

import time
from pathlib import Path
from typing import Annotated

import typer

from trials.commands.options import tell


def demo(output: Annotated[Path, typer.Option("--output", "-o", help="A .png.")] = Path("demo.png")) -> None:
    """Image a stored record with the network that comes with the program, beside the truth.

    The picture has truth, prediction and difference of velocity and RTM image. The network has not seen the record; of
    those it was tested on, its SSIM lies nearest to their mean.
    """
    begun = time.perf_counter()

    from trials.prediction.demo import demo as work

    done = work(output)
    for score in done.scores:
        blank = f"a blank image has {score.blank_ssim:.3f}"
        tell(f"{score.picture}: SSIM {score.ssim:.3f} ({blank}), correlation {score.correlation:.3f}")
    whole_time = time.perf_counter() - begun
    tell(f"{done.shots} shots imaged in {1e3 * done.seconds:.0f} ms; {whole_time:.1f} s with loading and drawing")
    tell(f"wrote {output}")
    tell("next: seisnas predict openfwi YOUR_SHOTS -o image.png (does it fit? seisnas inspect YOUR_SHOTS)")
