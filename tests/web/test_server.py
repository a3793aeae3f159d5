"""The server's own parts, without a server."""

from __future__ import annotations

import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from lstmviz.web import patches, server
from lstmviz.web.server import SecurityHeaders
from tests import coroutines


def _call(app: Any, kind: str = "http") -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def call() -> None:
        await app({"type": kind, "method": "GET", "path": "/", "headers": []}, receive, send)

    try:
        coroutines.run(call())
    except ZeroDivisionError:
        sent.append({"type": "raised"})
    return sent


async def _fails(scope: Any, receive: Any, send: Any) -> None:
    raise ZeroDivisionError


async def _answers(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"x-content-type-options", b"other"), (b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


def test_an_error_is_answered_with_the_headers_and_still_reported():
    start, body, raised = _call(SecurityHeaders(_fails))
    assert start["status"] == 500 and body["body"] == b"Internal Server Error"
    assert b"content-security-policy" in dict(start["headers"])
    assert raised["type"] == "raised"


def test_a_header_is_replaced_not_doubled():
    (start,) = _call(SecurityHeaders(_answers))
    assert [value for name, value in start["headers"] if name == b"x-content-type-options"] == [b"nosniff"]
    assert (b"content-type", b"text/plain") in start["headers"]


def test_a_websocket_passes_untouched():
    (start,) = _call(SecurityHeaders(_answers), kind="websocket")
    assert start["headers"] == [(b"x-content-type-options", b"other"), (b"content-type", b"text/plain")]


@pytest.mark.parametrize(
    ("given", "old_header"),
    [("'none'", b"DENY"), ("'self'", b"SAMEORIGIN"), ("https://a.example *.b.example:*", None)],
)
def test_who_may_frame_the_page_is_said_in_both_headers_where_the_old_one_can(given, old_header):
    (start,) = _call(SecurityHeaders(_answers, given))
    headers = dict(start["headers"])
    assert headers[b"content-security-policy"].decode().endswith(f"; frame-ancestors {given}")
    assert headers.get(b"x-frame-options") == old_header


@pytest.mark.parametrize(
    "given", ["", "'self'; script-src *", "https://a.example\r\nSet-Cookie: a=b", "a, b"]
)
def test_frame_ancestors_cannot_say_more_than_who_may_frame_the_page(given):
    with pytest.raises(ValueError, match="LSTMVIZ_FRAME_ANCESTORS") as error:
        SecurityHeaders(_answers, given)
    assert repr(given) in str(error.value)


def test_who_waits_for_tensorflow_learns_that_it_cannot_be_started(monkeypatch):
    broken = ImportError("no such library")
    warmed = threading.Event()
    warmed.set()
    monkeypatch.setattr(server, "_warmed", warmed)
    monkeypatch.setattr(server, "_warming", threading.Thread())
    monkeypatch.setattr(server, "_warming_error", broken)
    assert not server.wait_warm(0) and server.has_failed()


def test_the_files_address_changes_with_their_content(monkeypatch):
    before = server.assets_path()
    monkeypatch.setattr(server, "read_module", lambda name: b"other")
    assert server.assets_path() != before


@pytest.mark.parametrize(("package", "checked"), patches.CHECKED.items())
def test_what_is_patched_is_of_the_version_that_was_looked_at(package, checked):
    assert version(package) == checked, f"look at what lstmviz/web/patches.py changes in {package} again"


def test_what_streamlit_clears_after_each_run_leaves_tensorflows_kernels_alone(monkeypatch):
    import keras
    from keras.src.backend.common import global_state

    monkeypatch.setattr(keras.backend, "clear_session", keras.backend.clear_session)  # put back afterwards
    patches.spare_kernels()
    global_state.set_global_attribute("lstmviz_probe", "here")
    keras.backend.clear_session()  # what Streamlit's script runner calls once Keras is imported
    assert global_state.get_global_attribute("lstmviz_probe") == "here"


def test_a_server_that_is_ended_while_it_warms_up_ends_without_an_abort():
    program = (
        "from lstmviz.web import server; assert server.wait_warm(100); assert server._warming.is_alive()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_first_page_loads_no_tables():
    """Half a second of a server's first page, for nothing: no table is on Explore."""
    program = f"""
import sys
from streamlit.testing.v1 import AppTest
from lstmviz.web import server
server._start_warming = lambda: None  # TensorFlow loads them itself
server._warming_error = ModuleNotFoundError()
server._warmed.set()
page = AppTest.from_file({str(Path(server.__file__).with_name("page.py"))!r}).run(timeout=60)
assert not page.exception and page.get("bidi_component"), "nothing was drawn"
print(sorted({{"pandas", "pyarrow"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
