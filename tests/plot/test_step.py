"""One step taken apart: its numbers against the run's, its frames against its figures."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz import plot
from lstmviz.plot import frames as playing
from lstmviz.plot import theme as themes
from lstmviz.plot.number import write
from lstmviz.plot.step import WINDOW, draw_step, find_window
from tests.runs import make_trace, runs

LARGEST = 5  # bars of a gate's largest terms
INPUTS, FLOW, STATES, GATES = 0, 1, 2, 3  # the panels, the gates' being the last
KINDS = {kind: {} for kind in lv.KINDS} | {
    "LSTMCell": {"use_peepholes": True, "num_proj": 3, "cell_clip": 0.2, "proj_clip": 0.1}
}


def run(kind="BasicLSTMCell", num_units=8, x=None, steps=12, **options):
    x = lv.sequences.make("sine", time_steps=steps, input_size=4) if x is None else lv.sequences.wrap(x)
    return lv.run(lv.build(kind, num_units, x.input_size, seed=1, **(KINDS[kind] | options)), x)


@pytest.fixture(scope="module")
def trace():
    return run()


ALL = tuple(sorted(lv.KINDS))
SUMS = tuple(kind for kind in ALL if kind != "LayerNormBasicLSTMCell")


@st.composite
def places(draw, kinds=ALL):
    """A run of at least one step, a step and a unit of it."""
    kind, options, num_units, input_size, steps, dtype, seed = draw(runs(kinds, compiled=False))
    chosen = kind, options, num_units, input_size, steps + 1, dtype, seed
    return chosen, draw(st.integers(0, steps)), draw(st.integers(0, num_units - 1))


def find(place):
    """The run, the step and the unit that a place stands for."""
    chosen, t, unit = place
    return make_trace(*chosen), t, unit


# --- What a figure says, read from the plain figure -------------------------------------------------------------------


def draw(trace, t, unit, gate=None):
    return json.loads(lv.plot.step_json(trace, t, unit, gate))


def words(figure, panel, what="texts"):
    """Where a panel's words are, and what they say: `{(x, y): text}`; `what` is "labels" for those that stay."""
    drawn = [each for each in figure["data"] if each.get("uid") == f"{what}-{panel}-"]
    assert len(drawn) == 1
    (found,) = drawn
    assert len(found["x"]) == len(found["y"]) == len(found["text"])
    return dict(zip(zip(found["x"], found["y"], strict=True), found["text"], strict=True))


def everything(figure):
    return "\n".join("\n".join(each["text"]) for each in figure["data"] if "text" in each)


def bars(figure, panel):
    """The starts and the ends of a gate's bars."""
    (drawn,) = [each for each in figure["data"] if each["type"] == "bar" and each["yaxis"] == f"y{panel + 1}"]
    return drawn["base"], [start + x for start, x in zip(drawn["base"], drawn["x"], strict=True)]


def rows(figure, panel):
    """A gate's bars from the top: what each is called, and its number."""
    both = words(figure, panel, "labels") | words(figure, panel)
    heights = sorted(y for x, y in both if x == 0.84)
    return [(both[0.46, y], both[0.84, y]) for y in heights]


def signed(number):
    return f"+{write(number)}" if number > 0 else write(number)


def is_alone(name):
    """Whether no number of x, h or c is in a term, but at most a gate: `bias`, `r[3] * bias`."""
    return "[" not in name.rpartition(" * ")[2]


def shorten(name):
    return re.sub(r"\[\d+\] \* ", "·", name).replace("_t[", "ₜ[")


