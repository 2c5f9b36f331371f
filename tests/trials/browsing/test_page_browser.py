"""The page in a real browser: experiments that run, finished and failed, in light and dark, wide and narrow windows.

SEISNAS_BROWSER=1 SEISNAS_SCREENSHOTS=FOLDER pytest tests/trials/browsing/test_page_browser.py   (pictures)
"""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.trials.browsing.browser import FOUND, MISSING, Browser, chromium, hosts, until
from tests.trials.results.page.stored import FAILURE, store
from trials.experiment.state import ExperimentState
from trials.results.page import server
from trials.results.page.server import PageServer

pytestmark = [
    pytest.mark.skipif("SEISNAS_BROWSER" not in os.environ, reason="takes half a minute: SEISNAS_BROWSER=1"),
    pytest.mark.skipif(not FOUND, reason=MISSING),
]

WINDOWS = {"desk": (1400, 2000), "telephone": (400, 3800)}  # width, height [CSS pixels]
READY = "return document.querySelectorAll('#trials tbody tr').length > 0 && [...document.images].every(i => i.complete)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, PageServer]]:
    """One that runs, one that has finished, one that has failed."""
    found = {}
    real = server.query_state
    with pytest.MonkeyPatch.context() as patch:
        # a stored experiment has no manager, which is how one that runs is recognised
        patch.setattr(server, "query_state", lambda record: running if record.id == "running" else real(record))
        running = ExperimentState("running", "http://127.0.0.1:8080")
        for kind in ("running", "finished", "failed"):
            found[kind] = PageServer(0)
            found[kind].show(store(tmp_path_factory.mktemp("experiments") / kind, kind))
        yield found
        for page in found.values():
            page.close()


@pytest.fixture
def seen(browser: Browser, pages: dict[str, PageServer], request: pytest.FixtureRequest) -> Iterator[Browser]:
    """The browser on a page; afterwards it has reported nothing, and asked nobody else."""
    kind, window, dark = request.param
    browser.log("browser"), browser.log("performance")  # what was before
    browser.window(*WINDOWS[window], dark=dark)
    browser.open(pages[kind].url)
    until(lambda: bool(browser.run(READY)), 60)
    browser.picture(f"page_{kind}_{window}_{'dark' if dark else 'light'}")
    yield browser
    assert [entry["message"] for entry in browser.log("browser")] == []
    assert hosts(browser.log("performance")) == {urlsplit(pages[kind].url).netloc}


def on(*kinds: str, windows: tuple[str, ...] = ("desk", "telephone"), dark: tuple[bool, ...] = (False, True)) -> Any:
    cases = [(kind, window, each) for kind in kinds for window in windows for each in dark]
    return pytest.mark.parametrize("seen", cases, indirect=True, ids=str)


@on("running", "finished", "failed")
def test_it_fits_the_window_and_its_colours_are_the_users(seen: Browser, request: pytest.FixtureRequest) -> None:
    _, window, dark = request.node.callspec.params["seen"]
    assert seen.run("return document.documentElement.scrollWidth") <= WINDOWS[window][0]
    assert seen.run("return getComputedStyle(document.body).backgroundColor") == (
        "rgb(20, 24, 28)" if dark else "rgb(251, 250, 247)"
    )
    assert seen.run("return document.getElementById('name').textContent") == "<b>salt & $HOME</b>"


@on("running", windows=("desk",), dark=(False,))
def test_a_running_experiment_says_how_far_it_is(seen: Browser) -> None:
    text = seen.run("return document.body.innerText")
    assert "running: compress 1 of 3, about 1 min left" in text
    assert "trial 5 of compress (still running), epoch 2" in text
    assert seen.run("return document.querySelectorAll('.curve.now').length") == 1


@on("failed", windows=("desk",), dark=(False,))
def test_a_failed_experiment_says_why(seen: Browser) -> None:
    assert FAILURE in seen.run("return document.getElementById('reason').innerText")
    assert "Networks appear here" in seen.run("return document.body.innerText")


@on("finished", dark=(False,))
def test_a_point_of_the_front_gives_its_command(seen: Browser) -> None:
    point = "document.querySelector('#front [data-id=t0005]')"
    seen.run(f"{point}.dispatchEvent(new PointerEvent('pointerenter'))")
    shown = seen.run("return document.getElementById('chosen').innerText")
    assert "trial 5 of compress: SSIM 0.454, 113,950 of 280,320 parameters not zero" in shown
    assert "seisnas export" in shown
    assert "t0005" in shown
    assert seen.run("return document.querySelectorAll('#front .picked').length") == 1
    joined = seen.run("return document.querySelector('.frontline').getAttribute('points').split(' ').length")
    assert joined == 3


@on("finished", dark=(True,))
def test_trials_are_sorted_and_opened(seen: Browser) -> None:
    numbers = "return [...document.querySelectorAll('#trials tbody tr')].map(row => row.cells[0].innerText)"
    assert seen.run(numbers) == list("0123456")
    seen.click("#trials th button", "SSIM")
    assert seen.run(numbers) == list("2435601")
    seen.click("#trials th button", "SSIM")
    assert seen.run(numbers) == list("1065342")
    seen.click("#trials tbody tr:nth-child(6)")
    said = seen.run("return document.getElementById('detail').innerText")
    assert "trial 4, compress" in said
    assert "compress.sparsity\n0.4" in said
    assert "trials/t0004" in said
    until(
        lambda: bool(seen.run("const i = document.querySelector('dialog img'); return i.complete && i.width > 200")), 30
    )


@on("finished", windows=("telephone",), dark=(True,))
def test_a_search_shows_the_points_of_its_front(seen: Browser) -> None:
    seen.click("#trials tbody tr:nth-child(1)")
    said = seen.run("return document.getElementById('detail').innerText")
    assert "SSIM 0.281, 90,112 parameters, 3 ms" in said
    assert "--max-params 90112 --max-latency 3.0" in said


@on("finished", windows=("desk",), dark=(False,))
def test_pictures_are_leafed_through(seen: Browser) -> None:
    shown = "return document.querySelector('#prediction img').getAttribute('src')"
    assert seen.run(shown) == "pictures/t0004/compress-1-003.png"
    leaf = "const s = document.getElementById('prediction-epoch'); s.value = 0; s.dispatchEvent(new Event('input'))"
    seen.run(leaf)
    assert seen.run(shown) == "pictures/t0004/compress-1-001.png"
    choose = "const s = document.getElementById('prediction-trial'); s.value = 't0002';"
    seen.run(f"{choose} s.dispatchEvent(new Event('change'))")
    assert seen.run(shown) == "pictures/t0002/tune-006.png"
    seen.click("#prediction-play")
    until(lambda: seen.run(shown) == "pictures/t0002/tune-003.png", 30)
    until(lambda: seen.run(shown) == "pictures/t0002/tune-006.png", 30)
    assert seen.run("return document.getElementById('prediction-play').innerText") == "Play"


def test_a_page_whose_command_has_ended_says_so(browser: Browser, tmp_path: Path) -> None:
    with closing(PageServer(0)) as page:
        page.show(store(tmp_path / "e", "finished"))
        browser.window(*WINDOWS["desk"])
        browser.open(page.url)
        until(lambda: bool(browser.run(READY)), 60)
    browser.run("dispatchEvent(new Event('focus'))")
    browser.see("nobody serves this page any more")
    assert browser.run("return document.querySelectorAll('#trials tbody tr').length") == 7  # what was there stays
