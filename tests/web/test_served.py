"""The real server, asked by strangers."""

from __future__ import annotations

import itertools
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from lstmviz.web.server import assets_path
from tests import servers
from tests.servers import Served

_PICTURES = f"/{assets_path()}/pictures"
_SMALL = {"num_units": "3", "sequence": "sine", "time_steps": "9"}
_DEAR = {"num_units": "3000", "input_size": "1500", "sequence": "sine", "time_steps": "5"}


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    log = tmp_path_factory.mktemp("served") / "log"
    with servers.serve(log, STREAMLIT_SERVER_ALLOWED_HOSTS="127.0.0.1 *.lstm.example") as server:
        server.wait_for("/lstmviz/ready", (200, b"ready"))
        yield server


def _picture(query: dict[str, str], key: str = "kernel") -> str:
    return f"{_PICTURES}/{key}?{urlencode(query)}"


def _ask_and_hang_up(server: Served, query: dict[str, str]) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as asking:
        request = f"GET {_picture(query)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        asking.sendall(request.encode())
        time.sleep(0.02)


def _open(server: Served, query: str = "", host: str | None = None, path: str = "") -> list[ForwardMsg]:
    """The messages of a session's first run, on one of the page's paths."""
    opened = BackMsg()
    opened.rerun_script.query_string = query
    opened.rerun_script.page_name = path
    messages = []
    address = f"ws://{host or '127.0.0.1'}:{server.port}/_stcore/stream"
    with connect(
        address, subprotocols=["streamlit"], max_size=None, proxy=None, sock=_connection(server)
    ) as session:
        session.send(opened.SerializeToString())
        while True:
            messages.append(ForwardMsg.FromString(session.recv(timeout=120)))
            if messages[-1].WhichOneof("type") == "script_finished":
                return messages


def _connection(server: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port))


def _elements(messages: list[ForwardMsg]) -> list:
    return [
        message.delta.new_element
        for message in messages
        if message.WhichOneof("type") == "delta" and message.delta.WhichOneof("type") == "new_element"
    ]


def _texts(messages: list[ForwardMsg]) -> str:
    elements = _elements(messages)
    assert not [element for element in elements if element.WhichOneof("type") == "exception"]
    said = [element.alert.body for element in elements if element.WhichOneof("type") == "alert"]
    said += [element.markdown.body for element in elements if element.WhichOneof("type") == "markdown"]
    return re.sub(r"\\(.)", r"\1", "\n".join(said))


def test_what_nobody_waits_for_does_not_keep_another_viewer_waiting(served):
    seeds = itertools.count(1)
    assert served.get(_picture(_SMALL))[0] == 200
    for _round in range(2):
        askers = [
            threading.Thread(target=_ask_and_hang_up, args=(served, _DEAR | {"seed": str(next(seeds))}))
            for _asker in range(12)
        ]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
    came: list[tuple[str, int]] = []
    dear = threading.Thread(target=lambda: came.append(("dear", served.get(_picture(_DEAR))[0])))
    dear.start()
    came.append(("small", served.get(_picture(_SMALL | {"seed": "7"}))[0]))
    dear.join()
    # Of twenty-four dear ones that nobody waits for all but the first are not begun; the one that is waited for is.
    assert came == [("small", 200), ("dear", 200)]


def test_the_server_answers_while_it_works_on_hostile_addresses(served):
    stop = threading.Event()

    def ask(number: int) -> None:
        hostile = {f"n{number}": "x" * 50 for number in range(600)} | {
            "units": "9" * 5000,
            "cell": "x" * 9000,
        }
        while not stop.is_set():
            served.get(
                _picture(hostile if number % 2 else _DEAR | {"seed": str(time.monotonic_ns() % 10**9)})
            )

    askers = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for asker in askers:
        asker.start()
    try:
        for _ask in range(20):
            assert served.get("/_stcore/health") == (200, b"ok")
            time.sleep(0.05)
    finally:
        stop.set()
        for asker in askers:
            asker.join()


