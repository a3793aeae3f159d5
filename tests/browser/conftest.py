"""Real servers, and pages in a real Chromium that may not complain about anything."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from lstmviz.web.server import PATHS

ROOT = Path(__file__).parent.parent.parent
_START_LIMIT = 60.0  # seconds
# No graphics card, no sandbox where the tests run as root, and nothing that Chromium asks its makers for.
_CHROMIUM_ARGUMENTS = [
    *("--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--no-first-run", "--disable-quic"),
    *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
]

# Two cores are shared with another process of tests: what takes a moment elsewhere takes seconds here now and then.
expect.set_options(timeout=30_000)

Serve = Callable[..., str]
OpenPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """`serve(script, path="", **environment)` runs a script as `streamlit run` does, and returns its address."""
    servers: list[subprocess.Popen[bytes]] = []

    def start(script: str, path: str = "", **environment: str) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        log = tmp_path_factory.mktemp("server") / "log"
        command = [sys.executable, "-m", "streamlit", "run", script]
        command += [f"--server.port={port}", "--server.address=127.0.0.1"]
        with log.open("wb") as output:
            servers.append(
                subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            )
        address = f"http://127.0.0.1:{port}{path}"
        limit = time.monotonic() + _START_LIMIT
        while not _is_healthy(address):
            if servers[-1].poll() is not None or time.monotonic() > limit:
                raise RuntimeError(f"{script} did not start:\n{log.read_text()}")
            time.sleep(0.05)
        return address

    yield start
    for server in servers:
        server.terminate()
    for server in servers:
        server.wait(timeout=20)


def _is_healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5) as answer:
            return bool(answer.read() == b"ok")
    except OSError:
        return False


@pytest.fixture(scope="session")
def app_url(serve: Serve) -> str:
    """The address of the real app."""
    return serve("app.py")


@pytest.fixture(scope="session")
def document_url(app_url: str) -> str:
    """The address of its sections."""
    return f"{app_url}/document"


@pytest.fixture(scope="session")
def figures_url(serve: Serve) -> str:
    """The address of a page with nothing but figures."""
    return serve("tests/browser/apps/figures_app.py")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium: the one named by CHROMIUM, the system's, or Playwright's own."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=_CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


def _is_guess(address: str) -> bool:
    """Whether Streamlit's own script asks where its server is: on a path it tries that path first, and then the root."""
    return urlsplit(address).path in {
        f"/{path}/_stcore/{asked}" for path in PATHS for asked in ("health", "host-config")
    }


@dataclass(eq=False)
class _Tab:
    """A page of Chromium's that one test after another opens addresses in: its programs are compiled already."""

    page: Page
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: message.type == "error" and self._hear(message))
        self.page.on("pageerror", lambda error: self._note(f"uncaught: {error}"))
        self.page.on("request", lambda request: self._note_request(request.url))
        self.page.on("websocket", lambda socket: self._note_request(socket.url))
        self.page.on(
            "response", lambda answer: answer.status >= 400 and self._note_answer(answer.status, answer.url)
        )

    def _hear(self, message: ConsoleMessage) -> None:
        if not _is_guess(message.location["url"]):
            self._note(message.text)

    def _note_answer(self, status: int, address: str) -> None:
        if not _is_guess(address):
            self._note(f"{status} {address}")

    def _note(self, problem: str) -> None:
        self.problems.append(problem)

    def _note_request(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname not in {
            "127.0.0.1",
            "localhost",
        }:
            self._note(f"request to another machine: {address}")

    def leave(self) -> list[str]:
        """Forgets the visitor, and gives what the page complained about."""
        self.page.evaluate("() => { try { localStorage.clear(); sessionStorage.clear(); } catch {} }")
        self.page.goto("about:blank")
        self.page.mouse.up()
        self.page.mouse.move(0, 0)  # what lies under a pointer is marked
        self.page.context.clear_cookies()
        self.page.emulate_media(reduced_motion="null")
        problems = self.problems[:]
        self.problems.clear()
        return problems


@pytest.fixture(scope="session")
def tabs(browser: Browser) -> Iterator[dict[tuple[bool, str], list[_Tab]]]:
    """Pages that no test has open, by what a page has from its first moment on: touch and a language."""
    free: dict[tuple[bool, str], list[_Tab]] = {}
    yield free
    for tab in itertools.chain(*free.values()):
        tab.page.context.close()


@pytest.fixture
def open_page(browser: Browser, tabs: dict[tuple[bool, str], list[_Tab]]) -> Iterator[OpenPage]:
    """`open_page(address, width=1280, dark=False, touch=False, locale="en-US", alone=False)` opens a page as a new visitor.

    A page is handed on to later tests unless it is `alone`, as it must be where a test listens to it or cuts its network.
    The test fails on an error in a page's console, an uncaught exception, a violated security policy (which
    Chromium reports in the console), a failed request, and any request to another machine.
    """
    used: list[tuple[tuple[bool, str] | None, _Tab]] = []

    def open_(
        address: str,
        width: int = 1280,
        dark: bool = False,
        touch: bool = False,
        locale: str = "en-US",
        alone: bool = False,
    ) -> Page:
        free = [] if alone else tabs.setdefault((touch, locale), [])
        tab = free.pop() if free else _Tab(browser.new_context(has_touch=touch, locale=locale).new_page())
        used.append((None if alone else (touch, locale), tab))
        tab.page.set_viewport_size({"width": width, "height": 900})
        tab.page.emulate_media(color_scheme="dark" if dark else "light")
        tab.page.goto(address)
        return tab.page

    yield open_
    problems = []
    for key, tab in used:
        if key is None:
            tab.page.context.close()
            problems += tab.problems
        else:
            problems += tab.leave()
            tabs[key].append(tab)
    assert not problems, "\n".join(problems)
