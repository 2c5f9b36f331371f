"""Which tasks a recording is good for, with which bundles, and everything that stands in the way of the others.

The checks are those of the commands: nothing here decides what fits.

    predict    a bundle that images      open_shots, differences of its survey
    pick       a bundle that picks       read_recording, unpickable
    pretrain   any network               read_recording, gathers wide and many enough
    import     a preset of its survey    find_source
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from compressors.bundles.contents import Contents, read_contents
from compressors.bundles.ready_made import FOLDER, ready_made
from compressors.bundles.seal import SEAL
from compressors.outputs import OUTPUTS
from datagen.config import Data
from datagen.errors import InputError
from datagen.shards.source import find_source
from datagen.traces.fitting.survey_differences import differences
from datagen.traces.fitting.survey_fit import fit_survey, read_batch
from datagen.traces.recorded_shots import open_shots
from trials.prediction.inspecting.content import Content, heard
from trials.prediction.picking.pickable import assumed, unpickable
from trials.prediction.unlike import unlike_shots
from trials.pretraining import gather_windows

OWNER, EVERY = "the bundle", "every bundle"  # of a survey, in differences
PLACES = (Path("exports"), Path("bundles"))  # where bundles are looked for


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task, with one bundle if it needs one."""

    name: str
    partner: str = ""  # the bundle, or the preset
    wrong: tuple[str, ...] = ()  # all that keeps it from working; empty: it works
    converted: tuple[str, ...] = ()  # what --resample would convert
    notes: tuple[str, ...] = ()  # what would be assumed, or is strange
    compared: bool = True  # False: there is no bundle to compare with

    @property
    def verdict(self) -> str:
        if self.wrong:
            return "no"
        if not self.compared:
            return "perhaps"
        return "with --resample" if self.converted else "yes"


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle, or why it is none."""

    path: Path  # or the name of a ready-made one
    contents: Contents | None
    problem: str = ""
    ready: bool = False  # it comes with the program


def find_bundles(given: Sequence[Path]) -> list[Bundle]:
    """Those given, otherwise those in exports/ and bundles/ here and those that come with the program.

    Damaged ones are among them, with what is wrong with them.
    """
    if given:
        return [_bundle(path) for path in given]
    found = [_bundle(seal.parent) for place in PLACES for seal in sorted(place.glob(f"*/{SEAL}"))]
    return found + [replace(_bundle(FOLDER / name), path=Path(name), ready=True) for name in ready_made()]


def _bundle(path: Path) -> Bundle:
    try:
        return Bundle(path=path, contents=read_contents(path))
    except InputError as error:
        return Bundle(path=path, contents=None, problem=str(error))


def tasks(content: Content, bundles: Sequence[Bundle], own: Data | str, interval: float | None) -> Iterator[Task]:
    """All of them; `own` is a data set of the recording's own survey, or why there can be none."""
    for name, check in (("predict", _predict), ("pick", _pick)):
        fitting = [each for each in bundles if each.contents and OUTPUTS[each.contents.target].command == name]
        done = [check(content, str(each.path), each.contents, interval) for each in fitting if each.contents]
        yield from done
        if all(bundle.ready for bundle in fitting) and all(task.wrong for task in done):
            none = f"no bundle of yours for it was given, or is in exports/ or bundles/: {name} compares with one"
            wrong = _anywhere(content, own, interval) if name == "predict" else _unpickable(content, interval)
            yield Task(name=name, wrong=tuple(wrong), notes=(none,), compared=False)
    yield _pretrain(content, interval)
    yield _import(content, own, interval)


def _predict(content: Content, partner: str, contents: Contents, interval: float | None) -> Task:
    wrong, converted, notes = _broken(content), list[str](), list[str]()
    try:
        with heard(notes):
            recording = open_shots(content.path, contents.data.survey, interval)
            found = differences(recording, contents.data, interval)
            wrong = [each.told(OWNER) for each in found if each.fix is None] + wrong
            converted = [each.told(OWNER) for each in found if each.fix is not None]
            if not wrong:
                fitted = fit_survey(recording, contents.data, OWNER, partner, resample=True, interval=interval)
                notes += [*fitted.notes, *unlike_shots(read_batch(recording, fitted, 0, 1), contents)]
    except InputError as error:
        wrong = [*wrong, *_lines(error)]
    return _task("predict", content, partner, wrong, notes, converted)


def _anywhere(content: Content, own: Data | str, interval: float | None) -> list[str]:
    """What keeps every network from imaging the recording: differences even from a survey of its own."""
    if isinstance(own, str):
        return [own]
    try:
        with heard([]):
            recording = open_shots(content.path, own.survey, interval)
            found = differences(recording, own, interval)
    except InputError as error:
        return _lines(error)
    wrong = [each.told(EVERY) for each in found]
    if content.fixed is False:
        wrong = [f"receivers: they move with the shots; in {EVERY}'s survey all record every shot", *recording.problems]
    return ([content.doubt] if content.doubt else wrong) + _broken(content)


def _pick(content: Content, partner: str, contents: Contents, interval: float | None) -> Task:
    wrong, recording = _unpickable(content, interval), content.recording
    notes = assumed(recording, content.interval, contents.data.survey) if recording and not wrong else []
    return _task("pick", content, partner, wrong, notes)


def _unpickable(content: Content, interval: float | None) -> list[str]:
    return [content.unread] if content.recording is None else unpickable(content.recording, interval)


def _pretrain(content: Content, interval: float | None) -> Task:
    if content.recording is None:
        return _task("pretrain", content, "", [content.unread])
    blocks = [gather_TR[None] for gather_TR in content.recording.gathers]
    columns = blocks[0].shape[2]
    wrong = gather_windows.unsuited(blocks, content.recording.interval or interval, None)
    return _task("pretrain", content, "", wrong + gather_windows.too_few(gather_windows.usable(blocks, columns)))


def _import(content: Content, own: Data | str, interval: float | None) -> Task:
    wrong, notes = [own] if isinstance(own, str) else [], list[str]()
    if not isinstance(own, str):
        try:
            with heard(notes):
                find_source(content.path, own, interval=interval)
        except InputError as error:
            wrong = _lines(error)
    return _task("import", content, "a preset of its own survey", wrong + _broken(content), notes)


def _broken(content: Content) -> list[str]:
    _, broken = content.silent
    return [f"{broken} traces hold values that are not finite; mute them"] if broken else []


def _task(
    name: str,
    content: Content,
    partner: str,
    wrong: list[str],
    notes: Sequence[str] = (),
    converted: Sequence[str] = (),
) -> Task:
    news = tuple(note for note in notes if note not in content.notes)
    return Task(name=name, partner=partner, wrong=tuple(wrong), converted=tuple(converted), notes=news)


def _lines(error: InputError) -> list[str]:
    """The differences that a message lists, or the message."""
    first, *rest = str(error).splitlines()
    return [line.strip() for line in rest] or [first]
