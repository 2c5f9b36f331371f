"""Chromium for tests of pages, through its driver's own protocol; SEISNAS_SCREENSHOTS names a folder for pictures."""

import base64
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

FOUND = bool(shutil.which("chromium") and shutil.which("chromedriver"))
MISSING = "needs chromium and chromedriver (apt install chromium chromium-driver)"


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port(start: int) -> int:
    for port in range(start, start + 500):
        if not listens(port):
            return port
    raise AssertionError("no free port")


def until(condition: Callable[[], bool], patience: float = 900.0) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.5)


def ask(method: str, url: str, body: Any = None) -> Any:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(method, url, json=body, timeout=320)
    assert answer.ok, answer.text
    return answer.json()


class Browser:
    """Chromium, through its driver's own protocol."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--window-size=1500,1300"]
        options += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": options},
            "timeouts": {"script": 300_000},  # [ms] the table draws slowly on a busy machine
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        session = ask("POST", f"{self._url}/session", {"capabilities": {"alwaysMatch": wanted}})["value"]
        self._url += f"/session/{session['sessionId']}"

    def open(self, url: str) -> None:
        ask("POST", f"{self._url}/url", {"url": url})

    def run(self, script: str) -> Any:
        return ask("POST", f"{self._url}/execute/sync", {"script": script, "args": []})["value"]

    def see(self, text: str) -> None:
        until(lambda: text in self.run("return document.body.innerText"), 60)

    def click(self, selector: str, text: str = "") -> None:
        all_of_it = f"[...document.querySelectorAll({json.dumps(selector)})]"
        find = f"const e = {all_of_it}.find(e => e.innerText.includes({json.dumps(text)}));"
        until(lambda: bool(self.run(f"{find} e?.click(); return Boolean(e)")), 60)

    def picture(self, name: str) -> None:
        if folder := os.environ.get("SEISNAS_SCREENSHOTS"):
            time.sleep(1)  # charts are animated
            Path(folder, f"{name}.png").write_bytes(base64.b64decode(ask("GET", f"{self._url}/screenshot")["value"]))

    def window(self, width: int, height: int, *, dark: bool = False) -> None:
        """The size of the page [CSS pixels], which may be a telephone's, and the colours that the user prefers."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._devtools("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._devtools("Emulation.setEmulatedMedia", {"features": [scheme]})

    def _devtools(self, command: str, parameters: Any) -> Any:
        return ask("POST", f"{self._url}/goog/cdp/execute", {"cmd": command, "params": parameters})["value"]

    def log(self, kind: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = ask("POST", f"{self._url}/se/log", {"type": kind})["value"]
        return entries

    def close(self) -> None:
        ask("DELETE", self._url)


def hosts(log: list[dict[str, Any]]) -> set[str]:
    events = [json.loads(entry["message"])["message"] for entry in log]
    urls = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    return {urlsplit(url).netloc for url in urls if not url.startswith(("data:", "blob:", "chrome"))}


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, until the context ends."""
    port = free_port(18900)
    with subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL) as driver:
        try:
            until(lambda: listens(port), 60)
            one = Browser(port)
            try:
                yield one
            finally:
                one.close()
        finally:
            driver.terminate()
