"""Where attacks on the portal come from: another machine, another user, a web page in the user's browser, a host."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests
from portal_attacks import Attack

PORT, PAGE, DRIVER = 18700, 18710, 18720
NAMESPACE, HERE, THERE = "seisprobe", "10.143.7.1", "10.143.7.2"
MACHINE, USER, OURSELVES, HOST = "another machine", "another user", "this user", "a host of trials"
PAGES = ["a web page", "a web page, name pointed here"]
# What `nobody` and the other namespace run: one request, from the standard library alone.
CLIENT = r"""
import base64, http.client, json, os, socket, sys, time
def held(c):
    c.setblocking(False)
    try:
        while c.recv(4096): pass
    except BlockingIOError: return True
    except OSError: pass
    return False
def said(c):
    text = b""
    c.settimeout(3)
    try:
        while part := c.recv(4096): text += part
    except OSError: pass
    return text.decode("latin1")
host, port, one = sys.argv[1], int(sys.argv[2]), json.loads(sys.stdin.read())
try:
    if one["method"] == "WEBSOCKET":
        s = socket.create_connection((host, port), 10)
        key = base64.b64encode(os.urandom(16)).decode()
        s.sendall(f"GET {one['path']} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        said = s.recv(4096).decode(errors="replace")
        if " 101 " in said:
            data = one["body"].encode()
            s.sendall(b"\x81" + bytes([0x80 | 126]) + len(data).to_bytes(2, "big") + b"\0\0\0\0" + data)
            s.settimeout(2)
            try: s.recv(4096)
            except OSError: pass
        print(said[:60])
    elif one["method"] == "RAW":
        s = socket.create_connection((host, port), 10)
        s.sendall(one["body"].encode("latin1"))
        print(repr(said(s)))
    elif one["method"] == "CROWD":
        crowd = [socket.create_connection((host, port), 10) for _ in range(200)]
        for second in range(15):
            time.sleep(1)
            for c in crowd:
                try: one["body"] and c.send(one["body"][second % len(one["body"])].encode())
                except OSError: pass
        print(sum(held(c) for c in crowd), "of 200 held")
    elif one["method"] == "PS":
        words = []
        for process in os.listdir("/proc"):
            try: words += open(f"/proc/{process}/cmdline").read().split("\0") if process.isdigit() else []
            except OSError: pass
        for word in words:
            try: print(base64.b64decode(word, validate=True).decode() if len(word) > 100 else "", end="")
            except ValueError: pass
    else:
        c = http.client.HTTPConnection(host, port, timeout=10)
        c.request(one["method"], one["path"], one["body"], {"Content-Type": "application/json"})
        a = c.getresponse()
        print(a.status, a.read(3000).decode(errors="replace"))
except OSError as error:
    print("no connection:", error)
"""
IN_PAGE = """
const [url, one, done] = arguments;
if (one.method === 'WEBSOCKET') {
  const socket = new WebSocket(url.replace('http', 'ws') + one.path);
  socket.onopen = () => { socket.send(one.body); setTimeout(() => done('101 open'), 1000); };
  socket.onerror = () => done('websocket refused');
} else {
  const headers = { 'Content-Type': 'application/json' };
  fetch(url + one.path, { method: one.method, body: one.body ?? undefined, headers })
    .then(async answer => done(answer.status + ' ' + (await answer.text()).slice(0, 3000)), error => done('' + error));
}
"""


def until(condition: Callable[[], Any], patience: float = 60.0) -> bool:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        with contextlib.suppress(requests.RequestException, KeyError):
            if condition():
                return True
        time.sleep(0.3)
    return False


def client(prefix: list[str], host: str, attack: Attack, port: int = PORT) -> str:
    """Sends one request as `prefix` (another user, another namespace) runs it."""
    words = [*prefix, "/usr/bin/python3", "-c", CLIENT, host, str(port)]
    text = json.dumps({"method": attack.method, "path": attack.path, "body": attack.body})
    return subprocess.run(words, input=text, capture_output=True, text=True, timeout=60).stdout


class Browser:
    """Chromium through its driver's own protocol, on a page of evil.example, a name that now points here."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(["chromedriver", f"--port={DRIVER}"], stdout=subprocess.DEVNULL)
        words = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        words.append("--host-resolver-rules=MAP evil.example 127.0.0.1")
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"args": words}}
        until(lambda: self.call("GET", "/status")["ready"])
        self.session = (
            "/session/" + self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        )

    def call(self, method: str, path: str, body: Any = None) -> Any:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, f"http://127.0.0.1:{DRIVER}{path}", json=body, timeout=120)
        answer.raise_for_status()
        return answer.json()["value"]

    def attack(self, page: str, target: str, attack: Attack) -> str:
        one = {"method": attack.method, "path": attack.path, "body": attack.body}
        self.call("POST", f"{self.session}/url", {"url": page})
        return str(self.call("POST", f"{self.session}/execute/async", {"script": IN_PAGE, "args": [target, one]}))

    def close(self) -> None:
        with contextlib.suppress(requests.RequestException):
            self.call("DELETE", self.session)
        self.process.terminate()


@contextlib.contextmanager
def namespace() -> Iterator[None]:
    """Another machine: its own network, one cable to this one."""
    for line in (
        f"netns add {NAMESPACE}",
        f"link add {NAMESPACE} type veth peer name eth0 netns {NAMESPACE}",
        f"addr add {HERE}/24 dev {NAMESPACE}",
        f"link set {NAMESPACE} up",
        f"-n {NAMESPACE} addr add {THERE}/24 dev eth0",
        f"-n {NAMESPACE} link set eth0 up",
    ):
        subprocess.run(["ip", *line.split()], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "netns", "del", NAMESPACE], check=False)
        subprocess.run(["ip", "link", "del", NAMESPACE], check=False, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def evil_page(folder: Path) -> Iterator[None]:
    (folder / "page").mkdir(exist_ok=True)
    (folder / "page" / "index.html").write_text("<h1>evil.example</h1>")
    words = [sys.executable, "-m", "http.server", str(PAGE), "--bind", "127.0.0.1", "--directory", str(folder / "page")]
    server = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        server.terminate()


def send(place: str, browser: Browser, attack: Attack, port: int = PORT) -> str:
    """The answer.  `port`: where a host of trials finds the manager."""
    if place == MACHINE:
        return client(["ip", "netns", "exec", NAMESPACE], HERE, attack)
    if place == USER:
        return client(["runuser", "-u", "nobody", "--"], "127.0.0.1", attack)
    if place in (OURSELVES, HOST):
        return client([], "127.0.0.1", attack, port)
    if place == PAGES[0]:  # cross-origin
        return browser.attack(f"http://evil.example:{PAGE}/", f"http://127.0.0.1:{PORT}", attack)
    rebound = f"http://evil.example:{PORT}"  # the name of the page has been pointed to this machine
    return browser.attack(f"{rebound}/logs", rebound, attack)
