"""The web site of the documentation: every link leads somewhere, nothing is fetched from elsewhere, search answers.

SEISNAS_BROWSER=1 SEISNAS_SCREENSHOTS=FOLDER pytest tests/documents/test_site.py   (in a real browser; pictures)
"""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.trials.browsing.browser import FOUND, MISSING, chromium, hosts, until
from trials.commands.app import PANELS

pytest.importorskip("sphinx", reason="Sphinx is not installed: pip install -e '.[docs]'")
pytest.importorskip("furo", reason="furo is not installed: pip install -e '.[docs]'")

from docs.site.settings import comments, sections
from trials.settings.config import Config

ROOT = Path(__file__).parents[2]

BROKEN = """
import sys
from pathlib import Path
from docs.site import build

def stage(tree):
    tree.mkdir()
    (tree / "index.md").write_text("# A\\n\\n[page](none.md)\\n\\n[heading](#none)\\n\\n![picture](none.png)\\n")

build.stage = stage
sys.exit(0 if build.build(Path(sys.argv[1])) else 1)
"""


def built(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own: Sphinx registers its parts once a process."""
    return subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "site"
    done = built("-m", "docs.site.build", folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_a_link_to_nowhere_is_an_error(tmp_path: Path) -> None:
    done = built("-c", BROKEN, tmp_path / "site")
    assert done.returncode == 1
    for target in ("none.md", "'none'", "none.png"):
        assert target in done.stderr
    assert not (tmp_path / "site").exists()


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 50
    for page in pages:
        loaded = re.findall(r"<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=\"([^\"]+)\"", page.read_text())
        assert [url for url in loaded if "//" in url] == [], page
    for sheet in site.rglob("*.css"):
        assert re.findall(r"@import|url\([\"']?(?:https?:)?//", sheet.read_text()) == [], sheet


def test_the_reference_has_every_command_and_setting(site: Path) -> None:
    commands = (site / "reference/commands.html").read_text()
    assert [name for panel in PANELS.values() for name in panel if f'<section id="{name}">' not in commands] == []
    settings = (site / "reference/settings.html").read_text()
    known = dict(sections("", Config))
    assert {"data.geology", "network.front: migrate", "tune"} <= set(known)
    assert [path for path in known if f">{path or 'At the top'}<" not in settings] == []


def test_the_comment_of_a_setting_is_found_before_it_and_after_it() -> None:
    found = comments(dict(sections("", Config))["data.geology"])
    assert found["fault_throw"] == "vertical displacement, share of the depth"
    assert found["thickness_shape"].startswith("Shape of the gamma law")
    assert found["fault_dip"].startswith("[degrees] from")
    assert found["fault_dip"].endswith("under extension")
    assert found["layers"] == ""


@pytest.fixture
def served(site: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.skipif("SEISNAS_BROWSER" not in os.environ, reason="takes a quarter of a minute: SEISNAS_BROWSER=1")
@pytest.mark.skipif(not FOUND, reason=MISSING)
def test_a_reader_finds_a_setting_and_no_request_leaves_the_machine(served: str) -> None:
    with chromium() as browser:
        for page in ("index", "docs/index", "docs/geology", "reference/commands", "reference/settings"):
            browser.open(f"http://{served}/{page}.html")
            browser.picture(f"site_{page.replace('/', '_')}")
        browser.open(f"http://{served}/search.html?q=rugosity")
        until(lambda: bool(browser.run("return document.querySelectorAll('#search-results li a').length")), 60)
        browser.see("Settings")
        browser.picture("site_search")
        assert hosts(browser.log("performance")) == {served}
        failed = [entry["message"] for entry in browser.log("browser") if entry["level"] == "SEVERE"]
        assert [message for message in failed if "favicon.ico" not in message] == []
