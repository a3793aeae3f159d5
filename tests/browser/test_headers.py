"""What the real server sends beside its content, and what a browser makes of it."""

from __future__ import annotations

import gzip
import http.client
import http.server
import re
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from lstmviz.web import server


def _get(url: str, method: str = "GET", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        connection.request(
            method, parts.path or "/", headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def _script(url: str) -> str:
    _answer, page = _get(url)
    found = re.search(rb'src="\./(static/js/[^"]+)"', page)
    assert found
    return f"{url}/{found[1].decode()}"


@pytest.mark.parametrize(
    "path",
    ["/", "/_stcore/health", "/static/not-there.js", "/_stcore/not-there", "/..%2f..%2fetc/passwd", "script"],
)
def test_every_answer_carries_the_security_headers(app_url, path):
    answer, _content = _get(_script(app_url) if path == "script" else app_url + path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "camera=()" in answer.headers["Permissions-Policy"]
    policies = answer.headers.get_all("Content-Security-Policy")
    assert policies is not None and len(policies) == 1
    directives = dict(part.split(" ", 1) for part in policies[0].split("; "))
    assert directives["default-src"] == directives["object-src"] == "'none'"
    assert directives["frame-ancestors"] == directives["connect-src"] == "'self'"
    for word in ("'unsafe-eval'", "*", "http:", "https:", "data:"):
        assert word not in directives["script-src"].split()
    assert "'unsafe-inline'" not in directives["script-src"]


def test_plotly_is_sent_small_once_and_kept(app_url):
    url = f"{app_url}/{server.assets_path()}/plotly.min.js"
    answer, plain = _get(url)
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/javascript")
    assert (
        "immutable" in answer.headers["Cache-Control"]
        and "max-age=31536000" in answer.headers["Cache-Control"]
    )
    small, content = _get(url, Accept_Encoding="gzip")
    assert small.headers["Content-Encoding"] == "gzip" and "Accept-Encoding" in small.headers["Vary"]
    assert len(content) < 1_600_000 and gzip.decompress(content) == plain
    assert small.headers["ETag"] != answer.headers["ETag"]
    unchanged, nothing = _get(url, Accept_Encoding="gzip", If_None_Match=small.headers["ETag"])
    assert unchanged.status == 304 and nothing == b""
    assert unchanged.headers["X-Content-Type-Options"] == "nosniff"


def test_the_figures_module_is_a_module(app_url):
    answer, content = _get(f"{app_url}/{server.assets_path()}/figure.js", method="HEAD")
    assert (
        answer.status == 200 and answer.headers["Content-Type"].startswith("text/javascript") and not content
    )


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """A page of another origin that shows what its address names in a frame."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f'<iframe src="{self.path[1:]}" width="900" height="700"></iframe>'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{site.server_address[1]}"
        site.shutdown()


def test_another_site_may_not_frame_the_page(browser, figures_url, elsewhere):
    page = browser.new_page()
    refusals: list[str] = []
    page.on("console", lambda message: refusals.append(message.text))
    page.goto(f"{elsewhere}/{figures_url}/")
    page.wait_for_timeout(500)
    assert any("frame-ancestors" in text for text in refusals), refusals
    assert page.frame_locator("iframe").locator("#root").count() == 0
    page.close()


def test_a_site_that_is_named_may_frame_the_page(serve, open_page, elsewhere):
    url = serve("tests/browser/apps/figures_app.py", LSTMVIZ_FRAME_ANCESTORS=f"'self' {elsewhere}")
    page = open_page(f"{elsewhere}/{url}/")
    expect(page.frame_locator("iframe").locator(".st-key-one .gtitle")).to_be_visible(timeout=20_000)
    assert "X-Frame-Options" not in _get(f"{url}/")[0].headers


def test_the_page_works_under_a_path(serve, open_page):
    page = open_page(
        serve("tests/browser/apps/figures_app.py", path="/lstm", STREAMLIT_SERVER_BASE_URL_PATH="lstm")
    )
    expect(page.locator(".st-key-one .gtitle")).to_be_visible(timeout=20_000)
