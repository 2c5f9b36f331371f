"""Walks through a GAN's latent space: a film between random points, and a contact sheet.

    slerp(a, b; t) = sin((1−t)ω) / sin ω · a + sin(tω) / sin ω · b,      cos ω = a·b / (|a| |b|)

A straight line between Gaussian points leaves the distribution in the middle, because in many dimensions all points
are near a sphere (White 2016, arXiv 1609.04468, equation 1).
"""

from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from datagen.errors import InputError
from datagen.files.outputs import check_outputs
from datagen.files.whole_files import whole
from datagen.files.writing import reported
from trials.training.transferring.gan import Generator
from trials.training.transferring.pretrained_files import load_generator

FRAME_MS = 80  # of the film
ZOOM = 2  # pixels of the film per sample or trace
GREYS = 16  # make a film a quarter of the size
GREY = 2 / 3  # of the limit is black or white


def slerp(a_N: Tensor, b_N: Tensor, share: Tensor) -> Tensor:
    """Points `[F, N]` on the great circle from a to b, at `share` `[F]` of the way."""
    cosine = torch.dot(a_N, b_N) / (a_N.norm() * b_N.norm())
    angle = torch.arccos(cosine.clamp(-1 + 1e-6, 1 - 1e-6))
    share_F1 = share[:, None]
    return (torch.sin((1 - share_F1) * angle) * a_N + torch.sin(share_F1 * angle) * b_N) / torch.sin(angle)


def walk(latent: int, points: int, steps: int, seed: int) -> Tensor:
    """A closed path through `points` random points, `steps` from each to the next: `[points · steps, latent]`."""
    draws = torch.Generator().manual_seed(seed)
    stops = torch.randn(points, latent, generator=draws)
    share = torch.arange(steps) / steps
    return torch.cat([slerp(stops[i], stops[(i + 1) % points], share) for i in range(points)])


@torch.no_grad()
def sampled(generator: Generator, latent_BN: Tensor) -> Tensor:
    return torch.cat([generator(part) for part in torch.split(latent_BN, 32)])


def show_gan(
    file: Path, output: Path, *, points: int = 6, steps: int = 12, seed: int = 0, real_N1ZX: Tensor | None = None
) -> list[Path]:
    """Writes walk.gif and sheet.png to the folder `output`; the sheet has samples of the data above, if given.

    Raises InputError as `load_generator`, or for fewer than two points.
    """
    if points < 2:
        raise InputError(f"dream: a walk needs at least 2 points, got {points}")
    generator, facts = load_generator(file)
    written = check_outputs([output / "walk.gif", output / "sheet.png"], inputs=[file.parent], new_folder=True)
    with reported(output):
        output.mkdir(parents=True, exist_ok=True)
    film(sampled(generator, walk(facts["latent"], points, steps, seed)), generator.limit, written[0])
    latent = torch.randn(16, facts["latent"], generator=torch.Generator().manual_seed(seed))
    sheet = {"generated": sampled(generator, latent)}
    contact_sheet(sheet if real_N1ZX is None else {"data": real_N1ZX[:8], **sheet}, generator.limit, written[1])
    return written


def film(frames_F1ZX: Tensor, limit: float, file: Path) -> None:
    """Samples as a looping animated GIF."""
    step = 255 // (GREYS - 1)
    bright = (frames_F1ZX[:, 0] / (GREY * limit)).clamp(-1, 1) * 0.5 + 0.5
    grey = (step * (bright * (GREYS - 1)).round()).numpy().astype(np.uint8)
    images = [Image.fromarray(frame.repeat(ZOOM, 0).repeat(2 * ZOOM, 1)) for frame in grey]
    with whole(file) as part:
        images[0].save(part, "GIF", save_all=True, append_images=images[1:], duration=FRAME_MS, loop=0, optimize=True)


def contact_sheet(rows: dict[str, Tensor], limit: float, file: Path, columns: int = 8) -> None:
    """Samples side by side; each kind starts a new line."""
    lines = [(name, part) for name, samples in rows.items() for part in torch.split(samples[:, 0], columns)]
    figure = Figure(figsize=(1.3 * columns, 2.0 * len(lines)), layout="constrained")
    axes = figure.subplots(len(lines), columns, squeeze=False)
    for line, (name, part) in zip(axes, lines, strict=True):
        line[0].set_ylabel(name)
        for place, sample_ZX in zip(line, part, strict=False):
            place.imshow(sample_ZX.numpy(), cmap="gray", vmin=-GREY * limit, vmax=GREY * limit, aspect="auto")
        for place in line:
            place.set(xticks=[], yticks=[])
    with whole(file) as unfinished:
        figure.savefig(unfinished, dpi=70, format="png")