# --- The numbers ------------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(places(SUMS))
def test_every_bar_is_a_term_or_the_sum_of_those_not_shown(place):
    trace, t, unit = find(place)
    figure = draw(trace, t, unit)
    for panel, gate in enumerate(trace.cell.kind.gates, GATES):
        explanation = trace.explain(t, gate.name, unit)
        labels = trace.terms(gate.name, unit, slice(t, t + 1)).labels
        terms = {shorten(label): term for label, term in zip(labels, explanation.terms, strict=True)}
        products = {
            f"{label}  {write(term.value)} · {write(term.weight)}": term.product
            for label, term in terms.items()
        }
        alone = {label: term.product for label, term in terms.items() if is_alone(term.name)}
        *shown, total = rows(figure, panel)
        assert total == (f"Σ<sub>{gate.name}</sub>", write(explanation.preactivation))
        others = [name for name, _number in shown if name.endswith(" others")]
        met = [(name, number) for name, number in shown if name not in alone and name not in others]
        assert {name: number for name, number in shown if name in alone} == {
            name: signed(product) for name, product in alone.items()
        }
        assert all(number == signed(products[name]) for name, number in met)
        left = len(explanation.terms) - len(alone) - len(met)
        assert others == ([f"{left} others"] if left else [])
        assert len(met) <= LARGEST + 1


def test_what_is_not_shown_is_summed_and_said_to_be(trace):
    figure = draw(trace, 7, 3)
    for panel, gate in enumerate(trace.cell.kind.gates, GATES):
        terms = [term for term in trace.explain(7, gate.name, 3).terms if "[" in term.name]
        ordered = sorted((term.product for term in terms), key=abs, reverse=True)
        shown = rows(figure, panel)
        assert [number for _name, number in shown[:LARGEST]] == [signed(each) for each in ordered[:LARGEST]]
        assert shown[LARGEST] == ("7 others", signed(sum(ordered[LARGEST:])))


def test_one_gate_alone_has_more_terms(trace):
    figure = draw(trace, 7, 3, "o")
    shown = rows(figure, GATES)
    terms = trace.explain(7, "o", 3).terms
    assert len(shown) == len(terms) + 1  # and their sum
    assert sorted(number for _name, number in shown[:-1]) == sorted(signed(term.product) for term in terms)
    assert not any(each.get("uid") == f"texts-{GATES + 1}-" for each in figure["data"])


@settings(max_examples=60)
@given(places(SUMS))
def test_bars_go_from_one_to_the_next_and_end_at_the_preactivation(place):
    trace, t, unit = find(place)
    figure = draw(trace, t, unit)
    gates = [gate.name for gate in trace.cell.kind.gates]
    drawn = [bars(figure, panel) for panel in range(GATES, GATES + len(gates))]
    zero = drawn[0][0][0]
    spans, numbers = [], []
    for name, (starts, ends) in zip(gates, drawn, strict=True):
        assert starts[0] == starts[-1] == zero
        assert starts[1:-1] == ends[:-2]
        assert ends[-1] == ends[-2]
        assert all(0 <= end < 4096 for end in ends)
        explanation = trace.explain(t, name, unit)
        spans.append(ends[-1] - zero)
        numbers.append(explanation.preactivation)
    # One scale for all gates: a position for so much, give or take the rounding of two ends.
    spans, numbers = np.array(spans), np.array(numbers)
    largest = np.argmax(np.abs(numbers))
    if numbers[largest]:
        tolerance = 1 + np.abs(numbers / numbers[largest])
        np.testing.assert_array_less(
            np.abs(spans - spans[largest] * numbers / numbers[largest]), tolerance + 0.1
        )


@settings(max_examples=60)
@given(places())
def test_the_data_flow_shows_the_gates_and_states_of_the_run(place):
    trace, t, unit = find(place)
    figure = draw(trace, t, unit)
    found = flow_numbers(figure)
    numbers = dict(found)
    for gate in trace.cell.kind.gates:
        assert numbers[f"Σ<sub>{gate.name}</sub>"] == write(trace.preactivations[gate.name][t, unit])
        assert numbers[f"<b>{gate.name}</b>"] == write(trace.gates[gate.name][t, unit])
    for state, values in trace.states.items():
        if unit < values.shape[1]:
            assert write(values[t, unit]) in [
                number for name, number in found if name in (f"{state}<sub>t</sub>", "clip", "·")
            ]
        if (old := f"{state}<sub>t−1</sub>") in numbers:
            assert numbers[old] == write(trace.before(t, state)[unit])


