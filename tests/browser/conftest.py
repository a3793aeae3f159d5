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
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect, sync_playwright

from lstmviz.web.server import PATHS

ROOT = Path(__file__).parent.parent.parent
_START_LIMIT = 60.0  # seconds
# No graphics card, no sandbox where the tests run as root, and nothing that Chromium asks its makers for. All pages of one
# visitor are one process's, so that what one page has compiled the next one need not.
_CHROMIUM_ARGUMENTS = [
    *("--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--no-first-run", "--disable-quic", "--process-per-site"),
    *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
]

# Two cores are shared with another process of tests: what takes a moment elsewhere takes seconds here now and then.
expect.set_options(timeout=30_000)

Serve = Callable[..., str]
OpenPage = Callable[..., Page]
_Look = tuple[str, int, bool, str]  # an address, a width, whether it is dark, and a language


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
    beside: str = ""  # where it is taken when a test has left it

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: message.type == "error" and self._hear(message))
        self.page.on("pageerror", lambda error: self._note(f"uncaught: {error}"))
        self.page.on("request", lambda request: self._note_request(request.url))
        self.page.on("websocket", lambda socket: self._note_request(socket.url))
        self.page.on(
            "response", lambda answer: answer.status >= 400 and self._note_answer(answer.status, answer.url)
        )

    def _hear(self, message: ConsoleMessage) -> None:
        if not self._is_ours(message.location["url"]):
            self._note(message.text)

    def _note_answer(self, status: int, address: str) -> None:
        if not self._is_ours(address):
            self._note(f"{status} {address}")

    def _is_ours(self, address: str) -> bool:
        return _is_guess(address) or address == self.beside  # where no server is any more

    def _note(self, problem: str) -> None:
        self.problems.append(problem)

    def _note_request(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname not in {
            "127.0.0.1",
            "localhost",
        }:
            self._note(f"request to another machine: {address}")

    def show(self, address: str, width: int = 1280, dark: bool = False) -> None:
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme="dark" if dark else "light")
        self.beside = ""
        self.page.goto(address)

    def leave(self) -> list[str]:
        """Forgets the visitor, and gives what the page complained about."""
        parts = urlsplit(self.page.url)
        # Where the host is the same the process stays, and with it what it has compiled, which is half of a page's cost.
        is_app = parts.scheme == "http" and parts.path.strip("/") in {"", *PATHS}
        self.beside = f"http://{parts.netloc}/_stcore/health" if is_app else "about:blank"
        try:
            self.page.goto(self.beside)
        except Error:  # a test has ended its server
            self.page.goto("about:blank")
        self.page.evaluate("() => { try { localStorage.clear(); sessionStorage.clear(); } catch {} }")
        self.page.mouse.up()
        self.page.mouse.move(0, 0)  # what lies under a pointer is marked
        self.page.context.clear_cookies()
        self.page.context.clear_permissions()
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


def _take(
    browser: Browser, tabs: dict[tuple[bool, str], list[_Tab]], touch: bool = False, locale: str = "en-US"
) -> _Tab:
    free = tabs.setdefault((touch, locale), [])
    return free.pop() if free else _Tab(browser.new_context(has_touch=touch, locale=locale).new_page())


@pytest.fixture(scope="module")
def unchanged(tabs: dict[tuple[bool, str], list[_Tab]]) -> Iterator[dict[_Look, _Tab]]:
    """Pages that tests of this file have only looked at."""
    looked_at: dict[_Look, _Tab] = {}
    yield looked_at
    problems = []
    for (_address, _width, _dark, locale), tab in looked_at.items():
        problems += tab.leave()
        tabs.setdefault((False, locale), []).append(tab)
    assert not problems, "\n".join(problems)


@pytest.fixture
def look_at(
    browser: Browser, tabs: dict[tuple[bool, str], list[_Tab]], unchanged: dict[_Look, _Tab]
) -> Iterator[OpenPage]:
    """`look_at(address, width=1280, dark=False, locale="en-US")` is `open_page` for tests that share the page.

    They change nothing there, or put it back: what they have done is not undone for them.
    """
    used: list[_Tab] = []

    def look(address: str, width: int = 1280, dark: bool = False, locale: str = "en-US") -> Page:
        key = (address, width, dark, locale)
        if key not in unchanged:
            tab = _take(browser, tabs, locale=locale)
            tab.show(address, width, dark)
            unchanged[key] = tab
        tab = unchanged[key]
        used.append(tab)
        tab.page.mouse.move(0, 0)
        tab.page.evaluate("document.activeElement?.blur()")
        tab.page.evaluate("document.querySelector('[data-testid=stMain]')?.scrollTo(0, 0)")
        return tab.page

    yield look
    problems = list(itertools.chain(*(tab.problems for tab in used)))
    for tab in used:
        tab.problems.clear()
    assert not problems, "\n".join(problems)


@pytest.fixture
def open_page(browser: Browser, tabs: dict[tuple[bool, str], list[_Tab]]) -> Iterator[OpenPage]:
    """`open_page(address, width=1280, dark=False, touch=False, locale="en-US", alone=False)` opens a page as a new visitor.

    A page is handed on to later tests unless it is `alone`, as it must be where a test listens to it, cuts its network or
    counts its history: then what is handed on is the visitor alone, whose process knows the page's programs.
    The test fails on an error in a page's console, an uncaught exception, a violated security policy (which
    Chromium reports in the console), a failed request, and any request to another machine.
    """
    used: list[tuple[tuple[bool, str], _Tab, _Tab]] = []

    def open_(
        address: str,
        width: int = 1280,
        dark: bool = False,
        touch: bool = False,
        locale: str = "en-US",
        alone: bool = False,
    ) -> Page:
        tab = _take(browser, tabs, touch, locale)
        shown = _Tab(tab.page.context.new_page()) if alone else tab
        used.append(((touch, locale), tab, shown))
        shown.show(address, width, dark)
        return shown.page

    yield open_
    problems = []
    for key, tab, shown in used:
        tab.page.context.set_offline(False)
        if shown is not tab:
            problems += shown.leave()
            shown.page.close()
        problems += tab.leave()
        tabs[key].append(tab)
    assert not problems, "\n".join(problems)