@pytest.mark.parametrize(
    "query",
    [
        {"units": "9" * 5000},
        {"forget_bias": "1e400"},
        {"seed": "1e999"},
        {"num_units": "nan"},
        {"rows": "9" * 5000 + "-1", "columns": "0-1"},
        {"rows": "٣-٤", "columns": "0-1"},
        {f"n{number}": "" for number in range(1500)},
        {"**The model file** is not here": "x"},
    ],
)
def test_a_hostile_address_gets_no_picture_and_no_error(served, query):
    assert served.get(_picture(query))[0] == 204
    assert "Traceback" not in served.log.read_text()


def test_an_address_of_a_hundred_thousand_letters_is_refused_in_a_sentence(served):
    status, said = served.get(_picture({"text": "x" * 100_000}))
    assert status in (400, 414) and b"Traceback" not in said


def test_a_parameter_given_twice_is_left_to_the_page_which_says_so(served):
    assert served.get(f"{_PICTURES}/kernel?num_units=3&num_units=5")[0] == 204
    assert "“num_units” stands more than once; the last one counts" in _texts(
        _open(served, "num_units=3&num_units=5")
    )


@pytest.mark.parametrize("path", ["", "document"])
def test_the_page_quotes_a_strangers_words_as_the_addresss(served, path):
    forged = "The model file is not here any more"
    query = {forged: "", "forget_bias": "1e400"}
    said = _texts(_open(served, urlencode(query), path=path))
    assert f"In the address, “{forged}” is not a parameter of this page" in said
    assert "forget_bias was “1e400”" in said


def test_a_list_of_units_that_never_ends_is_quoted_shortened(served):
    said = _texts(_open(served, urlencode({"units": "9" * 5000}), path="document"))
    assert "units was “999" in said and "9" * 500 not in said


@pytest.mark.parametrize("path", ["/", "/static/x.js", f"/{assets_path()}/figure.js", _picture(_SMALL)])
def test_a_name_that_is_none_of_the_servers_own_gets_nothing(served, path):
    for host in ("evil.example", f"evil.example:{served.port}", "127.0.0.1.evil.example", "a@127.0.0.1"):
        assert served.get(path, Host=host)[0] == 421, host
    assert served.get(path, Host="127.0.0.1")[0] != 421
    assert served.get(path, Host="a.lstm.example:80")[0] != 421


def test_health_and_readiness_are_told_under_any_name(served):
    assert served.get("/_stcore/health", Host="10.1.2.3") == (200, b"ok")
    assert served.get("/lstmviz/ready", Host="10.1.2.3") == (200, b"ready")
    assert served.get("/other/lstmviz/ready", Host="10.1.2.3")[0] == 421


def test_a_host_reads_what_the_server_does(served):
    def value(line: str) -> float:
        status, body = served.get("/lstmviz/metrics", Host="127.0.0.1")
        assert status == 200
        (found,) = [each for each in body.decode().splitlines() if each.startswith(f"{line} ")]
        return float(found.split()[-1])

    runs = 'lstmviz_run_seconds_count{engine="numpy"}'
    served.get(_picture(_SMALL | {"engine": "numpy", "seed": "77"}, "gates"), Host="127.0.0.1")
    before = value(runs)
    served.get(_picture(_SMALL | {"engine": "numpy", "seed": "78"}, "gates"), Host="127.0.0.1")
    assert value(runs) == before + 1
    assert (value("lstmviz_ready"), value("lstmviz_ending")) == (1, 0)
    assert value('lstmviz_queue_waiting{queue="pictures"}') == 0
    assert value('lstmviz_kept_bytes{cache="pictures"}') > 0
    assert value("process_resident_memory_bytes") > 1e8


def test_a_websocket_under_a_foreign_name_is_refused(served):
    with pytest.raises(InvalidStatus) as refused:
        _open(served, host="evil.example")
    assert refused.value.response.status_code == 403
    assert _open(served, host="a.lstm.example")


