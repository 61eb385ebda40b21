"""A real Chromium without a network, told what to do over its DevTools protocol."""

import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

ASK_SECONDS = 60


class Page:
    """One tab. ``requests`` are the addresses it asked for, ``complaints`` what its console says."""

    def __init__(self, wire: ClientConnection) -> None:
        self._wire = wire
        self._numbers = itertools.count(1)
        self.requests: list[str] = []
        self.complaints: list[Any] = []
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **given: Any) -> Any:
        """Send a command and give its result."""
        number = next(self._numbers)
        self._wire.send(json.dumps({"id": number, "method": method, "params": given}))
        while (heard := self._hear()).get("id") != number:
            pass
        assert "error" not in heard, heard
        return heard["result"]

    def open(self, path: Path) -> None:
        """Open a file and wait until all of it is there."""
        self.ask("Page.navigate", url=path.as_uri())
        while self._hear().get("method") != "Page.loadEventFired":
            pass

    def value(self, expression: str) -> Any:
        """Give what an expression is on the page."""
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def looks(self, *, width: int, scheme: str, media: str = "screen") -> None:
        """Show it as wide as that, in ``light`` or ``dark``, on screen or in print."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", media=media, features=features)

    def _hear(self) -> dict[str, Any]:
        heard = json.loads(self._wire.recv(timeout=ASK_SECONDS))
        if heard.get("method") == "Network.requestWillBeSent":
            self.requests.append(heard["params"]["request"]["url"])
        if heard.get("method") in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            self.complaints.append(heard["params"])
        return heard


@contextmanager
def page(folder: Path) -> Iterator[Page]:
    """Start a browser of its own, and end it."""
    assert PROGRAM is not None
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run")
    offline = ("--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking")
    command = [PROGRAM, *flags, *offline, f"--user-data-dir={folder / 'profile'}", "about:blank"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as browser:
        try:
            with connect(_tab(browser), max_size=None) as wire:
                yield Page(wire)
        finally:
            browser.kill()


def _tab(browser: subprocess.Popen[str]) -> str:
    assert browser.stderr is not None
    address = next(line for line in browser.stderr if "DevTools listening on" in line).split()[-1]
    with connect(address) as wire:
        wire.send(json.dumps({"id": 1, "method": "Target.createTarget", "params": {"url": "about:blank"}}))
        made = json.loads(wire.recv(timeout=ASK_SECONDS))
    return f"{address.partition('/devtools/')[0]}/devtools/page/{made['result']['targetId']}"
