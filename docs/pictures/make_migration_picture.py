"""Draws docs/migration.png: test models that a network of both has not seen, beside what it makes of their shots.

python docs/pictures/make_migration_picture.py BUNDLE DATA_SET
"""

import sys
from pathlib import Path

from compressors.graphs.runner import Imager
from datagen.dataset import ShardDataset
from trials.prediction.model_window import likeness
from trials.prediction.section_pictures import draw_sections, image_section, reach, velocity_section

MODELS = (0, 2, 4)  # of the test split


def main(bundle: str, data: str) -> None:
    imager, dataset = Imager(bundle), ShardDataset(data, "test", "both")
    velocities, images = dataset.targets
    panels = []
    for model in MODELS:
        shots_STR, target_2ZX = dataset[model]
        velocity_ZX = velocities.denormalise(target_2ZX[0].numpy())
        image_ZX = images.denormalise(target_2ZX[1].numpy())
        predicted_ZX, own_ZX = imager(shots_STR.numpy()[None])[0]
        span, white = (float(velocity_ZX.min()), float(velocity_ZX.max())), reach(image_ZX)
        panels += [
            velocity_section("velocity", velocity_ZX, span),
            velocity_section(f"predicted\n{likeness(predicted_ZX, velocity_ZX, velocities)}", predicted_ZX, span),
            image_section("RTM image", image_ZX, white),
            image_section(f"predicted\n{likeness(own_ZX, image_ZX, images)}", own_ZX, white),
        ]
    file = Path(__file__).parents[1] / "migration.png"
    draw_sections(panels, dataset.data.grid, file, f"{imager.contents.name}: test models {MODELS}, shots alone")


if __name__ == "__main__":
    main(*sys.argv[1:])