def flow_numbers(figure):
    """What the squares of the data flow are called, without what is written on their wires, and their numbers."""
    labels, numbers = words(figure, FLOW, "labels"), words(figure, FLOW)
    found = []
    for drawn in figure["data"]:
        if drawn.get("uid", "").startswith(f"fills-{FLOW}-"):
            for x, y in zip(drawn["x"], drawn["y"], strict=True):
                above = max(b for a, b in labels if a == x and b < y)
                below = min(b for a, b in numbers if a == x and b > y)
                label = labels[x, above]
                name = (
                    label if re.search(r" [−+·/] ", label) else label.partition(" ")[0]
                )  # JANET's `Σ_f − 1`
                found.append((name, numbers[x, below]))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_squares_and_numbers_of_x_and_h_are_the_runs(kind):
    trace = run(kind)
    figure = draw(trace, 5, 2)
    names, numbers = words(figure, INPUTS, "labels"), words(figure, INPUTS)
    shown = {name: numbers[0.52, y] for (x, y), name in names.items() if x == 0.34}
    expected = {f"x[{row}]": write(value) for row, value in enumerate(trace.x[5])}
    expected |= {f"h[{row}]": write(value) for row, value in enumerate(trace.states["h"][4])}
    assert shown == expected


@pytest.mark.parametrize(("num_units", "input_size"), [(256, 4), (4, 256), (256, 256)])
def test_rows_there_is_no_room_for_are_counted(num_units, input_size):
    trace = run(num_units=num_units, x=np.ones((2, input_size)))
    names = words(draw(trace, 1, 0), INPUTS, "labels").values()
    shown = [name for name in names if re.fullmatch(r"[xh]\[\d+\]", name)]
    assert len(shown) == 16
    more = [int(name.split()[1]) for name in names if name.endswith(" more")]
    assert sum(more) == num_units + input_size - 16


@pytest.mark.parametrize("kind", KINDS)
def test_new_states_are_written_out_with_the_runs_numbers(kind):
    trace = run(kind)
    lines = list(words(draw(trace, 5, 2), STATES).values())
    for state, values in trace.states.items():
        assert any(line.endswith(f"= {write(values[5, 2])}") for line in lines), state
    if set("fij") <= set(trace.gates):
        f, i, j, c = (*(trace.gates[name][5, 2] for name in "fij"), trace.states["c"][4, 2])
        made = f"= {write(f)} · {write(c)} + {write(i)} · {write(j)}".replace("+ −", "− ")
        assert any(made in line or made.replace("= ", "") in line for line in lines)


@pytest.mark.parametrize("kind", KINDS)
def test_a_gates_formula_goes_from_its_sums_to_its_value(kind):
    trace = run(kind)
    figure = draw(trace, 5, 2)
    for panel, gate in enumerate(trace.cell.kind.gates, GATES):
        squash = {"sigmoid": "σ", "tanh": "tanh"}.get(trace.activation_of(gate))
        if squash is None or kind == "LayerNormBasicLSTMCell":  # what is inside a norm is test_own_kinds.py's
            continue
        (line,) = [text for (x, _y), text in words(figure, panel).items() if x == 0]
        before, after = trace.preactivations[gate.name][5, 2], trace.gates[gate.name][5, 2]
        sums, found = re.fullmatch(r"= \w+\(([^()]*)\) (.*)", line).groups()
        assert found == f"= {squash}({write(before)}) = {write(after)}"
        parts = [float(part) for part in re.findall(r"-?[\d.]+", sums.replace("− ", "−").replace("−", "-"))]
        assert sum(parts) == pytest.approx(before, abs=0.005 * len(parts) + 0.005)
        names = [term.name for term in trace.explain(5, gate.name, 2).terms]
        assert len(parts) == len({shorten(name).partition("[")[0] for name in names})


def test_a_unit_that_a_projection_leaves_without_an_h_says_so():
    trace = run("LSTMCell")
    labels = words(draw(trace, 5, 2), STATES, "labels").values()
    assert not any("none is unit" in label for label in labels)
    labels = words(draw(trace, 5, 3), STATES, "labels").values()
    assert any("h holds 3 numbers" in label and "none is unit 3's own" in label for label in labels)


