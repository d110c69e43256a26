"""A real Chromium without a window, driven over its own pipe (the DevTools protocol).

It reaches nothing but this machine, and notes what a page asks for and complains about.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE = 60.0
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps",
    "--disable-sync", "--disable-dev-shm-usage", "--no-default-browser-check",
    "--disable-features=Translate,OptimizationHints,MediaRouter", "--remote-debugging-pipe",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--font-render-hinting=none", "--force-color-profile=srgb",
)  # fmt: skip

# Gives the two ends of the pipes the numbers that Chromium wants.
_MOVE = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(one), fcntl.F_DUPFD, 10) for one in sys.argv[1:3]]
os.dup2(ends[0], 3)
os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
_START = (sys.executable, "-I", "-S", "-c", _MOVE)


def program() -> str | None:
    """Where Chromium is, None where there is none."""
    return next(
        filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None
    )


class Browser:
    """A running browser."""

    def __init__(self, process: subprocess.Popen[bytes], writes: int, reads: int) -> None:
        self._process = process
        self._writes = writes
        self._reads = reads
        self._next = 0
        self._heard: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self.events: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        rest = b""
        while part := os.read(self._reads, 1 << 20):
            *whole, rest = (rest + part).split(b"\0")
            for one in whole:
                self._heard.put(json.loads(one))
        self._heard.put(None)

    def call(self, method: str, session: str = "", **parameters: object) -> dict[str, Any]:
        """Ask for something and wait for the answer; events that come first are kept."""
        self._next += 1
        number = self._next
        told: dict[str, object] = {"id": number, "method": method, "params": parameters}
        if session:
            told["sessionId"] = session
        os.write(self._writes, json.dumps(told).encode() + b"\0")
        while (heard := self._heard.get(timeout=PATIENCE)) is not None:
            if heard.get("id") == number:
                assert "error" not in heard, (method, heard["error"])
                return dict(heard["result"])
            self.events.append(heard)
        raise AssertionError("the browser has ended")

    def wait_for(self, method: str, session: str) -> dict[str, Any]:
        """The next event of that name that nobody has waited for yet."""
        while True:
            for at, event in enumerate(self.events):
                if event.get("method") == method and event.get("sessionId") == session:
                    # Those before it stay: `Tab` looks at them at the end.
                    return self.events.pop(at)
            heard = self._heard.get(timeout=PATIENCE)
            assert heard is not None, "the browser has ended"
            self.events.append(heard)

    @contextlib.contextmanager
    def tab(
        self, *, width: int, height: int = 900, dark: bool = False, scripts: bool = True
    ) -> Iterator[Tab]:
        """A page of that size, in CSS pixels."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)
        target_id = target["targetId"]
        session = self.call("Target.attachToTarget", targetId=target_id, flatten=True)["sessionId"]
        tab = Tab(self, session)
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            tab.call(f"{domain}.enable")
        tab.resize(width, height)
        wishes = {
            "prefers-color-scheme": "dark" if dark else "light",
            "prefers-reduced-motion": "reduce",  # what scrolls slowly is missed by a click
        }
        features = [{"name": name, "value": value} for name, value in wishes.items()]
        tab.call("Emulation.setEmulatedMedia", features=features)
        if not scripts:
            tab.call("Emulation.setScriptExecutionDisabled", value=True)
        yield tab
        self.call("Target.disposeBrowserContext", browserContextId=context)


@dataclass
class Tab:
    """One page of the browser."""

    browser: Browser
    session: str
    headers: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        return self.browser.call(method, self.session, **parameters)

    def resize(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def open(self, url: str) -> None:
        """Go there and wait until it is there whole."""
        found = self.call("Page.navigate", url=url)
        assert "errorText" not in found, found
        self.browser.wait_for("Page.loadEventFired", self.session)

    def script(self, expression: str) -> Any:
        """The value of an expression, as JSON has it."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def text(self, selector: str) -> str:
        return str(self.script(f"document.querySelector({selector!r}).innerText"))

    def texts(self, selector: str) -> list[str]:
        found = f"[...document.querySelectorAll({selector!r})].map(one => one.innerText)"
        return list(self.script(found))

    def press(self, selector: str) -> None:
        """Click on the middle of an element and wait for the page that it leads to."""
        node = self._node(selector)
        self.call("DOM.scrollIntoViewIfNeeded", nodeId=node)
        corners = self.call("DOM.getBoxModel", nodeId=node)["model"]["content"]
        x, y = sum(corners[0::2]) / 4, sum(corners[1::2]) / 4
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        self.browser.wait_for("Page.loadEventFired", self.session)

    def write(self, selector: str, text: str) -> None:
        """Type into a field."""
        self.call("DOM.focus", nodeId=self._node(selector))
        self.call("Input.insertText", text=text)

    def _node(self, selector: str) -> int:
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        found = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        assert found, selector
        return int(found)

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """Keep what is seen."""
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

    def tree(self) -> list[tuple[str, str]]:
        """Role and name of everything that a screen reader meets."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [
            (str(one["role"]["value"]), str(one.get("name", {}).get("value", "")))
            for one in nodes
            if not one["ignored"]
        ]

    @property
    def complaints(self) -> list[str]:
        """Errors of the console, among them whatever the content policy forbade."""
        said = []
        for event in self._ours():
            given = event["params"]
            match event["method"]:
                case "Log.entryAdded" if given["entry"]["level"] in ("error", "warning"):
                    said.append(f"{given['entry']['text']} {given['entry'].get('url', '')}")
                case "Runtime.exceptionThrown":
                    said.append(str(given["exceptionDetails"]["text"]))
                case "Runtime.consoleAPICalled" if given["type"] in ("error", "warning"):
                    said.append(str(given["args"]))
                case "Page.javascriptDialogOpening":
                    said.append("a dialog was opened")
        return said

    @property
    def asked(self) -> list[str]:
        """Every address that was asked for."""
        wanted = "Network.requestWillBeSent"
        return [
            str(event["params"]["request"]["url"])
            for event in self._ours()
            if event["method"] == wanted
        ]

    def _ours(self) -> list[dict[str, Any]]:
        self.script("1")  # what came before is here by now
        return [one for one in self.browser.events if one.get("sessionId") == self.session]


@contextlib.contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """Start a browser whose profile is in that folder."""
    found = program()
    assert found is not None
    to_it, writes = os.pipe()
    reads, from_it = os.pipe()
    process = subprocess.Popen(
        [*_START, str(to_it), str(from_it), found, *_FLAGS, f"--user-data-dir={folder}"],
        env={"HOME": str(folder), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(to_it, from_it),
        start_new_session=True,
    )
    os.close(to_it)
    os.close(from_it)
    browser = Browser(process, writes, reads)
    try:
        yield browser
        browser.call("Browser.close")
    finally:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(writes)
