"""What was understood of a recording, as rows of a table: what, and how much of it."""

import numpy as np

from trials.prediction.inspecting.content import Content, Places


def facts(content: Content) -> list[tuple[str, str]]:
    rows = [
        ("format", content.format + (f", {content.files} files" if content.files > 1 else "")),
        *([("axes", f"{list(content.axes)}{_axes(content)}")] if content.axes else []),
        ("shots", _shots(content)),
        *(_times(content) if content.samples else []),
        ("spread", {True: "fixed", False: "moves with the shots", None: _unknown(content)}[content.fixed]),
        ("receivers", _receivers(content)),
        ("sources", "no positions" if content.sources is None else _places(np.unique(content.sources))),
    ]
    if content.across is not None:
        rows.append(("lines", f"{len(np.unique(np.round(content.across)))} parallel ones"))
    if content.heights is not None:
        rows.append(("heights", f"{content.heights[0]:g} to {content.heights[1]:g} m"))
    if content.unit:
        rows.append(("unit of length", content.unit))
    if content.first_breaks is not None:
        rows.append(("first breaks", _picked(content.first_breaks)))
    if not content.samples:
        return rows
    dead, broken = content.silent
    of = sum(content.traces) if content.recording else sum(each.shape[1] for each in content.shown)
    marked = f", {content.dead_marked} in all marked so (byte 29)" if content.dead_marked else ""
    rows.append(("dead traces", f"{dead} of {of}{marked}"))
    rows.append(("not finite", f"{broken} of {of} traces"))
    rows.append(("auxiliary", f"{content.auxiliary} traces left out" if content.auxiliary else "none"))
    return rows


def _times(content: Content) -> list[tuple[str, str]]:
    return [
        ("time samples", f"{content.samples}"),
        ("interval", f"{1e3 * content.interval:.6g} ms" if content.interval else "not in the file; --interval"),
        ("record length", f"{content.samples * content.interval:.6g} s" if content.interval else "not known"),
        ("first sample", _start(content)),
    ]


def _picked(first_breaks: list[Places]) -> str:
    every = np.concatenate(first_breaks)
    times = every[np.isfinite(every)]
    reach = f", {times.min():g} to {times.max():g} s" if len(times) else ""
    return f"{len(times)} of {len(every)} traces{reach}"


def _shots(content: Content) -> str:
    least, most = min(content.traces), max(content.traces)
    return f"{len(content.traces)} of {least if least == most else f'{least} to {most}'} traces"


def _axes(content: Content) -> str:
    return {2: " = T, R", 3: " = S, T, R", 4: " = N, S, T, R"}.get(len(content.axes), "")


def _start(content: Content) -> str:
    first, last = content.starts
    at = f"{first:g} s" if first == last else f"{first:g} to {last:g} s, traces differ"
    return f"at {at} after the shot"


def _unknown(content: Content) -> str:
    return "not known, no positions" if content.receivers is None else "of one shot"


def _receivers(content: Content) -> str:
    if content.receivers is None:
        return "no positions"
    every = np.unique(np.concatenate(content.receivers))
    gap = f", {content.gap:g} m apart" if content.gap else ""
    return f"{every[0]:g} to {every[-1]:g} m{gap}"


def _places(places: Places) -> str:
    few = ", ".join(f"{place:g}" for place in places[:6])
    return f"{few}{f', … {places[-1]:g}' if len(places) > 6 else ''} m"
