"""The shipped cells: what they are said to do is what they do, on data that training did not see."""

from __future__ import annotations

import inspect
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import lstmviz as lv
from lstmviz import examples, language
from lstmviz.examples import shipped
from lstmviz.examples.batches import run_many

ROOT = Path(__file__).parents[2]
EVERY = [
    (name, kind, size)
    for name in examples.names()
    for kind, sizes in examples.cells(name).items()
    for size in sizes
]


@pytest.mark.parametrize("name", examples.names())
def test_an_example_says_what_it_is(name):
    example = examples.load(name)
    assert example.cell.input_size == example.sequence.input_size
    assert example.targets.shape == (example.sequence.time_steps,)
    assert example.title and example.source and example.licence
    looks = [examples.load(name, kind).look for kind in examples.cells(name)]
    assert all(look.endswith(".") for look in looks) and len(set(looks)) == len(looks), (
        "each kind has other gates"
    )
    with language.use("ja"):
        assert all(examples.load(name, kind).look not in ("", *looks) for kind in examples.cells(name))
    assert "{" not in example.sentence and example.sentence.endswith(".")


@pytest.mark.parametrize("name", examples.names())
def test_the_facts_have_names_and_say_how_a_cell_was_trained(name):
    facts = examples.load(name).facts
    assert set(facts) <= set(examples.FACTS)
    assert {"seed", "epochs", "minutes", "keras", "tensorflow", "python", "trained_on"} <= set(facts)


@pytest.mark.parametrize("name", examples.names())
def test_answers_come_from_a_trace_at_each_step(name):
    example = examples.load(name)
    trace = lv.run(example.cell, example.sequence, engine="numpy")
    answers = example.answers(trace)
    assert answers.shape == example.targets.shape
    outputs = trace.states["h"] @ example.head.kernel + example.head.bias
    np.testing.assert_array_equal(example.answers(trace.states["h"]), answers)
    assert len(np.unique(outputs)) > 1


def test_a_slider_reads_each_size_once():
    assert examples.load("sunspots", num_units=3).cell is examples.load("sunspots", num_units=3).cell


def test_titles_are_in_the_language_of_who_asks():
    with language.use("ja"):
        assert examples.load("sunspots").sequence.title != "sunspots, yearly 1700-2008"
    assert examples.load("sunspots").sequence.title == "sunspots, yearly 1700-2008"


@pytest.mark.parametrize(
    ("name", "kind", "size"), [each for each in EVERY if each[0] != "sunspots" or each[2] in (1, 8, 32)]
)
def test_the_files_are_read_as_any_model_file_is(name, kind, size):
    path = shipped.path_of(name, kind, size)
    found = shipped.numpy_files.read(
        shipped.Content(path.name, shipped.unzip(path.read_bytes(), path.name)), None
    )
    assert [*found.layers] == [kind]
    assert set(found.arrays) == {"head/kernel", "head/bias"}


def test_one_of_the_files_is_loaded_by_lv_load():
    loaded = lv.load(shipped.path_of("sunspots", "BasicLSTMCell", 8))
    np.testing.assert_array_equal(
        loaded["BasicLSTMCell"].kernel, examples.load("sunspots", num_units=8).cell.kernel
    )


def test_every_file_is_of_a_cell_that_can_be_loaded():
    files = set(shipped.TRAINED.rglob("*.npz"))
    assert files == {shipped.path_of(*each) for each in EVERY}
    assert {path.parent.name for path in shipped.TRAINED.glob("*/facts.json")} == set(examples.names())


def test_all_of_them_are_in_the_package():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"][
        "package-data"
    ]
    package = Path(lv.__file__).parent
    taken = {path for pattern in declared["lstmviz"] for path in package.glob(pattern)}
    assert {path for path in shipped.TRAINED.rglob("*") if path.is_file()} <= taken


def test_all_of_them_are_small():
    assert sum(path.stat().st_size for path in shipped.TRAINED.rglob("*") if path.is_file()) < 3_000_000


def test_an_lstm_has_its_kinds_own_forget_bias():
    for name, kind, size in EVERY:
        if kind == "BasicLSTMCell":
            assert examples.load(name, kind, size).cell.options["forget_bias"] == 1.0


