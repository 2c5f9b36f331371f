"""The rows of datagen.json as a page, and each as a line while they are measured."""

from typing import Any

import against_deepwave as peer

Row = dict[str, Any]


def page(record: dict[str, Any]) -> str:
    rows = record["rows"]

    def of(*jobs: str) -> list[Row]:
        return [row for row in rows if row["job"] in jobs]

    text = "# Making data: how fast, how near the machine's limit\n\n"
    text += "".join(f"- {key}: `{record[key]}`\n" for key in ("command", "commit", "machine", "date"))
    text += beside_deepwave(of("forward", "rtm")) + end_to_end(of("generate"), of("start"))
    text += limits(of("machine"), of("limit")) + scaling(of("workers"), of("models"))
    text += "\n## Reading\n\nHow fast training reads the shards: [reading.md](reading.md).\n"
    return text + settings(of("forward", "rtm")) + f"\n{measured_with(rows)}\n"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n" + "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def spread(values: list[float], digits: int = 1) -> str:
    return f"{min(values):.{digits}f} – {max(values):.{digits}f}"


def beside_deepwave(rows: list[Row]) -> str:
    head = ("preset", "job", "samples", "ours, shots/s", "error", "Deepwave, shots/s", "error", "**ratio**")
    head += ("at equal steps", "models/min", "of the limit")
    cells = []
    for row in rows:
        both = [
            cell
            for who in ("ours", "deepwave")
            for cell in (
                f"{row[f'{who}_shots_per_s']:.1f} ({spread(row[f'{who}_rounds'])})",
                f"{row[f'{who}_error']:.2%}",
            )
        ]
        line = (row["preset"], row["job"], str(row["samples"]), *both, f"**{row['ratio']:.2f}**")
        line += (f"{row['ratio_at_equal_steps']:.2f}",)
        line += (f"{row['ours_models_per_min']:.0f} : {row['deepwave_models_per_min']:.0f}",)
        cells.append((*line, f"{row['fraction_of_limit']:.0%}"))
    return f"""
## Beside Deepwave

Medians (slowest – fastest round) of both sides in turn, each with one thread in each of two processes or, where that
is faster, Deepwave with two threads in one. `rtm`: shots and image; Deepwave: shots and gradient of the misfit in a
smooth model. Error: of gathers in models smoothed over {peer.SMOOTH:g} cells, {peer.NEAR:g} m and more from the source,
against a grid {peer.REFINED} times finer. `ratio`: beside the fastest of Deepwave's settings whose error is at most
{peer.ALIKE:g} times ours, or if there is none, beside its most accurate one. `at equal steps`: beside Deepwave with the
preset's order and layer and one step a sample, whatever its error. Of a record cut to fewer samples than the preset has
both sides take as much less time.
{table(head, cells) if cells else ""}"""


def end_to_end(rows: list[Row], starts: list[Row]) -> str:
    head = ("preset", "models", "workers", "**models a minute**", "rounds", "largest worker, MB", "written, MB")
    cells = [
        (
            row["preset"],
            str(row["models"]),
            str(row["workers"]),
            f"**{row['models_per_min']:.0f}**",
            spread(row["rounds"], 0),
            f"{row['worker_MB']:.0f}",
            f"{row['disk_MB']:.0f}",
        )
        for row in rows
    ]
    text = "\n## From geology to shards\n\n`generate`: random models, shots, images, storage, checksums.\n"
    text += table(head, cells) if cells else ""
    for row in starts:
        text += f"\nA new process has its first image after {row['cold_seconds']:.1f} s ({spread(row['cold_rounds'])}) "
        text += "with operators still to be compiled, "
        text += f"after {row['warm_seconds']:.1f} s ({spread(row['warm_rounds'])}) with operators in the cache.\n"
    return text