# --- Playing ----------------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(places(), st.booleans(), st.data())
def test_a_frame_put_into_any_steps_figure_is_the_figure_of_its_step(place, alone, data):
    trace, other, unit = find(place)
    gate = data.draw(st.sampled_from(trace.cell.kind.gates)).name if alone else None
    figure = draw_step(trace, other, unit, gate)
    made = lv.plot.step_frames(trace, unit, other, gate)
    assert (made["unit"], made["first"], made["steps"]) == (unit, 0, len(trace))
    for t in range(len(trace)):
        playing.put(made, t, figure["data"])
        assert figure == draw_step(trace, t, unit, gate)


def test_of_a_long_run_frames_hold_the_steps_around_one():
    trace = run(steps=400)
    for t in (0, 59, 60, 61, 200, 339, 340, 341, 399):
        made = lv.plot.step_frames(trace, 3, t)
        assert made["steps"] == WINDOW == len(made["texts"]) == len(made["fills"]) == len(made["bars"])
        assert made["first"] <= t < made["first"] + made["steps"]
        assert 0 <= made["first"] <= 400 - WINDOW
    for window, t in ((0, 3), (200, 141), (200, 259), (399, 398)):
        figure = draw_step(trace, window, 3, None)
        playing.put(lv.plot.step_frames(trace, 3, window), t, figure["data"])
        other = draw_step(trace, t, 3, None)
        for one, same in zip(figure["data"], other["data"], strict=True):
            if one["type"] != "bar":  # whose scale is that of the steps that are held
                assert one == same
    made = lv.plot.step_frames(trace, 3, 200)
    for t in (139, 140 + WINDOW, -1, 400):
        with pytest.raises(ValueError, match="hold the steps 140 to 259"):
            playing.put(made, t, figure["data"])


@given(st.integers(1, 1000), st.data())
def test_a_window_holds_its_step_and_as_many_more_as_there_are(length, data):
    t = data.draw(st.integers(0, length - 1))
    window = inspect.unwrap(find_window)(range(length), t)
    assert window.start <= t < window.stop
    assert window.stop - window.start == min(length, WINDOW)
    assert window.start >= 0
    assert window.stop <= length


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_sent_is_bounded(kind):
    trace = run(kind, num_units=256, steps=60)
    assert len(lv.plot.step_json(trace, 30, 2)) < 26_000
    assert len(plot.to_json(lv.plot.step_frames(trace, 2))) < 80_000
    long = run(kind, num_units=256, steps=1000)
    assert len(lv.plot.step_json(long, 500, 2)) < 26_000
    for gate in (None, trace.cell.kind.gates[0].name):
        assert len(plot.to_json(lv.plot.step_frames(long, 2, 500, gate))) < 160_000


# --- What is not as usual ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"t": 12}, "t is 12; it must be 0 to 11"),
        ({"t": -1}, "t is -1; it must be 0 to 11"),
        ({"t": True}, "t is True"),
        ({"unit": 8}, "unit is 8; it must be 0 to 7"),
        ({"unit": -1}, "unit is -1"),
        ({"gate": "z"}, "gate is 'z'; BasicLSTMCell has the gates i, j, f, o"),
    ],
)
def test_what_is_not_there_is_not_drawn(trace, arguments, text):
    given = {"t": 5, "unit": 3} | arguments
    for draw_it in (lv.plot.step, lv.plot.step_frames, lv.plot.step_json):
        with pytest.raises(ValueError, match=re.escape(text)):
            draw_it(trace, **given)


def test_there_is_no_third_theme(trace):
    with pytest.raises(ValueError, match="theme is 'sepia'"):
        lv.plot.step(trace, 5, 3, theme="sepia")


