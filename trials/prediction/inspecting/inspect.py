"""Inspect: what recordings are, which tasks and bundles they fit, and a preset for those that fit none.

FILE ─ read_content ─► headers, facts, picture ─ tasks ─► yes, or all that differs ─ draft_preset ─► OUT.yml

A file that cannot be read ends with one message; the others go on.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from datagen.errors import InputError, shown
from datagen.files.outputs import check_outputs
from datagen.files.whole_files import whole
from datagen.traces.gathers import SEG2_SUFFIXES
from datagen.traces.header_table import header_fields
from datagen.traces.trace_file import trace_files
from datagen.traces.trace_table import checked_interval
from trials.prediction.inspecting.content import Content, heard, read_content
from trials.prediction.inspecting.draft import Draft, draft_preset, own_survey
from trials.prediction.inspecting.facts import facts
from trials.prediction.inspecting.picture import draw_contents
from trials.prediction.inspecting.tasks import Bundle, Task, find_bundles, tasks

Tell = Callable[[str], object]


def inspect(
    files: Sequence[Path],
    *,
    bundles: Sequence[Path] = (),
    interval: float | None = None,
    picture: Path | None = None,
    preset: Path | None = None,
    console: Console,
    tell: Tell,
    complain: Tell,
) -> bool:
    """Tells what is known of each of `files`, and complains of those that cannot be read; whether all could.

    `bundles`: those to compare with; none: those in exports/ and bundles/, and the ready-made ones.  `interval` [s]
    counts more than the files'.  `picture`, a .png of all of them, and `preset`, a draft for the only one, are written
    if given.

    Raises InputError: an output that cannot be written or is an input, an interval that cannot be, a preset for
    several files, or for one that no preset fits.
    """
    if interval is not None:
        checked_interval(interval, "--interval")
    if preset is not None and len(files) != 1:
        raise InputError(f"--preset {preset}: got {len(files)} files; a draft is for one: give one file, or one folder")
    outputs = [each for each in (picture, preset) if each is not None]
    check_outputs(outputs, inputs=files)
    for output, endings in ((picture, [".png"]), (preset, [".yml", ".yaml"])):
        check_outputs([output] if output else [], endings)
    known, contents = find_bundles(bundles), list[Content]()
    for bundle in known:
        if bundle.contents is None:
            tell(f"{bundle.path}: left out, no bundle to compare with: {bundle.problem}")
    for file in files:
        try:
            contents.append(_inspect(file, known, interval, console, tell))
        except InputError as error:
            complain(f"error: {shown(error)}")
        except OSError as error:  # another user's file, a broken disk
            complain(f"error: {file}: cannot be read: {error.strerror or error}")
    if contents and picture is not None:
        draw_contents(contents, picture)
        tell(f"\nwrote {picture}")
    if contents and preset is not None:
        _write_draft(draft_preset(contents[0]), preset, tell)
    return len(contents) == len(files)


def _inspect(file: Path, bundles: Sequence[Bundle], interval: float | None, console: Console, tell: Tell) -> Content:
    content = read_content(file, interval)
    tell(f"\n{file}")
    _show_headers(file, console)
    table = _table("understood", "")
    for row in facts(content):
        table.add_row(*row)
    console.print(table)
    for note in [*content.notes, *([content.doubt] if content.doubt else [])]:
        tell(f"  note: {note.removeprefix(f'{file}: ')}")
    try:
        own = own_survey(content, draft_preset(content))
    except InputError as error:
        for each in tasks(content, bundles, str(error), interval):
            _tell_task(each, tell)
        return content
    for each in tasks(content, bundles, own, interval):
        _tell_task(each, tell)
    return content


def _show_headers(file: Path, console: Console) -> None:
    traced = trace_files(file)
    if not traced and file.suffix.lower() not in SEG2_SUFFIXES:
        return
    first = traced[0] if traced else file
    table = _table("header", "byte", "lowest", "highest", "different")
    with heard([]):
        for field in header_fields(first):
            table.add_row(field.name, field.place, field.lowest, field.highest, str(field.different))
    if len(traced) > 1:
        table.title = f"headers of {first.name}, the first of {len(traced)} files"
    console.print(table)


def _tell_task(task: Task, tell: Tell) -> None:
    partner = f" ({task.partner})" if task.partner else ""
    tell(f"  {task.name}{partner}: {task.verdict}")
    for line in (*task.wrong, *task.converted, *(f"note: {note}" for note in task.notes)):
        tell(f"    {line}")


def _write_draft(draft: Draft, preset: Path, tell: Tell) -> None:
    with whole(preset) as part:
        part.write_text(draft.text, encoding="utf-8")
    kind = "images" if draft.target == "both" else "picks first breaks"
    tell(f"\nwrote {preset}: a network that {kind}; fill in {', '.join(draft.missing)}")


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
