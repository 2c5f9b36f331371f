"""A preset for the survey of a recording: geometry from its headers, with what they do not say in capitals.

    positions of several shots into one spread     a network that images: velocity, and the RTM image in it
    anything else                                  a network that picks first breaks, gather by gather

Positions count from the left end of the section.  What is to be filled in is a word where a number belongs, so that
loading the draft as it is fails there, by name.
"""

import re
import textwrap
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from datagen.config import Data
from datagen.errors import InputError
from datagen.files.reading import parse_yaml
from datagen.waves.positions import MIRROR_TOLERANCE, asymmetry
from datagen.waves.scheme import POINTS_PER_WAVELENGTH
from datagen.waves.survey import SAMPLES_PER_PERIOD
from datagen.waves.wavelet import BAND
from trials.prediction.inspecting.content import Content, Places
from trials.prediction.inspecting.draft_text import IMAGING, PICKING
from trials.prediction.unlike import spectral_centroid

STAND_INS = {"LOWEST": "1500.0", "HIGHEST": "4500.0", "METRES": "10.0", "SECONDS": "0.001", "HERTZ": "15.0"}
MOST_SHOTS, MOST_CELLS = 512, 4096  # of a preset
MOST_OF_AN_ARRAY = 64  # shots of one survey; arrays of more hold gathers
FEWEST_CELLS = 24  # columns: with fewer a network of four scales has nothing at the coarsest
FEWEST_ROWS = 16
PICKED_SHOTS = 5  # positions of sources from which a picker's gathers are modelled
POINTS = POINTS_PER_WAVELENGTH[8]  # of the order that presets have by default
CENTROID = 0.94  # of a Ricker wavelet from a line source, over its peak: ¾ √(π/2)
SLOWEST = {"both": 1500.0, "first_break": 500.0}  # [m/s] that the grid should carry: water, loose ground
FASTEST_ECHO = 4000.0  # [m/s]: half of it times the record is how deep echoes come from
MOST_TOLD = 5  # problems in a message
UNKNOWN = f"at least {POINTS:g} x frequency x spacing"
WIDTH = 110  # characters of a line
DEPTH = {"both": 1.0, "first_break": 0.4}  # of the width, at most: how deep waves go that come back


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A preset in YAML, and what is left to fill in."""

    text: str
    target: str
    missing: tuple[str, ...]  # the words in capitals
    data: Data  # the data set, with something in the place of what is missing


@dataclass(frozen=True, kw_only=True)
class _Line:
    """Positions [m] along the section, from its left end; None: not known."""

    shots: int
    receivers: int
    sources_S: Places | None = None
    receivers_R: Places | None = None
    gap: float | None = None  # [m] of neighbouring receivers


def draft_preset(content: Content) -> Draft:
    """For a network that would fit the recording.  Raises InputError: its survey is none that a preset can have."""
    if not content.samples:
        raise InputError(f"{content.path}: holds no waves, so no network takes it; give the gathers themselves")
    shots = _shots_of_a_sample(content)
    target = "both" if shots > 1 else "first_break"
    line, frequency = _line(content, shots), _frequency(content)
    grid, depth, carried = _grid(content, line, frequency, target)
    template = IMAGING if target == "both" else PICKING
    fields = {
        "name": re.sub(r"[^A-Za-z0-9_.-]", "_", content.path.stem.lower()).lstrip("_.-") or "survey",
        "source": ascii(content.path.name),
        "grid": grid,
        "carried": carried,
        "survey": "\n".join(f"    {each}" for each in _survey(content, line, frequency, depth)),
    }
    data = _data(template.format(**fields, mirror="false"), content.path)
    text = template.format(**fields, mirror="true" if asymmetry(data) <= MIRROR_TOLERANCE else "false")
    code = re.sub(r"#.*", "", text)
    missing = tuple(word for word in STAND_INS if word in code)
    return Draft(text=text, target=target, missing=missing, data=data)


def _data(text: str, path: Path) -> Data:
    """The data set of a draft, with something in the place of what is missing."""
    filled = re.sub("|".join(STAND_INS), lambda found: STAND_INS[found[0]], text)
    try:
        return TypeAdapter(Data).validate_python(parse_yaml(filled, "the draft")["data"])
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise InputError(f"{path}: no preset can have its survey: {'; '.join(problems[:MOST_TOLD])}") from None


def own_survey(content: Content, draft: Draft) -> Data:
    """A data set whose survey is the recording's: that of the draft, or, where that is a picker's, one shot's."""
    if draft.target == "both":
        return draft.data
    line = _line(content, 1)
    source, receivers = list[float](), list[float]()
    if line.receivers_R is not None and content.sources is not None and content.receivers is not None:
        number = next(each for each, places in enumerate(content.receivers) if len(places) == line.receivers)
        places = np.array([content.sources[number], *content.receivers[number]])
        first, *rest = (places - places.min()).tolist()
        source, receivers = [first], rest
    survey = replace(draft.data.survey, shots=1, source_positions=tuple(source), receiver_positions=tuple(receivers))
    return replace(draft.data, survey=survey)


