"""The documentation as a web site that asks nothing of the network: `make docs`, or python -m docs.site.build FOLDER.

README, docs/, benchmarks/, what they link to ─┐
settings.py, commands.py: the reference       ─┴─► one tree, laid out as the repository ─► Sphinx ─► site/

A link to a page, a heading or a file that is not there ends it with status 1.
"""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from sphinx.application import Sphinx

from docs.site.commands import commands_page
from docs.site.settings import settings_page

ROOT = Path(__file__).parents[2]
STAGED = ("docs", "benchmarks", "presets", "compressors/bundles/ready")
PAGES = ("CONTRIBUTING.md", "CHANGELOG.md", "LICENSE")
KEPT = {".md", ".png", ".gif", ".yml"}
CONTENTS = {  # heading of the side bar → pages in their order
    "Start": ["Guide <docs/index>", "docs/results"],
    "Tutorials": [
        "docs/tutorials/first_experiment",
        "docs/tutorials/segy_line",
        "docs/tutorials/openfwi_folder",
        "docs/tutorials/own_geology",
        "docs/tutorials/first_breaks",
        "docs/tutorials/bundle_in_python",
        "docs/tutorials/several_machines",
    ],
    "Data": ["docs/data", "docs/geology", "docs/physics"],
    "Networks": ["docs/migration", "docs/search", "docs/compression", "docs/pretraining"],
    "Experiments": ["docs/experiments", "docs/several_machines", "docs/scale", "docs/security"],
    "Use": [
        "docs/deploy",
        "docs/adapting",
        "docs/picking",
        "compressors/bundles/ready/openfwi/README",
        "compressors/bundles/ready/field/README",
    ],
    "Reference": ["reference/commands", "reference/settings"],
    "Project": ["CONTRIBUTING", "CHANGELOG", "benchmarks/README"],
}
OPTIONS = {
    "project": "SeisNAS",
    "html_title": "SeisNAS",
    "html_theme": "furo",  # system fonts, own scripts: nothing is fetched
    "extensions": ["myst_parser"],
    "myst_heading_anchors": 4,  # headings are linked to as on GitHub
    "smartquotes": False,  # -- stays --
    "html_copy_source": False,
    "html_show_copyright": False,
}


def build(site: Path) -> bool:
    """Writes the site; False if anything was amiss, which Sphinx has printed."""
    with TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        stage(tree)
        output, cache = Path(folder, "site"), Path(folder, "cache")
        sphinx = Sphinx(tree, None, output, cache, "html", OPTIONS, status=None, warningiserror=True)
        sphinx.build()
        well = bool(sphinx.statuscode == 0)
        if well:
            shutil.rmtree(site, ignore_errors=True)
            shutil.copytree(output, site)
        return well


def stage(tree: Path) -> None:
    """Copies and writes the pages; README is the front page, which ends with the contents."""
    for name in STAGED:
        shutil.copytree(ROOT / name, tree / name, ignore=_others)
    for page in PAGES:
        shutil.copy(ROOT / page, tree / page)
    front = (ROOT / "README.md").read_text(encoding="utf-8")
    (tree / "index.md").write_text("\n".join([front, *map(_contents, CONTENTS)]), encoding="utf-8")
    results = "benchmarks/results/**"
    _append(tree / "benchmarks/README.md", f"\n```{{toctree}}\n:hidden:\n:glob:\n\n/{results}\n```\n")
    (tree / "reference").mkdir()
    (tree / "reference/commands.md").write_text(commands_page(), encoding="utf-8")
    (tree / "reference/settings.md").write_text(settings_page(), encoding="utf-8")


def _others(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if Path(folder, name).is_file() and Path(name).suffix not in KEPT}


def _contents(heading: str) -> str:
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {heading}", "", *CONTENTS[heading], "```", ""])


def _append(page: Path, text: str) -> None:
    page.write_text(page.read_text(encoding="utf-8") + text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(0 if build(Path(sys.argv[1])) else 1)
