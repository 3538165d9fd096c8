"""A real browser for tests: Chromium without a window, spoken to over pipes in the Chrome DevTools protocol.

Messages are JSON ended by NUL: Chromium reads them from file descriptor 3 and answers on 4
(``--remote-debugging-pipe``). https://chromedevtools.github.io/devtools-protocol/ lists methods and events.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import F_DUPFD_CLOEXEC, fcntl
from pathlib import Path
from typing import Any

TIMEOUT = 120.0
_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # needed as root; the pages are our own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
)


def find_chromium() -> str | None:
    """The program, if there is one."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    return None


@contextmanager
def chromium(program: str, profile: Path) -> Iterator[Browser]:
    """A browser with a profile of its own, ended with the block."""
    browser = Browser(program, profile)
    try:
        yield browser
    finally:
        browser.close()


class Browser:
    """A running Chromium."""

    def __init__(self, program: str, profile: Path) -> None:
        ours_in, theirs_out = _high_pipe()
        theirs_in, ours_out = _high_pipe()
        self._in, self._out = ours_in, ours_out
        self._buffer = b""
        self._last = 0
        self.events: list[dict[str, Any]] = []
        quiet = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
        self._pid = os.posix_spawn(
            program,
            [program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            {**os.environ, "HOME": str(profile)},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, theirs_in, 3),
                (os.POSIX_SPAWN_DUP2, theirs_out, 4),
                quiet,
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setpgroup=0,
        )
        os.close(theirs_in)
        os.close(theirs_out)

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Call a method and wait for its result."""
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        self._write(json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + TIMEOUT
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self._last:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def wait_for(self, event: str, session: str, since: int) -> dict[str, Any]:
        """The first such event after so many events."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            for found in self.events[since:]:
                if found["method"] == event and found.get("sessionId") == session:
                    return found["params"]
            self._receive(deadline)

    def page(self, width: int = 1280, height: int = 900, *, dark: bool = False) -> Page:
        """A new tab of this size."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.resize(width, height)
        page.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )
        return page

    def close(self) -> None:
        """End the browser and all that it started."""
        with suppress(AssertionError, OSError):
            self.call("Browser.close")
        os.close(self._out)
        os.close(self._in)
        if not self._ended_within(5):
            with suppress(ProcessLookupError):
                os.killpg(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)

    def _ended_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if os.waitpid(self._pid, os.WNOHANG)[0]:
                return True
            time.sleep(0.05)
        return False

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._out, data) :]

    def _receive(self, deadline: float) -> dict[str, Any]:
        """The next message; events are kept as well."""
        poll = select.poll()  # unlike select(), for handles of any number
        poll.register(self._in, select.POLLIN)
        while b"\0" not in self._buffer:
            ready = poll.poll(max(0, deadline - time.monotonic()) * 1000)
            assert ready, f"the browser did not answer within {TIMEOUT:.0f} s"
            read = os.read(self._in, 1 << 20)
            assert read, "the browser ended"
            self._buffer += read
        message, _, self._buffer = self._buffer.partition(b"\0")
        value: dict[str, Any] = json.loads(message)
        if "method" in value:
            self.events.append(value)
        return value


class Page:
    """A tab."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol on this tab."""
        return self._browser.call(method, self._session, **params)

    def resize(self, width: int, height: int) -> None:
        """Set the size of the viewport, in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def open(self, path: Path, state: str = "") -> float:
        """Load a file anew and wait until it is there; gives the seconds that took."""
        self._load("about:blank")  # or else another fragment of the same file would load nothing
        started = time.monotonic()
        self._load(path.as_uri() + (f"#{state}" if state else ""))
        return time.monotonic() - started

    def _load(self, url: str) -> None:
        since = len(self._browser.events)
        self.call("Page.navigate", url=url)
        self._browser.wait_for("Page.loadEventFired", self._session, since)

    def run(self, expression: str) -> Any:
        """The JSON value of a JavaScript expression; a promise is waited for."""
        found = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def text(self, selector: str) -> str:
        """What is to be read in the first such element."""
        text: str = self.run(f"document.querySelector({json.dumps(selector)}).innerText")
        return text

    def texts(self, selector: str) -> list[str]:
        """What is to be read in every such element."""
        texts: list[str] = self.run(
            f"[...document.querySelectorAll({json.dumps(selector)})].map((found) => found.innerText)"
        )
        return texts

    def count(self, selector: str) -> int:
        """How many such elements there are."""
        count: int = self.run(f"document.querySelectorAll({json.dumps(selector)}).length")
        return count

    def click(self, selector: str) -> None:
        """Press and release the mouse over the middle of the first such element."""
        x, y = self.run(
            f"""(() => {{
                const found = document.querySelector({json.dumps(selector)});
                found.scrollIntoView({{block: "center", behavior: "instant"}});
                const box = found.getClientRects()[0];
                return [box.x + box.width / 2, box.y + box.height / 2];
            }})()"""
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, text: str) -> None:
        """Put text where the focus is."""
        self.call("Input.insertText", text=text)

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press and release a key, given by its name and its Windows key code."""
        named = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **named)
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def wait(self, condition: str) -> None:
        """Wait until a JavaScript condition holds."""
        deadline = time.monotonic() + TIMEOUT
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < deadline, f"never: {condition}"
            time.sleep(0.02)

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Save what is seen as PNG, or the whole page."""
        data = self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))

    def problems(self) -> list[str]:
        """Errors and warnings of the console, exceptions, and what the policy refused."""
        found = []
        for event in self._own_events():
            params = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                found.append(json.dumps(params["exceptionDetails"]))
            elif event["method"] == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append(params["entry"]["text"])
            elif event["method"] == "Runtime.consoleAPICalled":
                found.append(json.dumps(params["args"]))
        return found

    def requests(self) -> list[str]:
        """What was asked for, over any protocol, but for the files opened."""
        sent = [event for event in self._own_events() if event["method"] == "Network.requestWillBeSent"]
        return [
            event["params"]["request"]["url"] for event in sent if event["params"].get("type") != "Document"
        ]

    def dialogs(self) -> int:
        """How often a script opened a dialog."""
        return sum(event["method"] == "Page.javascriptDialogOpening" for event in self._own_events())

    def _own_events(self) -> Iterator[dict[str, Any]]:
        return (event for event in self._browser.events if event.get("sessionId") == self._session)


def _high_pipe() -> tuple[int, int]:
    """A pipe clear of the descriptors 3 and 4, which a spawned browser gets anew."""
    made = os.pipe()
    high = tuple(fcntl(end, F_DUPFD_CLOEXEC, 10) for end in made)
    for end in made:
        os.close(end)
    return high[0], high[1]