def _shots_of_a_sample(content: Content) -> int:
    """How many shots of one spread make an image; 1: there is no such spread."""
    if content.axes:
        shots = content.axes[-3] if len(content.axes) > 2 else 1
        return shots if shots <= MOST_OF_AN_ARRAY else 1
    if not content.placed or not content.fixed or content.sources is None:
        return 1
    on_line = content.sources if content.across is None else content.sources[content.across == content.across[0]]
    different = len(np.unique(np.round(on_line, 2)))
    repeated = len(on_line) % different == 0 and np.allclose(on_line, np.resize(on_line[:different], len(on_line)))
    shots = different if repeated else len(on_line)
    return shots if shots <= MOST_SHOTS else 1


def _line(content: Content, shots: int) -> _Line:
    usual = int(np.bincount(content.traces).argmax())
    if not content.placed or content.receivers is None:
        return _Line(shots=max(shots, PICKED_SHOTS) if shots == 1 else shots, receivers=usual)
    chosen = [number for number, each in enumerate(content.receivers) if len(each) == usual]
    receivers_R = content.receivers[chosen[0]]
    if content.sources is None:
        sources_S = receivers_R[np.linspace(0, usual - 1, PICKED_SHOTS).round().astype(int)]
    elif shots > 1:
        sources_S = content.sources[:shots]
    else:  # of each gather relative to its own receivers, in their order
        beside = [content.sources[each] - content.receivers[each][0] + receivers_R[0] for each in chosen]
        different = np.unique(np.round(beside, 2))
        few = np.linspace(0, len(different) - 1, min(PICKED_SHOTS, len(different))).round().astype(int)
        sources_S = different[few]
    left = min(float(sources_S.min()), float(receivers_R.min()))
    return _Line(
        shots=len(sources_S),
        receivers=usual,
        sources_S=sources_S - left,
        receivers_R=receivers_R - left,
        gap=content.gap,
    )


def _frequency(content: Content) -> float | None:
    """[Hz] of the Ricker wavelet whose waves have the centroid of the gathers', as far as the interval carries it."""
    if content.interval is None:
        return None
    found = [spectral_centroid(np.nan_to_num(each)[None, None], content.interval) for each in content.shown]
    alive = [each for each in found if each > 0]
    highest = min(500.0, 1 / (SAMPLES_PER_PERIOD * BAND * content.interval))
    return _three_digits(min(highest, float(np.median(alive)) / CENTROID)) if alive else None


def _grid(content: Content, line: _Line, frequency: float | None, target: str) -> tuple[str, float, str]:
    """The grid in YAML, the depth of sources and receivers [m], and what velocities it carries, in words."""
    if line.gap is None or line.sources_S is None or line.receivers_R is None:
        columns = _cells(max(FEWEST_CELLS, line.receivers))
        return f"{{nz: {_cells(DEPTH[target] * columns)}, nx: {columns}, spacing: METRES}}", 0.0, UNKNOWN
    width = float(max(line.sources_S.max(), line.receivers_R.max()))
    parts = ceil(POINTS * (frequency or 0) * line.gap / SLOWEST[target] - 1e-9) or 1
    parts = max(1, min(parts, int(MOST_CELLS * line.gap / width) or 1), ceil((FEWEST_CELLS - 1) * line.gap / width))
    spacing = line.gap / parts
    echo = content.samples * (content.interval or 0.0) * FASTEST_ECHO / 2
    rows, columns = _cells(min(DEPTH[target] * width, echo or width) / spacing), _cells(width / spacing + 1)
    points = POINTS * spacing
    carried = f"at least {ceil(points * frequency)} on this grid, less on a finer one" if frequency else UNKNOWN
    return f"{{nz: {rows}, nx: {columns}, spacing: {_number(spacing)}}}", spacing, carried


def _cells(wanted: float) -> int:
    """An even number, not below `wanted`: networks work on grids half as fine."""
    return max(FEWEST_ROWS, 2 * ceil(wanted / 2 - 1e-6))


def _survey(content: Content, line: _Line, frequency: float | None, depth: float) -> list[str]:
    interval, samples = content.interval, content.samples
    if interval:  # a network's records begin at the shot
        samples += round(content.starts[0] / interval)
    lines = [f"shots: {line.shots}", f"receivers: {line.receivers}"]
    for name, places in (("source", line.sources_S), ("receiver", line.receivers_R)):
        if places is not None:
            listed = f"{name}_positions: [{', '.join(map(_number, places))}]"
            lines += textwrap.wrap(listed, WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    return [
        *lines,
        f"source_depth: {_number(depth)}  # [m]",
        f"receiver_depth: {_number(depth)}  # [m]",
        f"frequency: {_number(frequency) if frequency else 'HERTZ'}  # [Hz] peak of a wavelet with this spectrum",
        f"interval: {_number(interval) if interval else 'SECONDS'}",
        f"samples: {samples}",
    ]


def _number(value: float) -> str:
    """As YAML reads it: without an exponent, with a point."""
    return str(np.format_float_positional(round(float(value), 9), trim="0"))


def _three_digits(value: float) -> float:
    """Not above `value`."""
    scale = 10.0 ** (np.floor(np.log10(value)) - 2)
    return float(np.floor(value / scale) * scale)
