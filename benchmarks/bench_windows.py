"""A bundle's images of windows of a velocity model that nobody drew, beside RTM: scores and a picture.

    python benchmarks/bench_windows.py --bundle exports/openfwi_migrate --velocity marmousi_vp.bin --shape 221x601 \\
        --unit 1000 --spacing 15

The five windows of Marmousi are those that were first tried; training and tuning never see them.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from lib.record import RESULTS, Record
from rich.progress import track

from datagen.targets import make_target
from datagen.waves.modelling import WaveEngine
from datagen.waves.scheme import derive_scheme
from trials.prediction.model_window import likeness
from trials.prediction.predict import open_imager
from trials.prediction.predicted_velocity import Migrated, PredictedVelocity
from trials.prediction.section_pictures import draw_sections, image_section, reach, velocity_section
from trials.prediction.velocity_window import cut_window, read_velocity, spanning, within_limits

WINDOWS = ("480,1500", "800,3000", "600,5000", "1200,4000", "1800,6000")  # depth, distance of the top left corner [m]


def main(
    bundle: Annotated[Path, typer.Option(help="Of target both.")],
    velocity: Annotated[Path, typer.Option(help="Velocity model, as of seisnas model.")],
    spacing: Annotated[float, typer.Option(help="Of its cells [m].")],
    shape: Annotated[str | None, typer.Option()] = None,
    unit: Annotated[float, typer.Option()] = 1.0,
    at: Annotated[str, typer.Option(help="Windows, instead of those of Marmousi: 480,1500 800,3000 …")] = "",
) -> None:
    imager = open_imager(bundle)
    contents = imager.contents
    (model_ZX,) = read_velocity(velocity, shape, unit)
    record = Record(
        "windows", "Windows of models that nobody drew", f"python benchmarks/bench_windows.py --bundle {bundle.name}"
    )
    tried = {"network": contents.name, "model": velocity.stem}
    record.rows = [row for row in record.rows if not tried.items() <= row.items()]
    velocities, images = (make_target(name, contents.statistics) for name in ("velocity", "rtm"))
    panels = []
    for corner in track(at.split() or WINDOWS, "windows"):
        window_ZX = cut_window(model_ZX, spacing, corner, contents.data.grid)
        data = spanning(contents.data, window_ZX)
        scheme = derive_scheme(data)
        window_ZX = within_limits(window_ZX, scheme.carried)
        engine = WaveEngine(data, scheme=scheme)
        shots_BSTR, image_BZX = engine.shoot_and_migrate(window_ZX[None])
        predicted_ZX, own_ZX = imager(shots_BSTR)[0]
        migrated_ZX = Migrated(PredictedVelocity(bundle, imager, engine))(shots_BSTR)[0, 0]
        of_velocity = likeness(predicted_ZX, window_ZX, velocities)
        of_image, of_rtm = (likeness(each, image_BZX[0], images) for each in (own_ZX, migrated_ZX))
        record.add(
            {
                **tried,
                "window": corner,
                "top_m_per_s": round(float(np.median(window_ZX[:3]))),
                "image_ssim": of_image.ssim,
                "image_blank_ssim": of_image.blank,
                "image_correlation": of_image.correlation,
                "rtm_in_its_velocity_ssim": of_rtm.ssim,
                "velocity_ssim": of_velocity.ssim,
                "velocity_correlation": of_velocity.correlation,
            }
        )
        span, white = (float(window_ZX.min()), float(window_ZX.max())), reach(image_BZX[0])
        panels += [
            velocity_section(f"velocity from {corner} m", window_ZX, span),
            velocity_section(f"predicted\n{of_velocity}", predicted_ZX, span),
            image_section("RTM image", image_BZX[0], white),
            image_section(f"predicted\n{of_image}", own_ZX, white),
        ]
    names = ("image_ssim", "image_blank_ssim", "image_correlation", "rtm_in_its_velocity_ssim", "velocity_ssim")
    own = [row for row in record.rows if tried.items() <= row.items()]
    record.add(
        {
            **tried,
            "window": "mean",
            **{name: float(np.mean([row[name] for row in own])) for name in names},
        }
    )
    draw_sections(panels, contents.data.grid, RESULTS / "windows.png", f"{contents.name} on {velocity.stem}")


if __name__ == "__main__":
    typer.run(main)