@pytest.fixture(scope="module")
def broken(tmp_path_factory) -> Iterator[Served]:
    """A server on which TensorFlow cannot start, under a path of its own; its settings are one that there is none of."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "tensorflow").mkdir()
    (folder / "tensorflow" / "__init__.py").write_text("raise ImportError('no such library')\n")
    with servers.serve(
        folder / "log",
        PYTHONPATH=str(folder),
        STREAMLIT_SERVER_BASE_URL_PATH="lstm",
        STREAMLIT_SERVER_ALLOWED_HOSTS="",
        LSTMVIZ_MAX_WEIGHT="5",
    ) as server:
        server.wait_for("/lstm/lstmviz/ready", (503, b"TensorFlow could not be started"))
        yield server


def test_a_server_without_tensorflow_lives_but_is_not_ready(broken):
    assert broken.get("/lstm/_stcore/health") == (200, b"ok")
    assert "no such library" in broken.log.read_text()


def _open_broken(broken: Served, path: str) -> list[ForwardMsg]:
    messages: list[ForwardMsg] = []
    opened = BackMsg()
    opened.rerun_script.query_string = "num_units=5"
    opened.rerun_script.page_name = path
    with connect(
        f"ws://127.0.0.1:{broken.port}/lstm/_stcore/stream",
        subprotocols=["streamlit"],
        max_size=None,
        proxy=None,
    ) as session:
        session.send(opened.SerializeToString())
        while not messages or messages[-1].WhichOneof("type") != "script_finished":
            messages.append(ForwardMsg.FromString(session.recv(timeout=120)))
    assert messages[-1].script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
    return messages


def test_a_stage_whose_tensorflow_cannot_start_says_so_and_has_numpys_run(broken):
    messages = _open_broken(broken, "")
    assert "TensorFlow cannot be started on this server" in _texts(messages)
    (drawn,) = [e for e in _elements(messages) if e.WhichOneof("type") == "bidi_component"]
    assert "lstmviz_stage" in drawn.bidi_component.component_name
    folder = f"/lstm/{assets_path()}/numbers"
    status, numbers = broken.get(f"{folder}/stage?{urlencode(_SMALL)}&t=0&unit=0")
    assert status == 200 and b"kernel [7, 12]" in numbers
    assert broken.get(f"{folder}/stage?{urlencode(_SMALL | {'device': 'CPU:0'})}&t=0&unit=0")[0] == 204


def test_a_page_whose_tensorflow_cannot_start_says_so_and_draws_numpys_run(broken):
    messages = _open_broken(broken, "document")
    said = _texts(messages)
    assert "TensorFlow cannot be started on this server" in said and "[9, 20]" in said
    kinds = [element.WhichOneof("type") for element in _elements(messages)]
    assert "bidi_component" in kinds and "code" in kinds
    status, kernel = broken.get(f"/lstm{_picture({'num_units': '5'})}")
    assert status == 200 and kernel.startswith(b"{")
    status, gates = broken.get(f"/lstm{_picture(_SMALL, 'gates')}")
    assert status == 200 and gates == broken.get(f"/lstm{_picture(_SMALL | {'engine': 'numpy'}, 'gates')}")[1]
    assert broken.get(f"/lstm{_picture(_SMALL | {'device': 'CPU:0'}, 'gates')}")[0] == 204
    captions = [e.markdown.body for e in _elements(messages) if e.WhichOneof("type") == "markdown"]
    assert [caption for caption in captions if caption.endswith("ms on NumPy.")]


@pytest.mark.parametrize(
    ("name", "value"),
    [("LSTMVIZ_MAX_WEIGHTS", "many"), ("LSTMVIZ_FRAME_ANCESTORS", "a, b"), ("LSTMVIZ_MAX_RUN", "0")],
)
def test_a_wrong_setting_ends_the_start_with_one_sentence(name, value):
    done = subprocess.run(
        servers.command(servers.find_free_port()),
        cwd=servers.ROOT,
        env=servers.environment(**{name: value}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode not in (0, None)
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith(f"{name} is {value!r}; it must be ")


def test_an_unknown_setting_is_warned_of_and_any_host_name_does_where_none_is_set(broken):
    assert broken.get("/lstm/", Host="any.example")[0] == 200
    assert "LSTMVIZ_MAX_WEIGHT is no setting of lstmviz" in broken.log.read_text()
