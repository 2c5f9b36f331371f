"""OpenFWI folders as published: which files belong together, and which are for training.

    Vel, Style   data1.npy …       model1.npy …       in one folder, or in data/ and model/
    Fault        seis2_1_0.npy …   vel2_1_0.npy …
    split files  flatvel_a_train.txt, flatvel_a_val.txt: lines "shots <tab> models"

A file holds 500 samples: shots [500, 5, 1000, 70], models [500, 1, 70, 70].  Deng et al. 2022, OpenFWI,
NeurIPS Datasets and Benchmarks; file names and split files as in github.com/lanl/OpenFWI.
"""

import re
from pathlib import Path

from datagen.errors import InputError
from datagen.files.copies import tell_copies
from datagen.files.reading import read_text

MODELS_OF = {"data": "model", "seis": "vel"}  # names of shots and models differ only in these words
SHOTS_OF = {models: shots for shots, models in MODELS_OF.items()}
NAME = re.compile(r"(?P<before>.*?)(?P<word>data|seis|model|vel)(?P<number>_?\d[\d_]*)\.npy", re.IGNORECASE)

Pair = tuple[Path, Path]  # shots, models


def find_pairs(folder: Path) -> list[Pair]:
    """All pairs below `folder`, in the order of their numbers.

    Raises InputError: there is none, or shots without their models or models without their shots.
    """
    names = {path: found for path in folder.rglob("*.npy") if (found := NAME.fullmatch(path.name))}
    pairs = []
    for path, found in sorted(names.items(), key=lambda item: _in_order(item[0])):
        word = found["word"].lower()
        partner = _partner(path, found, MODELS_OF[word] if word in MODELS_OF else SHOTS_OF[word])
        if not partner.exists():
            raise InputError(f"{partner}: missing, it belongs to {path}")
        if word in MODELS_OF:
            pairs.append((path, partner))
    tell_copies([shots for shots, _ in pairs])
    if not pairs:
        raise InputError(
            f"{folder}: no OpenFWI files in it, as data1.npy with model1.npy, or seis2_1_0.npy with vel2_1_0.npy"
        )
    return pairs


def find_shots(folder: Path) -> list[Path]:
    """The files of shots below `folder`, in the order of their numbers, with or without models beside them.

    Raises InputError: there is none.
    """
    names = {path: found for path in folder.rglob("*.npy") if (found := NAME.fullmatch(path.name))}
    shots = sorted((path for path, found in names.items() if found["word"].lower() in MODELS_OF), key=_in_order)
    if not shots:
        raise InputError(f"{folder}: no shots as OpenFWI names them, data1.npy or seis2_1_0.npy, and no SEG-Y")
    tell_copies(shots)
    return shots


def model_of(shots: Path) -> Path:
    """Where the models of a file of shots that `find_shots` found belong."""
    found = NAME.fullmatch(shots.name)
    assert found is not None
    return _partner(shots, found, MODELS_OF[found["word"].lower()])


def find_split(folder: Path, split_files: Path | None = None) -> tuple[list[Pair], list[Pair]] | None:
    """OpenFWI's own pairs for training and for testing (which it calls val), from the split files of `folder`.

    Split files are searched in `folder` or in `split_files`; they are named like `folder` or the folders in it.
    None if there are none.

    Raises InputError: a train file without its val file, a line that is no pair, a file named there that is
    missing, or in both.
    """
    lists = sorted((split_files or folder).glob("*_train.txt"))
    families = {_plain(folder.resolve().name), *(_plain(each.name) for each in folder.iterdir() if each.is_dir())}
    chosen = [path for path in lists if _plain(path.name.removesuffix("_train.txt")) in families]
    if not chosen and len(lists) == 1:
        chosen = lists
    if not chosen:
        if split_files is not None:
            raise InputError(f"{split_files}: no split files for {folder.name}, as {folder.name.lower()}_train.txt")
        return None
    train = [pair for path in chosen for pair in _listed(path, folder)]
    test = [pair for path in chosen for pair in _listed(_val_file(path), folder)]
    both = {shots for shots, _ in train} & {shots for shots, _ in test}
    if both:
        raise InputError(f"{sorted(both)[0]}: in the split files both for training and for testing")
    return train, test


def _listed(path: Path, folder: Path) -> list[Pair]:
    if not path.exists():
        raise InputError(f"{path}: cannot be read: no such file")
    lines = read_text(path).splitlines()
    pairs = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        names = line.split("\t") if "\t" in line else line.split()
        if len(names) != 2:
            raise InputError(f"{path}, line {number}: got {line!r}; expected the paths of shots and of models")
        shots, models = (_located(name.strip(), folder, f"{path}, line {number}") for name in names)
        pairs.append((shots, models))
    if not pairs:
        raise InputError(f"{path}: empty")
    return pairs


def _located(name: str, folder: Path, origin: str) -> Path:
    """The file below `folder` whose path ends like `name`, a path on another machine."""
    steps = Path(name).parts
    for length in range(min(3, len(steps)), 0, -1):
        path = folder.joinpath(*steps[-length:])
        if path.exists():
            return path
    raise InputError(f"{folder / steps[-1]}: missing, it is named in {origin}")


def _val_file(train: Path) -> Path:
    return train.with_name(f"{train.name.removesuffix('_train.txt')}_val.txt")


def _partner(path: Path, found: re.Match[str], word: str) -> Path:
    """In the same folder, or in model/ beside data/."""
    name = f"{found['before']}{word}{found['number']}.npy"
    parent = path.parent
    if parent.name.lower() == found["word"].lower():
        parent = parent.with_name(word)
    return parent / name


def _in_order(path: Path) -> list[tuple[str, int]]:
    """data2.npy before data10.npy."""
    return [(text, int(number or 0)) for text, number in re.findall(r"(\D+)(\d*)", str(path))]


def _plain(name: str) -> str:
    """FlatVel_A, flatvel-a and FlatVelA are one family."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
