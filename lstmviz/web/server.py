"""What surrounds the page on its server: TensorFlow's warm-up, the figures' files, the security headers."""

from __future__ import annotations

import asyncio
import base64
import ctypes
import gc
import gzip
import hashlib
import logging
import math
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config
from streamlit.web.server.starlette.starlette_server_config import XSRF_COOKIE_NAME
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from lstmviz.cells import build
from lstmviz.plot.bundle import bundle
from lstmviz.run import has_tensorflow, run
from lstmviz.run.turns import TURNS
from lstmviz.web import draining, kinds, metrics, patches, settings
from lstmviz.web import view as views
from lstmviz.web.lanes import Client, Lane, NotDone
from lstmviz.web.paths import names
from lstmviz.web.rooms import routes as rooms
from lstmviz.web.together import Together
from lstmviz.web.view import View

_log = logging.getLogger(__name__)

# --- TensorFlow's warm-up

_GRACE = 2.0  # seconds after the start in which a page can be asked for and gets ahead of TensorFlow
# Seconds until TensorFlow is started for a page whose script never ran, and again for one whose browser never drew.
_PATIENCE = 5.0

_asked = threading.Event()
_page_requested = threading.Event()
_page_drawn = threading.Event()
_figures_drawn = threading.Event()
_warmed = threading.Event()
_warming_lock = threading.Lock()
_warming: threading.Thread | None = None
_warming_error: BaseException | None = None


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Starts warming TensorFlow up while the server starts to answer."""
    _share_memory()
    patches.hear_first_change()
    draining.begin_on_signal(patches.is_script_running)
    threading.Thread(target=_load_page, name="page", daemon=True).start()
    _start_warming()
    trimming = asyncio.create_task(_trim_memory())
    async with rooms.opened():
        yield
    trimming.cancel()
    if training := sys.modules.get("lstmviz.web.training"):  # somebody has asked for one
        await asyncio.to_thread(training.end_all)


def _load_page() -> None:
    """Loads what the first page needs, while its browser still reads Streamlit's own files; and then what others will need."""
    from lstmviz.web import page  # noqa: F401

    patches.load_ahead()
    _figures_drawn.wait(_PATIENCE)
    _plotly_gzipped()


def is_warm() -> bool:
    """Whether TensorFlow is there; asking starts nothing."""
    return _warmed.is_set() and _warming_error is None


def wait_warm(timeout: float) -> bool:
    """Waits until TensorFlow is there, `timeout` seconds at most, and says whether it is.

    Whoever asks has drawn what needs no TensorFlow: it is started now, if nothing has started it yet. Where it cannot be
    started, `has_failed` says so, and it is never there.
    """
    _page_drawn.set()
    _asked.set()
    _start_warming()
    return _warmed.wait(timeout) and _warming_error is None


def has_failed() -> bool:
    """Whether there is no TensorFlow to come: it is not installed, or could not be started and the server's log says why."""
    return _warming_error is not None


def _start_warming() -> None:
    global _warming
    with _warming_lock:
        if _warming is None:
            _warming = threading.Thread(target=_warm, name="warm-up", daemon=True)
            _warming.start()


def _warm() -> None:
    global _warming_error
    if not has_tensorflow():
        _warming_error = ModuleNotFoundError("TensorFlow is not installed")
        _log.info("TensorFlow is not installed: NumPy computes")
        _warmed.set()
        return
    # The import holds the interpreter for seconds: a page that is being opened gets its figures first, from NumPy.
    _asked.wait(_GRACE)
    if _page_requested.is_set() and _page_drawn.wait(_PATIENCE):
        _figures_drawn.wait(_PATIENCE)
    started = time.perf_counter()
    try:
        from lstmviz.run import engine

        # A process waits for such a thread, by the kind, before it ends: one that is ended inside of TensorFlow aborts it.
        with ThreadPoolExecutor(1, "warm-up") as awaited:

            def warm_up(kind: str, *, backward: bool = False) -> None:
                awaited.submit(engine.warm_up, [kind], backward=backward).result()

            warm_up(View.cell)
            patches.spare_kernels()
            _warmed.set()  # the first view can be drawn; the kinds that people ask about follow while it is looked at
            for kind in kinds.first():
                warm_up(kind)
            for kind in (View.cell, views.contrast(View())):
                warm_up(kind, backward=True)
    except BaseException as error:
        if not threading.main_thread().is_alive():
            return  # the process ends
        _warming_error = error
        _log.exception("TensorFlow could not be started")
    else:
        # What is loaded now stays: no later collection need look at it again.
        gc.collect()
        gc.freeze()
        _log.info("TensorFlow is warm after %.1f s", time.perf_counter() - started)
    finally:
        _warmed.set()