def test_of_a_run_without_steps_none_is_taken_apart():
    trace = run(x=np.zeros((0, 4)))
    for draw_it in (lv.plot.step, lv.plot.describe_step):
        with pytest.raises(ValueError, match="the trace has no steps"):
            draw_it(trace, 0, 0)
    with pytest.raises(ValueError, match="the trace has no steps"):
        lv.plot.step_frames(trace, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_one_unit_and_one_step_are_enough(kind):
    options = {"num_proj": 1} if kind == "LSTMCell" else {}
    trace = run(kind, num_units=1, x=[[0.5]], **options)
    figure = draw(trace, 0, 0)
    assert "t = 0" in everything(figure)
    assert lv.plot.step_frames(trace, 0)["steps"] == 1


@pytest.mark.parametrize("kind", SUMS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_marked_and_written(kind, bad):
    x = np.ones((4, 2), np.float32)
    x[2, 1] = bad
    trace = run(kind, num_units=4, x=x)
    for t in range(4):
        figure = draw(trace, t, 0)
        for panel, gate in enumerate(trace.cell.kind.gates, GATES):
            assert rows(figure, panel)[-1][1] == write(trace.preactivations[gate.name][t, 0])
            starts, ends = bars(figure, panel)
            assert all(0 <= end < 4096 for end in [*starts, *ends])
        marked = [
            each["marker"]["color"] for each in figure["data"] if each.get("uid", "").startswith("fills")
        ]
        if t <= 2 or np.isnan(bad):  # tanh(∞) is 1, so what follows may be finite
            assert any(themes.NONFINITE in colours for colours in marked) == (t >= 2)
    figure = draw(trace, 2, 0)
    assert {"NaN", "+∞", "−∞"} & {number for _name, number in rows(figure, GATES)[:-1]}
    assert write(bad) in words(figure, INPUTS).values()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_run_that_explodes_is_drawn_until_it_is_infinite(dtype):
    weights = {"kernel": np.full((3, 2), 3.0, dtype), "bias": np.zeros(2, dtype)}
    cell = lv.build("BasicRNNCell", 2, 1, activation="relu", weights=weights, dtype=dtype)
    start = {"h": np.full(2, np.finfo(dtype).max / 100, dtype)}
    trace = lv.run(cell, np.ones((10, 1)), initial_state=start)
    before = trace.first_nonfinite() - 1
    assert trace.states["h"][before, 0] > np.finfo(dtype).max / 7
    for t in range(10):
        assert write(trace.states["h"][t, 0]) in words(draw(trace, t, 0), FLOW).values()


def test_numbers_at_the_ends_of_float32_keep_their_colours():
    largest = float(np.finfo(np.float32).max)
    values = np.array([-largest, 0, largest, np.nan], np.float32)
    for size in (1.0, largest):
        scale = playing.Scale(-size, size)
        assert "".join(playing.Square(0, 0, values, scale).letters) in ("Ag_!", "Af_!")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_colours_follow_the_numbers(dtype):
    values = np.array([-1, -0.5, 0, 0.5, 1], dtype)
    letters = [*playing.Square(0, 0, values, playing.Scale(-1, 1)).letters]
    places = [playing._ALPHABET.index(letter) for letter in letters]
    np.testing.assert_allclose(places, [0, 15.75, 31.5, 47.25, 63], atol=0.5)


# --- Words ------------------------------------------------------------------------------------------------------------


def test_a_step_is_called_by_its_label_too():
    sequence = lv.sequences.from_text("ab ba")
    trace = run(num_units=2, x=sequence)
    found = [words(draw(trace, t, 0), INPUTS)[0, 10] for t in range(5)]
    assert found == ["t = 0 (a)", "t = 1 (b)", "t = 2 (space)", "t = 3 (b)", "t = 4 (a)"]


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("<b>bold</b>", "t = 1 (&lt;b&gt;bold&lt;/b&gt;)"),
        ("&amp;", "t = 1 (&amp;amp;)"),
        ("<a href='x'>", "t = 1 (&lt;a href='x'&gt;)"),
        ("two\nlines", "t = 1 (two lines)"),
        ("two\u2028lines\r\n", "t = 1 (two lines)"),
        ("@0 1 2", "t = 1 (@0 1 2)"),
        ("# + −", "t = 1 (# + −)"),
        ("long " * 20, "t = 1 (long long long long lon…)"),
        ("\t\n", "t = 1"),
        ("1", "t = 1"),
    ],
)
def test_labels_are_words_not_markup(label, shown):
    sequence = replace(lv.sequences.wrap(np.zeros((3, 1))), labels=("0", label, "2"))
    trace = run(num_units=2, x=sequence)
    figure = draw_step(trace, 0, 0, None)
    playing.put(lv.plot.step_frames(trace, 0), 1, figure["data"])
    assert words(figure, INPUTS)[0, 10] == shown == words(draw(trace, 1, 0), INPUTS)[0, 10]


