"""Writes an experiment's Optuna studies into a file: whole or not at all, beside the studies that are there already.

study.db ─ copied to study.db.tmp ─ studies added ─► study.db        study_pictures/  a picture of each trial
"""

import shutil
import sqlite3
from importlib.util import find_spec
from pathlib import Path

from datagen.errors import InputError
from datagen.files.outputs import check_outputs
from datagen.files.whole_files import whole
from trials.experiment.record import ExperimentRecord

PREFIX = "sqlite:///"
ENDINGS = (".db", ".sqlite", ".sqlite3")
MAGIC = b"SQLite format 3\0"


def export_study(record: ExperimentRecord, storage: str, *, interrupted: bool) -> tuple[Path, Path, list[str]]:
    """The file written, the folder of its pictures, and the names of the studies.

    `storage`: sqlite:///FILE, as Optuna writes it, or the path alone; what else is in the file stays.  `interrupted`:
    nothing is running, whatever the last status.

    Raises InputError: Optuna is not installed, another kind of storage, a file that is none of Optuna's or cannot be
    written, or as `write_studies`.
    """
    file = storage_file(storage)
    check_outputs([file], ENDINGS, [record.folder / "db"])
    if find_spec("optuna") is None:
        raise InputError(
            "export-study: Optuna is not installed; pip install 'seisnas[study]', in the project's folder "
            "pip install -e '.[study]'"
        )
    from trials.results.optuna_study.write import remove_pictures, study_names, write_studies  # noqa: PLC0415  needs Optuna

    names, pictures = list(study_names(record).values()), file.with_name(f"{file.stem}_pictures")
    _check_content(file)
    with whole(file) as part:
        part.unlink(missing_ok=True)
        if file.exists():
            shutil.copyfile(file, part)
        pictures.mkdir(exist_ok=True)
        left = write_studies(record, f"{PREFIX}{part.resolve()}", pictures, interrupted=interrupted)
    remove_pictures(left, pictures)
    return file, pictures, names


def storage_file(storage: str) -> Path:
    """Raises InputError: a URL of another kind than sqlite:///FILE."""
    if "://" in storage and not storage.startswith(PREFIX):
        raise InputError(f"storage: got {storage[:80]!r}; allowed is sqlite:///FILE, or the path of a file")
    return Path(storage.removeprefix(PREFIX))


def _check_content(file: Path) -> None:
    """Raises InputError: there is a file that is not one of Optuna's."""
    if not file.exists() or not file.stat().st_size:
        return
    with open(file, "rb") as stream:
        sqlite = stream.read(len(MAGIC)) == MAGIC
    if sqlite:
        try:
            base = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)
            try:
                sqlite = bool(base.execute("select name from sqlite_master where name = 'studies'").fetchall())
            finally:
                base.close()
        except sqlite3.Error:
            sqlite = False
    if not sqlite:
        raise InputError(f"output {file}: is there already, and is no file of Optuna's; give another name")