# --- Memory

_TRIM_SECONDS = 5.0
_M_ARENA_MAX = -8  # glibc's malloc.h


def _c_library() -> Any:
    """The C library, where it is glibc."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            library = ctypes.CDLL(None)
            return library if library.gnu_get_libc_version else None
    return None


def _share_memory() -> None:
    """Lets all threads take their memory from the same two places.

    Pictures are made in many threads and differ in size by a thousand times. With a place of its own for each thread, as
    glibc has it, every one keeps the most that it ever needed: 100 viewers held three times what was in use.
    """
    if library := _c_library():
        library.mallopt(_M_ARENA_MAX, 2)


async def _trim_memory() -> None:
    """Gives memory back to the system every few seconds: what nobody looks at any more, and what glibc would keep."""
    library = _c_library()
    while True:
        await asyncio.sleep(_TRIM_SECONDS)
        await asyncio.to_thread(_sweep, library)  # gigabytes take a while, and the event loop has viewers


def _sweep(library: Any) -> None:
    if render := sys.modules.get("lstmviz.web.render"):  # a page has been drawn
        render.sweep()
    if library:
        library.malloc_trim(0)


# --- The files that figures are drawn with

_HERE = Path(__file__).parent
_FOLDERS = (_HERE / "js", _HERE.parent / "plot")  # the figures' own file needs one of the modules too
_ENTRIES = ("figure.js", "share.js", "stage.js")  # what components load; the others come with them
_MEDIA = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}
_NOT_KEPT = {"Cache-Control": "no-store"}  # the server keeps what is asked for again
_WORTH_GZIP = 64 * 2**10  # bytes
_FOREVER = "public, max-age=31536000, immutable"  # the address changes with the content


def assets_path() -> str:
    """Where the figures' files are, relative to the page's own address; it changes with their content."""
    return (
        f"lstmviz/{version('plotly')}-{_digest(b''.join(read_module(path.name) for path in _modules()))[:12]}"
    )


PATHS = tuple(name for name in names.ALL if name != names.EXPLORE)
"""What stands behind the page's own address for one of its paths."""


def loader(module: str, name: str = "default") -> str:
    """The JavaScript of a component that one of the figures' modules draws: it says where the module is and what it exports.

    It travels with each message, and Streamlit makes a blob of it, hence the address of the page; without the path that is open.
    What such a component is told travels in a list of one: in a mapping Streamlit looks for tables, for which it loads pandas.
    """
    path = f"/(\\/({'|'.join(PATHS)}))?\\/*$/"
    return (
        f'const page = location.origin + location.pathname.replace({path}, "/");\n'
        f'const module = await import(new URL("{assets_path()}/{module}", page).href);\n'
        f"export default module.{name};\n"
    )


def routes() -> list[BaseRoute]:
    """The routes beside Streamlit's own: Plotly's script, the figures' modules, the pictures, whether all is ready and drawn."""
    folder = f"{_root()}/{assets_path()}"
    return [
        Route(f"{_root()}{_READY}", _serve_ready),
        Route(f"{_root()}{_METRICS}", _serve_metrics),
        rooms.route(_root()),
        Route(f"{folder}/drawn", _hear_drawn),
        Route(f"{folder}/plotly.min.js", _serve_plotly),
        *(Route(f"{folder}/{path.name}", _serve_module) for path in _modules()),
        Route(f"{folder}/pictures/{{key:str}}", _serve_picture),
        Route(f"{folder}/numbers/{{key:str}}", _serve_numbers),
        Route(f"{folder}/training/{{what:str}}", _serve_training, methods=["GET", "POST"]),
    ]


_READY, _METRICS, _ALIVE = "/lstmviz/ready", "/lstmviz/metrics", "/_stcore/health"