def limits(machines: list[Row], rows: list[Row]) -> str:
    text = "\n## Share of the machine's limit\n"
    for row in machines:
        text += f"\nOne core: {row['peak_GFlop_per_s']:.0f} GFlop/s; {row['first_cache_GB_per_s']:.0f} GB/s from the "
        text += f"first cache, {row['memory_GB_per_s']:.1f} GB/s from memory (loops compiled as the operators are).\n"
    head = ("preset", "flops a point", "bytes", "first cache, bytes", "arrays, MB", "their GB/s", "limit, ns a point")
    head += ("set by", "measured, ns", "GFlop/s", "GB/s", "**share**")
    cells = [
        (
            row["preset"],
            f"{row['flops_per_point']:.1f}",
            f"{row['bytes_per_point']:.1f}",
            f"{row['first_cache_bytes_per_point']:.1f}",
            f"{row['working_set_bytes'] / 1000000.0:.2f}",
            f"{row['bandwidth_GB_per_s']:.0f}",
            f"{row['limit_ns_per_point']:.3f}",
            row["narrowest"],
            f"{row['ns_per_point']:.3f}",
            f"{row['GFlop_per_s']:.1f}",
            f"{row['GB_per_s']:.1f}",
            f"**{row['fraction_of_limit']:.0%}**",
        )
        for row in rows
    ]
    return text + (table(head, cells) + IN_THE_WAY if cells else "")


IN_THE_WAY = """
Counted from the stencil (`roofline.py`), at an average point of the padded grid and one step of one shot; measured in
the compiled operator alone.  What is in the way of the rest: the stencil needs each neighbour from the first cache, and
those loads, not arithmetic, are its narrowest place; where the rows of all interleaved shots that it spans do not fit
there (`paper`: 8.7 kB each), the neighbours along z come from the second cache.  Two fifths of a small grid
are absorbing layer, whose memories are passed over in loops of their own, short ones along x.  Beyond the kernel,
a fifth of a model's time goes into random geology, resampling, statistics and storage.
"""


def scaling(workers: list[Row], models: list[Row]) -> str:
    if not workers + models:
        return ""
    head = ("preset", "models", "workers", "seconds", "models a minute", "parent, MB", "largest worker, MB")
    cells = [
        (
            row["preset"],
            str(row["models"]),
            str(row["workers"]),
            f"{row['seconds']:.1f}",
            f"{row['models_per_min']:.0f}",
            f"{row['parent_MB']:.0f}",
            f"{row['worker_MB']:.0f}",
        )
        for row in [*workers, *models]
    ]
    return "\n## Against workers and models\n" + table(head, cells)


def settings(rows: list[Row]) -> str:
    head = ("preset", "job", "order", "steps a sample", "layer", "threads", "error", "shots/s", "counted")
    cells = [
        (
            row["preset"],
            row["job"],
            *(str(each[key]) for key in ("order", "steps", "cells", "threads")),
            f"{each['error']:.2%}",
            f"{each['shots_per_s']:.1f} ({spread(each['rounds'])})" if each["rounds"] else "",
            "yes" if each["counted"] else "",
        )
        for row in rows
        for each in row["deepwave_settings"]
        if row["job"] == "forward" or each["rounds"]
    ]
    if not cells:
        return ""
    text = "\n## Settings\n\nOurs: " + "; ".join(
        f"{row['preset']} order {row['ours_setting']['order']}, steps of {row['ours_setting']['step_ms']:.3f} ms, "
        f"{row['ours_setting']['cells']} cells"
        for row in rows
        if row["job"] == "forward"
    )
    text += ", 8 shots interleaved.  Two references, ours and Deepwave's, differ by "
    text += ", ".join(f"{row['reference_error']:.2%} ({row['preset']})" for row in rows if row["job"] == "forward")
    return (
        text
        + ".  Deepwave's settings; without a rate: not timed, too inaccurate or needlessly fine.\n"
        + table(head, cells)
    )


def measured_with(rows: list[Row]) -> str:
    busiest = max((max(row["load"]) for row in rows), default=0.0)
    commits = ", ".join(sorted({row["commit"] for row in rows}))
    return f"Rows were measured at commit {commits}; highest load average of the machine: {busiest:.1f}."


def headline(row: Row) -> str:
    """What a row says, in a line."""
    figures = ("ratio", "ours_error", "deepwave_error", "models_per_min", "worker_MB", "cold_seconds", "warm_seconds")
    figures += ("fraction_of_limit", "peak_GFlop_per_s")
    found = [f"{key} {row[key]:.4g}" for key in figures if key in row]
    return f"{row['job']} {row['preset'] or ''}: " + ", ".join(found)