def test_what_is_not_there_is_refused_with_what_is():
    with pytest.raises(ValueError, match=r"the example is 'moon'; it must be one of sunspots, "):
        examples.load("moon")
    with pytest.raises(ValueError, match="cell is 'IndRNN'; for sunspots there are BasicLSTMCell"):
        examples.load("sunspots", "IndRNN")
    with pytest.raises(
        ValueError, match=r"num_units is 33; BasicLSTMCell was trained for sunspots with 1, 2, .*, 32\."
    ):
        examples.load("sunspots", num_units=33)


def test_nothing_heavy_is_loaded_for_an_example():
    program = (
        "import sys, lstmviz as lv\nassert 'lstmviz.examples' not in sys.modules\nlv.examples.load('sunspots')\n"
        "print(*({'tensorflow', 'keras', 'plotly', 'streamlit'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
        timeout=300,
    )
    assert done.stdout.split() == []


@pytest.mark.parametrize("kind", lv.KINDS)
def test_many_sequences_at_once_give_what_each_gives_alone(kind):
    rng = np.random.default_rng(0)
    cell = lv.build(kind, 5, 3, seed=1)
    x = rng.normal(size=(3, 20, 3)).astype(np.float32)
    together = run_many(cell, x)
    for each, h in zip(x, together, strict=True):
        np.testing.assert_allclose(h, lv.run(cell, each, engine="numpy").states["h"], atol=1e-5)


@pytest.mark.parametrize("size", [8.0, True, "8", [8]], ids=str)
def test_a_size_that_is_no_whole_number_is_refused(size):
    with pytest.raises((ValueError, TypeError)):  # the annotation refuses it here already
        examples.load("sunspots", num_units=size)
    with pytest.raises(ValueError, match="num_units is"):
        inspect.unwrap(examples.load)("sunspots", num_units=size)


def test_answers_of_another_size_are_refused():
    example = examples.load("sunspots", num_units=8)
    with pytest.raises(ValueError, match=r"h has the shape \[5, 7\]"):
        example.answers(np.zeros((5, 7)))


@pytest.mark.parametrize(
    ("name", "outcomes"), [("latch", 2), ("parity", 2), ("brackets", 9), ("characters", 96)]
)
def test_how_sure_an_answer_is_is_its_probability(name, outcomes):
    example = examples.load(name)
    trace = lv.run(example.cell, example.sequence, engine="numpy")
    outputs = example.head.outputs(trace.states["h"]).astype(np.float64)
    if outcomes == 2:
        outputs = np.concatenate([outputs, np.zeros_like(outputs)], axis=1)  # a sigmoid is a softmax beside 0
    each = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    assert each.shape[1] == outcomes
    np.testing.assert_allclose(example.head.sureness(trace.states["h"]), each.max(axis=1), rtol=1e-9)


def test_a_plain_number_has_no_sureness():
    for name in ("sunspots", "echo", "adding"):
        example = examples.load(name)
        assert example.head.sureness(np.zeros((3, example.cell.output_size))) is None


@pytest.mark.parametrize("name", examples.names())
def test_the_loss_is_that_of_keras_over_the_steps_with_a_right_answer(name):
    import keras

    example = examples.load(name)
    outputs = example.head.outputs(lv.run(example.cell, example.sequence, engine="numpy").states["h"])
    known = ~np.isnan(example.targets)
    made, right = outputs[known].astype(np.float64), example.targets[known]
    expected = {
        "number": lambda: keras.losses.MeanSquaredError()(right[:, None], made),
        "square": lambda: keras.losses.MeanSquaredError()(np.sqrt(right)[:, None], made),
        "sign": lambda: keras.losses.BinaryCrossentropy(from_logits=True)((right[:, None] + 1) / 2, made),
        "largest": lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True)(right, made),
    }[example.head.reads]()
    assert example.loss(outputs) == pytest.approx(float(expected), rel=1e-5, abs=1e-7)
    others = np.where(np.arange(len(outputs)) % 2, example.targets, np.nan)
    if (~np.isnan(others)).any():
        assert example.loss(outputs, others) == pytest.approx(
            example.loss(outputs[1::2], example.targets[1::2])
        )


def test_a_loss_without_right_answers_is_refused():
    example = examples.load("parity")
    outputs = np.zeros((3, 1))
    with pytest.raises(ValueError, match="3 outputs and 2 right answers"):
        example.loss(outputs, np.array([1.0, -1.0]))
    with pytest.raises(ValueError, match="None of these steps"):
        example.loss(outputs, np.full(3, np.nan))