def _root() -> str:
    """The path under which the server's own paths lie; empty for the root."""
    base = str(config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""


async def _serve_ready(_request: Request) -> Response:
    """Whether a run can be asked for; it starts nothing."""
    if has_failed() and has_tensorflow():
        return PlainTextResponse("TensorFlow could not be started", 503, _NOT_KEPT)
    if not _warmed.is_set():
        return PlainTextResponse("TensorFlow is starting", 503, _NOT_KEPT)
    if not await asyncio.to_thread(_can_run):
        return PlainTextResponse("TensorFlow does not run any more", 503, _NOT_KEPT)
    return PlainTextResponse("ready", 200, _NOT_KEPT)


async def _serve_metrics(_request: Request) -> Response:
    return Response(metrics.text(), media_type=metrics.MEDIA, headers=_NOT_KEPT)


_TRIED_FOR = 5.0  # seconds
_trying = threading.Lock()
_tried: tuple[float, bool] = (-math.inf, True)


def _can_run() -> bool:
    """Whether TensorFlow runs a cell now; who asks often is told what was found a moment ago."""
    global _tried
    if not has_tensorflow():
        return True  # NumPy computes
    with _trying:
        at, found = _tried
        if time.monotonic() - at < _TRIED_FOR:
            return found
        try:
            run(build(View.cell, num_units=1, input_size=1), np.ones((1, 1), np.float32))
        except Exception:
            _log.exception("TensorFlow does not run")
            found = False
        else:
            found = True
        _tried = (time.monotonic(), found)
        return found


async def _hear_drawn(_request: Request) -> Response:
    """A browser says that it has drawn its first figures."""
    _figures_drawn.set()
    return Response(status_code=204, headers=_NOT_KEPT)


async def _serve_plotly(request: Request) -> Response:
    return _serve(request, _plotly_js(), await asyncio.to_thread(_plotly_gzipped))


async def _serve_module(request: Request) -> Response:
    name = request.url.path.split("/")[-1]
    return _serve(request, _served(name), await asyncio.to_thread(_module_gzipped, name))


# --- The pictures

LONGEST_QUERY = (
    64 * 2**10
)  # bytes; the longest text, every letter of it three bytes of three characters, is 18,000
_MOMENT = 0.1  # seconds
# Few at a time: each takes several times its size while it is made, and more at once would finish none of them sooner.
# What takes a moment does not wait for what takes seconds.
_quick = Lane("pictures", threads=2, each_running=2, each_waiting=64, address_waiting=512)
_dear = Lane("dear-pictures", threads=1, each_running=1, each_waiting=6, address_waiting=64)

_together = Together()

for _lane in (_quick, _dear):
    metrics.watch(
        "queue_waiting",
        "What is asked for and not begun",
        partial(getattr, _lane, "waiting"),
        queue=_lane.name,
    )
    metrics.watch("queue_running", "What is being made", partial(getattr, _lane, "running"), queue=_lane.name)
metrics.watch("device_waiting", "Runs that wait for a GPU", lambda: TURNS.waiting)
metrics.watch("ready", "1 once TensorFlow is there", is_warm)
metrics.watch("ending", "1 once the server was told to end", draining.is_draining)


async def _serve_picture(request: Request) -> Response:
    """A picture of the view in the query; no content where only the page's script can make it."""
    from lstmviz.web import pictures  # needs more than a server that starts

    return await _serve_made(request, pictures.PICTURES, pictures.read, "application/json")


async def _serve_numbers(request: Request) -> Response:
    """Numbers of the view in the query, as the stage reads them."""
    from lstmviz.web import stage

    def serve() -> Awaitable[Response]:
        return _serve_made(request, stage.NUMBERS, stage.read, "application/octet-stream")

    # A room of pages asks for the same at one moment. What is of somebody's file, or while TensorFlow starts, is made for each.
    if not (is_warm() or has_failed()) or {"model", "upload"} & set(request.query_params):
        return await serve()
    use_gzip = "gzip" in request.headers.get("accept-encoding", "")
    return await _together.answer(
        (request.path_params["key"], request.scope["query_string"], use_gzip), serve
    )


async def _serve_training(request: Request) -> Response:
    """What a viewer asks of a training."""
    from lstmviz.web import training_routes

    return await training_routes.serve(request)


async def make_quickly(request: Request, make: Callable[[], bytes | None]) -> Response:
    """What takes a moment to make, made when it is its browser's turn.

    Raises:
        NotDone: it was not begun.
    """
    use_gzip = "gzip" in request.headers.get("accept-encoding", "")

    def made() -> Response:
        return _pack(make(), use_gzip, "application/octet-stream")

    return await _quick.run(_client(request), made, request.is_disconnected)


@runtime_checkable
class _Asked(Protocol):
    @property
    def seconds(self) -> float: ...
    def make(self) -> bytes | None: ...


async def _serve_made(
    request: Request,
    keys: Collection[str],
    read: Callable[[str, Mapping[str, str], list[str]], _Asked | None],
    media: str,
) -> Response:
    """What an address asks for, made when it is its browser's turn."""
    key = request.path_params["key"]
    if key not in keys:
        return PlainTextResponse(f"There is no picture {key[:40]!r}; there are {', '.join(keys)}.", 404)
    if len(request.scope["query_string"]) > LONGEST_QUERY:
        return PlainTextResponse(
            f"This address is longer than {LONGEST_QUERY:,} bytes; no view of the page needs as many.", 414
        )
    use_gzip = "gzip" in request.headers.get("accept-encoding", "")

    def make(asked: _Asked) -> Response:
        return _pack(asked.make(), use_gzip, media)

    def begin() -> _Asked | Response:
        asked = read(key, request.query_params, _repeated(request))
        if asked is None:
            return _pack(None, use_gzip, media)
        return asked if asked.seconds > _MOMENT else make(asked)

    client = _client(request)
    try:
        found = await _quick.run(client, begin, request.is_disconnected)
        if isinstance(found, Response):
            return found
        asked = found
        return await _dear.run(client, lambda: make(asked), request.is_disconnected)
    except NotDone:
        return PlainTextResponse(
            "This browser has asked for more since, or hung up.", 429, _NOT_KEPT | {"Retry-After": "1"}
        )


def _client(request: Request) -> Client:
    """Whose request it is; the cookie is Streamlit's, one for each browser."""
    address = request.client.host if request.client else ""
    return Client(address, request.cookies.get(XSRF_COOKIE_NAME, "")[:200])


def _repeated(request: Request) -> list[str]:
    counts = Counter(name for name, _value in request.query_params.multi_items())
    return [name for name, count in counts.items() if count > 1]


def _pack(made: bytes | None, use_gzip: bool, media: str) -> Response:
    if made is None:
        return Response(status_code=204, headers=_NOT_KEPT)
    # A larger one is nearly all numbers, which cost more time to compress than they save.
    if len(made) < _WORTH_GZIP and use_gzip:
        headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return Response(gzip.compress(made, 1, mtime=0), media_type=media, headers=_NOT_KEPT | headers)
    # Streamlit's server would compress at the dearest level what does not say how it is encoded.
    return Response(made, media_type=media, headers=_NOT_KEPT | {"Content-Encoding": "identity"})


def _serve(request: Request, plain: bytes, gzipped: bytes) -> Response:
    use_gzip = "gzip" in request.headers.get("accept-encoding", "")
    etag = f'"{request.url.path.split("/")[-2]}{"-gzip" if use_gzip else ""}"'
    headers = {"Cache-Control": _FOREVER, "ETag": etag}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if use_gzip:
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}  # else Streamlit adds the latter
    media = _MEDIA[Path(request.url.path).suffix]
    return Response(gzipped if use_gzip else plain, media_type=media, headers=headers)