@settings(max_examples=30)
@given(places())
@example((("LayerNormBasicLSTMCell", {}, 3, 2, 4, "float32", 0), 2, 1))
def test_in_words_a_step_has_its_gates_and_states(place):
    trace, t, unit = find(place)
    said = lv.plot.describe_step(trace, t, unit)
    assert said.startswith(f"Unit {unit} at step {t}: ")
    for gate in trace.cell.kind.gates:
        if trace.cell.kind.name not in SUMS:  # of a norm no term is the largest
            assert re.search(
                rf"\b{gate.name} is {re.escape(write(trace.gates[gate.name][t, unit]))}[,;.]", said
            )
            continue
        explanation = trace.explain(t, gate.name, unit)
        most = max(abs(term.product) for term in explanation.terms)
        found = re.search(rf"\b{gate.name} is (\S+), most of all by ([^;]+) \((\S+)\)", said)
        assert found[1] == write(explanation.activation)
        term = next(term for term in explanation.terms if term.name == found[2])
        assert abs(term.product) == most
        assert found[3] == write(term.product)
    for state, values in trace.states.items():
        moved = f"{state} goes from {write(trace.before(t, state)[unit])} to {write(values[t, unit])}" \
            if unit < values.shape[1] else f"{state} goes"  # fmt: skip
        assert (moved in said) == (unit < values.shape[1])


def test_in_words_what_makes_a_gate_nan_is_named():
    x = np.zeros((3, 2), np.float32)
    x[1] = np.nan
    said = lv.plot.describe_step(run(num_units=2, x=x), 2, 0)
    assert "f is NaN, most of all by h[0] (NaN)" in said


# --- Without the page -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SUMS)
def test_a_written_page_has_the_numbers_that_explain_gives(kind, tmp_path):
    trace = run(kind)
    path = tmp_path / "step.html"
    lv.plot.step(trace, 5, 2).write_html(path, include_plotlyjs=False)
    data = re.search(r'Plotly\.newPlot\(\s*"[^"]+",\s*(\[.*?\]),\s*\{', path.read_text(), re.DOTALL)
    texts = [text for drawn in json.loads(data[1]) for text in drawn.get("text", ())]
    assert "t = 5" in texts
    for gate in trace.cell.kind.gates:
        explanation = trace.explain(5, gate.name, 2)
        assert write(explanation.activation) in texts
        assert write(explanation.preactivation) in texts
        labels = trace.terms(gate.name, 2, slice(5, 6)).labels
        terms = sorted(
            zip(labels, explanation.terms, strict=True), key=lambda labelled: abs(labelled[1].product)
        )
        for label, term in [each for each in terms if not is_alone(each[1].name)][-LARGEST:]:
            assert f"{shorten(label)}  {write(term.value)} · {write(term.weight)}" in texts
            assert signed(term.product) in texts


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figure_and_json_are_the_same(trace, theme):
    figure = json.loads(lv.plot.step(trace, 5, 3, theme=theme).to_json())
    plain = draw(trace, 5, 3)
    for one, other in zip(figure["data"], plain["data"], strict=True):
        assert one == {name: value for name, value in other.items() if name != "uid"}  # Plotly leaves it out
    assert figure["layout"]["title"]["text"] == plain["layout"]["title"]["text"]
    assert figure["layout"]["font"]["color"] == themes.FONT[theme]
