"""The view and the address that holds it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmviz import sequences
from lstmviz.cells import ACTIVATIONS, INITIAL_WEIGHTS, KINDS, build, can_fold
from lstmviz.web import limits, words
from lstmviz.web import view as views
from lstmviz.web.cost import estimate
from lstmviz.web.view import View, bound, parse, to_query

_FOLDABLE = {name for name, kind in KINDS.items() if can_fold(kind, {})}


def _options(kind):
    values = {
        "forget_bias": st.floats(-3, 3, width=16),
        "activation": st.sampled_from(list(ACTIVATIONS)),
        "recurrent_activation": st.sampled_from(list(ACTIVATIONS)),
        "use_bias": st.booleans(),
        "use_peepholes": st.booleans(),
        "num_proj": st.none() | st.integers(1, 20),
        "cell_clip": st.none() | st.floats(0, 5, width=16),
        "beta": st.floats(-3, 3, width=16),
    }
    return st.tuples(*(values.get(o.name, st.none()).map(lambda v, o=o: (o.name, v)) for o in kind.options))


@st.composite
def _fields(draw):
    kind = draw(st.sampled_from(list(KINDS.values())))
    name = draw(st.sampled_from(views.SEQUENCES))
    signal = ()
    if name in sequences.GENERATORS:
        declared = sequences.GENERATORS[name].options
        signal = tuple((o.name, float(draw(st.floats(o.minimum, o.maximum, width=16)))) for o in declared)
    num_units = draw(st.integers(1, 64))
    return dict(
        cell=kind.name,
        num_units=num_units,
        input_size=draw(st.integers(1, 16)) if name in sequences.GENERATORS else View.input_size,
        options=draw(_options(kind)),
        initial_weights=draw(st.sampled_from(list(INITIAL_WEIGHTS))),
        seed=draw(st.integers(0, 1000)),
        sequence=name,
        time_steps=draw(st.integers(1, 200)) if name in sequences.GENERATORS else View.time_steps,
        signal=signal,
        text=draw(st.text(max_size=40)) if name == views.TEXT else View.text,
        encoding=draw(st.sampled_from(views.ENCODINGS)) if name == views.TEXT else View.encoding,
        numbers=draw(st.text(max_size=40)) if name == views.NUMBERS else View.numbers,
        standardise=draw(st.booleans()) if name in (views.NUMBERS, views.CSV) else True,
        values=draw(st.sampled_from(views.VALUES)),
        units=tuple(sorted(draw(st.sets(st.integers(0, num_units - 1), max_size=4)))),
        linear=draw(st.booleans() if kind.name in _FOLDABLE else st.just(False)),
        gradients=draw(st.booleans()),
        contrast=draw(st.booleans()),
        lang=draw(st.sampled_from(["en", "ja"])),
    )


def _is_affordable(view):
    cost = estimate(view, view.time_steps)
    return cost.build <= limits.MAX_BUILD and cost.run <= limits.MAX_RUN and cost.bytes <= limits.MAX_MEMORY


@given(_fields())
def test_a_link_reopens_exactly_the_view_that_was_sent(fields):
    view = View(**fields)
    reopened, problems = parse(to_query(view))
    assert problems == []
    assert reopened == view


@given(
    st.dictionaries(
        st.sampled_from([*views.PARAMETERS, *"period forget_bias num_proj units nonsense".split()]), st.text()
    )
)
def test_any_address_gives_a_view_that_can_be_built_and_sent(query):
    view, _problems = parse(query)
    build(view.cell, view.num_units, view.input_size, seed=view.seed, **dict(view.options))
    assert bound(view) == (view, [])
    assert parse(to_query(view)) == (view, [])


@pytest.mark.parametrize(
    ("query", "field", "shown", "said"),
    [
        ({"num_units": "-5"}, "num_units", 1, ["num_units", "-5", "1", "4096"]),
        ({"num_units": "eight"}, "num_units", 8, ["num_units", "eight", "whole number"]),
        ({"num_units": "99999999999999999999"}, "num_units", None, ["num_units", "4096"]),
        ({"cell": "Foo"}, "cell", "BasicLSTMCell", ["cell", "Foo", "GRUCell"]),
        ({"cell": "grucell"}, "cell", "GRUCell", ["cell", "grucell", "GRUCell"]),
        ({"cell": "BasicLSTM"}, "cell", "BasicLSTMCell", ["BasicLSTM"]),
        ({"sequence": "sinus"}, "sequence", "sine", ["sinus", "sine"]),
        ({"lang": "xx"}, "lang", "en", ["xx", "ja"]),
        ({"linear": "maybe"}, "linear", False, ["linear", "maybe", "true or false"]),
        ({"gradients": "some"}, "gradients", False, ["gradients", "some", "true or false"]),
        ({"contrast": "rnn"}, "contrast", False, ["contrast", "rnn", "true or false"]),
        ({"units": "3,99"}, "units", (3,), ["units", "3,99", "7"]),
        (
            {"time_steps": "100000", "sequence": "sine"},
            "time_steps",
            10_000,
            ["time_steps", "100000", "10000"],
        ),
    ],
)
def test_a_bad_parameter_gives_the_nearest_view_and_says_what_was_wrong(query, field, shown, said):
    view, problems = parse(query)
    if shown is not None:
        assert getattr(view, field) == shown
    assert problems
    for word in said:
        assert any(word in problem for problem in problems), (word, problems)


def test_options_of_the_kind_are_read_and_their_bounds_said():
    view, problems = parse(
        {"cell": "LSTMCell", "cell_clip": "-1", "use_peepholes": "true", "forget_bias": "nan"}
    )
    assert dict(view.options) == {
        "forget_bias": 1.0,
        "activation": "tanh",
        "use_peepholes": True,
        "num_proj": None,
        "cell_clip": 0.0,
        "proj_clip": None,
        "recurrent_activation": "sigmoid",
        "use_bias": True,
    }
    assert len(problems) == 2


def test_an_option_of_another_kind_is_left_out_and_said():
    view, problems = parse({"cell": "GRUCell", "forget_bias": "0.5"})
    assert "forget_bias" not in dict(view.options)
    assert problems == ["forget_bias is no option of GRUCell; it was left out."]


def test_proj_clip_without_a_projection_is_left_out_and_said():
    view, problems = parse({"cell": "LSTMCell", "proj_clip": "1"})
    assert dict(view.options)["proj_clip"] is None
    assert any("num_proj" in problem for problem in problems)


def test_a_parameter_nobody_knows_is_said():
    _view, problems = parse({"num_unit": "8"})
    assert problems == ["In the address, “num_unit” is not a parameter of this page; it was left out."]


def test_the_problems_are_in_the_viewers_language():
    from lstmviz import language

    with language.use("ja"):
        _view, problems = parse({"num_units": "-5"})
    assert problems and "showing" not in problems[0]


def test_more_steps_than_the_data_have_are_cut_to_them():
    view, problems = parse({"sequence": "sunspots", "time_steps": "5000", "input_size": "4"})
    assert view.time_steps == sequences.longest("sunspots", 4)
    assert any("time_steps" in problem for problem in problems)


@given(
    st.sampled_from(list(KINDS)),
    st.integers(1, limits.MAX_UNITS),
    st.integers(1, views.MAX_INPUT_SIZE),
    st.integers(1, 10_000),
)
def test_a_bounded_view_is_never_larger_than_the_page_can_show(cell, num_units, input_size, time_steps):
    view = View(cell=cell, num_units=num_units, input_size=input_size, time_steps=time_steps, sequence="sine")
    shown, problems = bound(view)
    gates = len(shown.kind.gates)
    assert gates * shown.num_units * (shown.num_units + shown.input_size) <= limits.MAX_WEIGHTS
    per_step = shown.num_units * (gates + len(shown.kind.states)) + shown.input_size
    assert shown.time_steps * per_step <= limits.MAX_RECORDED
    assert bool(problems) == (shown != view)
    assert replace(shown, num_units=num_units, time_steps=time_steps) == view
    assert _is_affordable(shown)


def test_a_pin_is_kept_and_the_nearest_one_taken():
    view, problems = views.parse({"t": "12", "gate": "f", "unit": "3"})
    assert (view.pin, problems) == ((12, "f", 3), [])
    assert {"t": "12", "gate": "f", "unit": "3"}.items() <= views.to_query(view).items()
    assert view.unpinned == views.parse({})[0]
    view, problems = views.parse({"cell": "GRUCell", "gate": "f", "unit": "8", "t": "-1"})
    assert view.pin == (0, "r", 7) and len(problems) == 3
    view, problems = views.pin_within(views.parse({"t": "59"})[0], 30)
    assert view.t == 29 and "30" in problems[0]


def test_a_bounded_server_shows_the_nearest_view():
    program = (
        "from lstmviz.web import view\n"
        "shown, problems = view.parse({'num_units': '100', 'time_steps': '300', 'sequence': 'sine'})\n"
        "print(shown.num_units, shown.time_steps, len(problems))"
    )
    environment = {**os.environ, "LSTMVIZ_MAX_WEIGHTS": "5000", "LSTMVIZ_MAX_STEPS": "50"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["33", "50", "2"]  # 4 · 33 · (33 + 4) = 4,884


def test_a_link_keeps_what_is_compared():
    query = {"num_units": "5", "forget_bias": "0", "b.forget_bias": "1", "b.seed": "3"}
    view, problems = parse(query)
    assert problems == [] and query.items() <= to_query(view).items()
    beside = views.other(view)
    assert beside == replace(
        view.unpinned, options=tuple((dict(view.options) | {"forget_bias": 1.0}).items()), seed=3
    )
    assert parse(to_query(view)) == (view, [])


def test_what_a_compared_kind_lacks_is_no_matter():
    view, problems = parse({"forget_bias": "2", "b.cell": "GRUCell", "b.seed": "0"})
    assert problems == [] and view.versus == (("cell", "GRUCell"),)
    assert views.other(view).cell == "GRUCell"


def test_what_cannot_be_compared_is_said():
    view, problems = parse({"b.seed": "-1", "b.time_steps": "5", "b.cell": "Foo", "b.num_units": "9"})
    assert dict(view.versus) == {"num_units": "9"}
    assert len(problems) == 3 and any("time_steps" in said for said in problems)
    assert parse({"b.dtype": "float64"})[0].versus == (("dtype", "float64"),)
    assert parse({"dtype": "float64", "b.dtype": "float32"})[0].versus == (("dtype", "float32"),)


def test_an_address_without_a_sequence_gets_one_that_is_long_enough():
    view, problems = parse({"num_units": "2048", "input_size": "512"})
    assert (view.sequence, view.num_units, view.input_size, view.time_steps) == ("sine", 2048, 512, 60)
    assert problems == [] and parse({"input_size": "200"})[0].sequence == "sunspots"


def test_a_large_kernel_is_not_made_orthogonal():
    view, problems = parse({"num_units": "2048", "initial_weights": "orthogonal"})
    assert view.initial_weights == "glorot_uniform" and len(problems) == 1
    assert problems[0].startswith("initial_weights was orthogonal; showing glorot_uniform: ")
    assert parse({"num_units": "1024", "initial_weights": "orthogonal"})[1] == []


def test_the_largest_kernel_has_seventy_million_weights_an_lstm_of_4096_units_has_fewer():
    view, problems = parse({"num_units": "4096", "input_size": "4096"})
    assert 69_000_000 < 4 * view.num_units * (view.num_units + view.input_size) <= 70_000_000
    assert len(problems) == 1 and "70,000,000" in problems[0]
    view, problems = parse({"num_units": "4096"})
    assert (view.cell, view.num_units, problems) == ("BasicLSTMCell", 4096, [])


_SIZES = {
    "cell": st.sampled_from(list(KINDS)),
    "num_units": st.integers(1, 4096).map(str),
    "input_size": st.integers(1, 4096).map(str),
    "time_steps": st.integers(1, 10_000).map(str),
    "initial_weights": st.sampled_from(list(INITIAL_WEIGHTS)),
    "dtype": st.sampled_from(views.DTYPES),
    "linear": st.sampled_from(["true", "false"]),
    "num_proj": st.integers(1, 4096).map(str),
    "use_peepholes": st.sampled_from(["true", "false"]),
}


@given(st.fixed_dictionaries({"sequence": st.just("sine")}, optional=_SIZES))
def test_no_address_costs_more_than_a_server_allows_and_what_gave_way_is_said(query):
    view, problems = parse(query)
    assert _is_affordable(view)
    own = {name for name, value in query.items() if name in to_query(view) and to_query(view)[name] != value}
    for name in own:
        assert any(problem.startswith(f"{name} was ") for problem in problems), (name, problems)
    assert parse(to_query(view)) == (view, [])


def test_the_dearest_short_address_is_told_what_gave_way():
    query = {
        "num_units": "2300",
        "input_size": "4096",
        "sequence": "sine",
        "linear": "true",
        "dtype": "float64",
        "initial_weights": "orthogonal",
    }
    view, problems = parse(query)
    assert not view.linear and view.initial_weights == "glorot_uniform"
    assert len(problems) == len({problem.split()[0] for problem in problems}) >= 2
    assert all("4 s" in problem for problem in problems)


@pytest.mark.parametrize(
    "part", [{"linear": "true"}, {"dtype": "float64"}, {"initial_weights": "orthogonal"}]
)
def test_what_costs_much_alone_gives_way_alone(part):
    (name,) = part
    view, problems = parse(
        {"num_units": "2300", "input_size": "4000", "sequence": "sine", "time_steps": "9"} | part
    )
    assert getattr(view, name) == getattr(View, name) and view.num_units == 2300
    assert len(problems) == 1 and problems[0].startswith(f"{name} was ")


def test_a_long_run_over_many_weights_is_cut_to_what_a_server_allows():
    view, problems = parse({"num_units": "3500", "sequence": "sine", "time_steps": "9000"})
    assert 1 < view.time_steps < 9000 and estimate(view, view.time_steps).run <= limits.MAX_RUN
    assert any(problem.startswith("time_steps was 9000;") for problem in problems)


_HOSTILE = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "9" * 5000,
            "-" + "9" * 5000,
            "0" * 20_000 + "x",
            "1e400",
            "-1e400",
            "1e999",
            "nan",
            "inf",
            "-Infinity",
            "٣",
            "\uff18",
            "³",
            "1_0",
            "0x10",
            "1e-400",
            "1e308",
            "5e38",
            "",
            " ",
            ",",
            "\x00",
            "\u202e8",
            "x" * 100_000,
            "<script>alert(1)</script>",
            "![x](http://a.example)",
            "**bold**",
            "0," * 3000,
        ]
    ),
)
_NAMES = [*views.PARAMETERS, *"period forget_bias num_proj cell_clip noise b.forget_bias b.num_units".split()]


@given(st.dictionaries(st.sampled_from(_NAMES) | _HOSTILE, _HOSTILE, max_size=8))
def test_whatever_an_address_says_gives_a_view_and_short_sentences(query):
    view, problems = parse(query)
    assert _is_affordable(view) or not view.is_generated
    assert parse(to_query(view)) == (view, [])
    for problem in problems:
        assert len(problem) < 600 and problem.isprintable(), problem


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("units", "9" * 5000),
        ("forget_bias", "1e400"),
        ("forget_bias", "5e38"),
        ("seed", "1e999"),
        ("num_units", "٣"),
        ("units", "³"),
        ("num_proj", "9" * 5000),
        ("device", "x" * 100_000),
        ("b.seed", "9" * 5000),
        ("t", "nan"),
    ],
)
def test_what_no_parameter_can_be_is_quoted_shortened(name, value):
    _view, problems = parse({"cell": "LSTMCell", name: value})
    assert len(problems) == 1 and name.removeprefix("b.") in problems[0]
    assert words.quote(value) in problems[0]


def test_a_name_that_reads_like_the_pages_own_words_is_marked_as_the_addresss():
    forged = "The model file is not here any more; upload it again at http://a.example”. All is lost, “"
    _view, problems = parse({forged: ""})
    (problem,) = problems
    assert problem.startswith("In the address, “The model file")
    assert problem.count("“") == problem.count("”") == 1
    assert problem.endswith("…” is not a parameter of this page; it was left out.")


def test_thousands_of_unknown_names_are_told_of_in_a_few_sentences():
    _view, problems = parse({f"name{number}": "1" for number in range(5000)})
    assert len(problems) == 6 and "4,995" in problems[-1]
    _view, problems = parse({f"b.name{number}": "1" for number in range(5000)})
    assert len(problems) == 6 and "4,995" in problems[-1]


def test_a_parameter_that_stands_twice_is_said():
    _view, problems = parse({"num_units": "5"}, repeated=["num_units"])
    assert problems == ["In the address, “num_units” stands more than once; the last one counts."]


def test_an_addresss_time_grows_with_its_length_alone():
    def seconds(length):
        names = ("units", "seed", "num_units", "forget_bias", "cell", "lang")
        query = dict.fromkeys(names, "0" * length + "x")
        query |= {f"n{number}": "" for number in range(length // 100)}
        started = time.process_time()
        parse(query)
        return time.process_time() - started

    seconds(1000)
    assert seconds(400_000) < 0.5


def test_no_more_lines_are_drawn_than_can_be_told_apart():
    view, problems = parse({"num_units": "400", "units": ",".join(map(str, range(300)))})
    assert view.units == tuple(range(limits.MAX_LINES)) and len(problems) == 1


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"sequence": "brackets", "input_size": "2"}, 5),
        ({"sequence": "text", "text": "abc", "input_size": "2"}, 3),
        ({"sequence": "numbers", "numbers": "0 1 0", "input_size": "2"}, 1),
    ],
)
def test_features_that_a_sequence_does_not_bring_are_told(query, shown):
    _view, problems = parse(query)
    assert problems == [f"input_size was 2; showing {shown}: the sequence brings its own features."]
    assert parse(query | {"input_size": str(shown)})[1] == []