@cache
def _plotly_js() -> bytes:
    import plotly

    return (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_bytes()


_compressing = threading.Lock()


def _plotly_gzipped() -> bytes:
    with _compressing:  # who comes meanwhile waits for it instead of doing it again
        return _compress_plotly()


@cache
def _compress_plotly() -> bytes:
    return gzip.compress(_plotly_js(), 6, mtime=0)


@cache
def _module_gzipped(name: str) -> bytes:
    return gzip.compress(_served(name), mtime=0)


@cache
def _served(name: str) -> bytes:
    """A module as a browser gets it: those that the page begins with bring all that they import."""
    if name not in _ENTRIES:
        return read_module(name)
    return bundle(name, lambda each: read_module(each).decode()).encode()


@cache
def _modules() -> list[Path]:
    found = (path for folder in _FOLDERS for kind in _MEDIA for path in folder.glob(f"*{kind}"))
    return sorted(found, key=lambda path: path.name)


@cache
def read_module(name: str) -> bytes:
    """The text of one of the page's JavaScript modules, in UTF-8."""
    (path,) = (path for path in _modules() if path.name == name)
    return path.read_bytes()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# --- The security headers


def middleware() -> list[Middleware]:
    """What wraps every answer of the server."""
    return [
        Middleware(SecurityHeaders, frame_ancestors=settings.read_frame_ancestors()),
        Middleware(draining.Draining, refused=frozenset({f"{_root()}{_READY}", f"{_root()}{_ALIVE}"})),
        Middleware(AllowedHosts),
    ]


class AllowedHosts:
    """Refuses every HTTP request under a name that is none of `server.allowedHosts`.

    Streamlit itself refuses WebSockets alone; a page whose own name points here could still read everything else. Whether
    the server is alive and ready is told under any name: who asks that is a machine, and knows a number alone.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] == "http" and scope["path"] not in (f"{_root()}{_READY}", f"{_root()}{_ALIVE}"):
            hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
            if not is_host_allowed(hosts[0] if len(hosts) == 1 else None):
                await PlainTextResponse("This name is none of the server's own.", 421)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class SecurityHeaders:
    """Adds the security headers to every HTTP answer, also errors and static files; WebSockets pass untouched.

    Args:
        app: The application to wrap.
        frame_ancestors: Who may show the page in a frame, as a content security policy says it: `'none'`,
            `'self'`, or origins like `https://blog.example https://*.example.org`.

    Raises:
        SettingError: `frame_ancestors` would end its directive or the header.
    """

    def __init__(self, app: ASGIApp, frame_ancestors: str = "'self'") -> None:
        settings.check_frame_ancestors(frame_ancestors)
        self._app = app
        headers = {
            "Content-Security-Policy": content_security_policy(frame_ancestors),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": _PERMISSIONS,
            "Cross-Origin-Opener-Policy": "same-origin",
        }
        # For browsers and scanners from before frame-ancestors; it cannot name other origins.
        if frame_ancestors in _FRAME_OPTIONS:
            headers["X-Frame-Options"] = _FRAME_OPTIONS[frame_ancestors]
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self._names = {name for name, _value in self._headers}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "GET" and any(
            name == b"accept" and b"text/html" in value for name, value in scope["headers"]
        ):
            _page_requested.set()
            _asked.set()
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                kept = [header for header in message["headers"] if header[0].lower() not in self._names]
                message = {**message, "headers": kept + self._headers}
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            # Starlette's own answer to an error is sent from outside of this, without the headers.
            if not started:
                await PlainTextResponse("Internal Server Error", 500)(scope, receive, send_with_headers)
            raise


_FRAME_OPTIONS = {"'none'": "DENY", "'self'": "SAMEORIGIN"}

_PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in [
        *("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer"),
        *(
            "microphone",
            "midi",
            "payment",
            "publickey-credentials-get",
            "serial",
            "usb",
            "xr-spatial-tracking",
        ),
    ]
)


def content_security_policy(frame_ancestors: str) -> str:
    """The policy under which Streamlit's page, its components and Plotly work, and nothing from elsewhere."""
    policy = {
        "default-src": "'none'",
        # Streamlit makes a blob of a component's script.
        "script-src": " ".join(["'self'", "blob:", *_inline_script_hashes()]),
        "style-src": "'self' 'unsafe-inline'",  # Streamlit and Plotly write style rules as they go
        "img-src": "'self' data: blob:",  # Plotly draws a heatmap as a data URL and a download through a blob
        "font-src": "'self' data:",
        "media-src": "'self' data: blob:",
        "connect-src": "'self'",  # also the WebSocket of the same origin
        "worker-src": "'self' blob:",
        "manifest-src": "'self'",
        "frame-src": "'self'",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": frame_ancestors,
    }
    return "; ".join(f"{directive} {sources}" for directive, sources in policy.items())


def _inline_script_hashes() -> list[str]:
    """The scripts that Streamlit's own page carries inline, as a policy names them."""
    page = (Path(st.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
