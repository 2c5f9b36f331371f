"""What `seisnas check-data` prints for a sound data set: a row per split."""

from rich import box
from rich.table import Table

from datagen.check import Summary


def data_table(summaries: list[Summary]) -> Table:
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    for heading in ("split", "models", "GB", "velocity [m/s]", "|shot| up to", "|image| up to", "repeated"):
        table.add_column(heading, justify="left" if heading == "split" else "right", no_wrap=True)
    for row in summaries:
        velocities = f"{row.velocity_min:.0f} – {row.velocity_max:.0f}" if row.velocity_max else "none"
        table.add_row(
            row.split,
            f"{row.models:,}",
            f"{row.bytes / 1e9:.3f}",
            velocities,
            f"{row.shot_peak:.3g}",
            f"{row.image_peak:.3g}",
            f"{row.repeated:,}",
        )
    return table
