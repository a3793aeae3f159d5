"""What a stage is drawn from, read back by a reader of the tests' own, against the run and NumPy."""

from __future__ import annotations

import json
import math
import re
import struct

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.plot import stage
from lstmviz.plot.number import write
from lstmviz.run.ledger import list_ledgers
from tests.kinds_of_ones_own import STEPS, declared, run

KINDS = [*lv.KINDS, *STEPS]
# Gates that are no sum of the rows' products and the vectors below them: a state or another gate meets a vector or a product,
# or a norm goes over them.
NO_PLAIN_SUM = {
    "CudnnCompatibleGRUCell": {"c"},
    "LayerNormBasicLSTMCell": {"i", "j", "f", "o"},
    "sLSTM": {"i"},  # by the stabiliser
    "IndRNN": {"z"},
    "OwnNormed": {"i", "j", "f", "o"},
    "OwnWords": {"opening", "new"},
    "OwnRefused": {"one", "two", "three", "four", "five", "six"},
    "OwnConstant": {"pace", "g"},
    "OwnCopies": {"f"},  # by a state
}
SUMS = [
    *((kind, {}) for kind in KINDS),
    ("BasicLSTMCell", {"forget_bias": 0.25}),
    ("LSTMCell", {"num_proj": 3}),
    ("LSTMCell", {"num_proj": 7, "cell_clip": 0.3, "proj_clip": 0.2}),
]
T, UNIT = 3, 2


@pytest.fixture(autouse=True)
def kinds_of_the_tests():
    with declared():
        yield


class Read:
    """The bytes of a stage, read by what its documentation says of them."""

    def __init__(self, packed: bytes) -> None:
        (length,) = struct.unpack_from("<I", packed)
        self.head = json.loads(packed[4 : 4 + length].decode(), parse_constant=_refuse)
        at = 4 + length
        assert at % 4 == 0, "a Float32Array begins at a multiple of four"
        self.arrays = []
        for shape in self.head["shapes"]:
            count = math.prod(shape)
            self.arrays.append(np.frombuffer(packed, "<f4", count, at).reshape(shape))
            at += 4 * count
        assert at == len(packed)

    def __getitem__(self, place: int) -> np.ndarray:
        return self.arrays[place]

    @property
    def step(self) -> dict:
        return self.head["step"]

    def matrices(self):
        for group in self.head["groups"]:
            for matrix in group["matrices"]:
                yield group, matrix


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def read(trace: lv.Trace, t: int = T, unit: int = UNIT) -> Read:
    return Read(stage.pack(stage.make_stage(trace, t, unit)))


def single(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, np.float32)


# --- The weights


@pytest.mark.parametrize(("kind", "options"), SUMS)
def test_every_weight_is_sent_as_it_is(kind, options):
    trace = run(kind, options=options)
    found = read(trace)
    sent = {matrix["name"]: found[matrix["values"]] for _group, matrix in found.matrices()}
    for name, values in trace.cell.weights.items():
        if values.ndim == 2:
            np.testing.assert_array_equal(sent.pop(name), single(values))
    assert not sent
    for _group, matrix in found.matrices():
        assert matrix["shape"] == list(trace.cell.weights[matrix["name"]].shape) and matrix["tile"] == [1, 1]
        assert sum(row["height"] for row in matrix["rows"]) == matrix["shape"][0]


@pytest.mark.parametrize(("kind", "options"), [*SUMS, ("LSTMCell", {"use_peepholes": True})])
def test_every_vector_stands_under_its_gates_or_alone_and_nowhere_else_is_a_number(kind, options):
    trace = run(kind, options=options)
    found, cell, units = read(trace), trace.cell, trace.cell.num_units
    variables = {variable.name: variable for variable in cell.kind.variables}
    left = {name for name, values in cell.weights.items() if values.ndim == 1}
    for alone in found.head["alone"]:
        np.testing.assert_array_equal(found[alone["values"]], single(cell.weights[alone["name"]]))
        assert alone["size"] == cell.weights[alone["name"]].size
        left.discard(alone["name"])
    for group in found.head["groups"]:
        for vector in group["vectors"]:
            values, name = found[vector["values"]], vector["name"]
            blocks = dict(zip(group["gates"], values.reshape(-1, units), strict=True))
            for gate, block in blocks.items():
                offset = cell.offsets[gate].get(name)
                if name in variables:
                    of = variables[name].gates or variables[name].touches
                    whole = cell.weights[name].reshape(-1, units)
                    rows = dict(zip(of, whole if len(whole) == len(of) else [*whole] * len(of), strict=True))
                    expected = rows.get(gate)
                else:
                    expected = None if offset is None else np.full(units, offset)
                assert np.isnan(block).all() if expected is None else (block == single(expected)).all()
            left.discard(name)
    assert not left, "a weight that is nowhere"


@pytest.mark.parametrize(("kind", "options"), SUMS)
def test_what_met_the_rows_times_the_weights_is_what_the_run_recorded(kind, options):
    trace = run(kind, options=options)
    found, checked = read(trace), set()
    for group, met, sums in zip(found.head["groups"], found.step["met"], found.step["sums"], strict=True):
        matrices = np.concatenate([found[each["values"]] for each in group["matrices"]]).astype(np.float64)
        added = [np.nan_to_num(found[vector["values"]]) for vector in group["vectors"]]
        made = found[met].astype(np.float64) @ matrices + np.sum(added, axis=0, initial=0)
        if not group["gates"]:
            np.testing.assert_allclose(found[sums], made, atol=2e-6)
        for index, gate in enumerate(group["gates"]):
            here = slice(index * 5, index * 5 + 5)
            np.testing.assert_array_equal(found[sums][:, here], single(trace.preactivations[gate]))
            is_plain = gate not in NO_PLAIN_SUM.get(kind, ())
            assert np.allclose(made[:, here], trace.preactivations[gate], atol=2e-6) == is_plain
            checked |= {gate} if is_plain else set()
    assert checked == {gate.name for gate in trace.cell.kind.gates} - NO_PLAIN_SUM.get(kind, set())


def test_what_meets_a_candidates_rows_is_the_state_that_was_reset():
    trace = run("GRUCell")
    found = read(trace)
    (gates, candidate), (_met, met) = found.head["groups"], found.step["met"]
    assert [row["name"] for row in gates["matrices"][0]["rows"]] == ["x_t", "h_{t-1}"]
    assert [row["name"] for row in candidate["matrices"][0]["rows"]] == ["x_t", "r · h_{t-1}"]
    before = trace.before_each("h", slice(None))
    np.testing.assert_allclose(found[met], np.hstack([trace.x, trace.gates["r"] * before]), rtol=1e-6)


# --- The sentence, titles and names


@pytest.mark.parametrize(("kind", "options"), [*SUMS, ("LSTMCell", {"use_peepholes": True})])
def test_the_sentence_counts_what_the_cell_has(kind, options):
    cell = run(kind, options=options).cell
    parts = stage.say_sizes(cell)
    text = "".join(part["text"] for part in parts)
    assert text.startswith("num_units 5 → ") and text.endswith(f" → {cell.parameter_count:,} parameters")
    assert cell.parameter_count == sum(values.size for values in cell.weights.values())
    assert "→ →" not in re.sub(" +", " ", text) and not re.search(r"(\[\d+, \d+\]) = \1", text)
    counted = {
        kind: [part["text"] for part in parts if part["counts"] == kind] for kind in ("x", "parameters")
    }
    assert set(counted["x"]) <= {"3"} and len(counted["parameters"]) == 1
    for variable in cell.kind.variables:
        if variable.is_kernel and variable.name in cell.weights:
            rows, columns = cell.weights[variable.name].shape
            found = re.search(
                rf"\b{variable.name} \[([\d +]+), ([\d ×]+)\](?: = \[(\d+), (\d+)\])?"
                r"(?:, made (\d+) times as wide, cut in (\d+) when used)?",
                text,
            )
            assert found, text
            assert sum(map(int, found[1].split("+"))) == rows
            assert math.prod(map(int, found[2].split("×"))) == columns
            is_said_once = f"{found[1]}, {found[2]}" == f"{rows}, {columns}"
            assert (found[3] is None) == is_said_once, "a shape of one part by one gate is said once"
            assert is_said_once or (int(found[3]), int(found[4])) == (rows, columns)
            count = columns // cell.num_units
            assert found[5] == found[6] == (str(count) if count > 1 else None)


def test_titles_end_in_the_shape_of_what_is_drawn():
    found = read(run("BasicLSTMCell"))
    assert found.head["titles"] == {
        "kernel": "kernel [8, 20]",
        "gates": "BasicLSTMCell: 6 steps × 5 units",
    }
    assert read(run("GRUCell")).head["titles"]["kernel"] == "gates/kernel [8, 10] · candidate/kernel [8, 5]"


@pytest.mark.parametrize(("kind", "options"), SUMS)
def test_gates_and_states_are_told_with_what_they_are(kind, options):
    trace = run(kind, options=options)
    head = read(trace).head
    assert [gate["name"] for gate in head["gates"]] == [gate.name for gate in trace.cell.kind.gates]
    for told, gate in zip(head["gates"], trace.cell.kind.gates, strict=True):
        assert told["share"] == trace.is_share(gate) and told["activation"] == trace.activation_of(gate)
    assert len({gate["hue"] for gate in head["gates"]}) == len(head["gates"])
    assert {state["name"]: state["size"] for state in head["states"]} == {
        name: values.shape[1] for name, values in trace.states.items()
    }
    assert (head["kind"], head["numUnits"], head["inputSize"], head["steps"]) == (kind, 5, 3, 6)
    assert head["parameters"] == trace.cell.parameter_count


# --- The run


@pytest.mark.parametrize(("kind", "options"), SUMS)
def test_strips_are_everything_that_was_recorded(kind, options):
    trace = run(kind, options=options)
    found = read(trace)
    recorded = {"x": trace.x, **trace.gates, **trace.states}
    strips = [(strip["name"], found[strip["values"]]) for strip in found.head["strips"]]
    of_gates, of_states = strips[1 : 1 + len(trace.gates)], strips[1 + len(trace.gates) :]
    for name, values in [strips[0], *of_gates]:
        np.testing.assert_array_equal(values, single(trace.gates.get(name, trace.x)).T)
    for name, values in of_states:
        np.testing.assert_array_equal(values, single(trace.states[name]).T)
    assert [name for name, _values in strips] == ["x", *trace.gates, *trace.states]
    assert set(recorded) == {name for name, _values in strips}
    for strip in found.head["strips"]:
        scale, values = strip["scale"], found[strip["values"]]
        assert scale["low"] < scale["high"] and strip["rows"] == values.shape[0]
        if strip["name"] in trace.gates and trace.is_share(trace.cell.kind.gate(strip["name"])):
            assert (scale["low"], scale["high"]) == (0, 1)
        else:
            assert scale["low"] == -scale["high"] and np.abs(values).max() <= scale["high"] * (1 + 1e-6)


@pytest.mark.parametrize("unit", [0, 5, 11])
@pytest.mark.parametrize(("kind", "options"), SUMS)
def test_the_flow_shows_the_runs_numbers_of_the_unit_and_those_beside_it(kind, options, unit):
    trace = run(kind, num_units=12, options=options)
    found = read(trace, unit=unit)
    step, nodes = found.step, {node["name"]: node for node in found.step["nodes"]}
    first = step["firstUnit"]
    assert (step["first"], step["count"], step["unit"]) == (0, 6, unit)
    assert 0 <= first <= unit < first + stage.SHOWN <= 12
    shown = slice(first, first + stage.SHOWN)
    for gate in trace.gates:
        assert nodes[gate]["at"] == unit - first
        np.testing.assert_allclose(
            found[nodes[gate]["values"]], trace.gates[gate][:, shown], rtol=1e-6, atol=1e-7
        )
        np.testing.assert_array_equal(
            found[nodes[gate]["values"]][:, unit - first], single(trace.gates[gate][:, unit])
        )
    for name, values in trace.states.items():
        # A projection's h is not as wide as the gates, and what it is made from is called h as well.
        last = [node for node in step["nodes"] if re.fullmatch(rf"{name}_t'*", node["name"])][-1:]
        if unit < values.shape[1] and last:
            (node,) = last
            np.testing.assert_array_equal(
                found[node["values"]][:, node["at"]], single(values[:, unit]), err_msg=name
            )
    for node in step["nodes"]:
        assert 0 <= node["at"] < found[node["values"]].shape[1] <= stage.SHOWN
        assert len(found[node["values"]]) == 6
        assert {operand for operand in node["operands"] if operand != step["start"]} <= set(nodes)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [0, 1])
def test_a_run_of_no_step_and_of_one_has_a_stage(kind, steps):
    trace = run(kind, steps=steps)
    found = read(trace, 0, 0)
    assert found.head["steps"] == found.step["count"] == steps
    assert all(found[strip["values"]].shape[1] == steps for strip in found.head["strips"])
    assert all(len(found[met]) == steps for met in found.step.get("met", ()))
    assert stage.pack(stage.make_steps(trace, 0, 0))


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_of_one_unit_has_a_stage(kind):
    trace = run(kind, num_units=1, input_size=1)
    found = read(trace, T, 0)
    assert found.step["firstUnit"] == 0
    for node in found.step["nodes"]:
        assert found[node["values"]].shape == (6, 1) and node["at"] == 0
    assert "num_units 1 → " in "".join(part["text"] for part in found.head["sentence"])


@pytest.mark.parametrize("kind", ["BasicLSTMCell", "GRUCell"])
def test_weights_that_are_no_numbers_arrive_as_they_are(kind):
    cell = run(kind).cell
    weights = {name: values.copy() for name, values in cell.weights.items()}
    kernel = next(iter(weights))
    weights[kernel][0, :3] = np.nan, np.inf, -np.inf
    trace = lv.run(lv.build(kind, 5, 3, weights=weights), np.ones((4, 3)), engine="numpy")
    found = read(trace, 1, 1)
    (_group, matrix), *_rest = found.matrices()
    np.testing.assert_array_equal(found[matrix["values"]], single(weights[kernel]))
    assert all(math.isfinite(found.head["weights"][end]) for end in ("low", "high"))
    for strip in found.head["strips"]:
        assert all(math.isfinite(strip["scale"][end]) for end in ("low", "high"))
    h = next(strip for strip in found.head["strips"] if strip["name"] == "h")
    np.testing.assert_array_equal(found[h["values"]], single(trace.states["h"]).T)

    for name in ("h", next(iter(trace.gates))):
        made = stage.make_number(trace, 1, name, 1)
        assert "NaN" in " ".join(made["lines"])


# --- What is more than a screen holds


def _large(kind: str, num_units: int, input_size: int, steps: int = 3, **options) -> lv.Trace:
    rng = np.random.default_rng(num_units)
    shapes = lv.build(kind, num_units, input_size, **options).weights
    weights = {
        name: rng.normal(size=each.shape).astype(np.float32) / (1 + len(each) ** 0.5)
        for name, each in shapes.items()
    }
    cell = lv.build(kind, num_units, input_size, weights=weights, **options)
    return lv.run(cell, rng.normal(size=(steps, input_size)), engine="numpy")


def _sizes() -> list[tuple[str, int, int, dict]]:
    rng = np.random.default_rng(7)
    random = [("BasicLSTMCell", int(rng.integers(125, 330)), int(rng.integers(1, 400)), {}) for _each in "ab"]
    return [*random, ("LSTMCell", 130, 180, {"num_proj": 33}), ("GRUCell", 301, 5, {})]


def _ends(starts: list[int], lengths: list[int]) -> list[int]:
    """Where tiles end: where the next one begins, and at each border."""
    ends = [*starts[1:], sum(lengths)]
    borders = np.cumsum(lengths)
    for start, end in zip(starts, ends, strict=True):
        assert not any(start < border < end for border in borders), "across a border"
    return ends


@pytest.mark.parametrize(("kind", "units", "inputs", "options"), _sizes())
def test_tiles_are_the_root_mean_square_and_the_extremes_of_their_weights(kind, units, inputs, options):
    trace = _large(kind, units, inputs, **options)
    found, tiled = read(trace, 1, units - 1), 0
    for group, matrix in found.matrices():
        values, shown = trace.cell.weights[matrix["name"]], found[matrix["values"]]
        if matrix["tile"] == [1, 1]:
            np.testing.assert_array_equal(shown, values)
            continue
        tiled += 1
        rows, columns = matrix["rowStarts"], matrix["columnStarts"]
        down = _ends(rows, [row["height"] for row in matrix["rows"]])
        across = _ends(columns, group["widths"])
        assert shown.shape == (len(rows), len(columns)) and max(shown.shape) <= 320
        assert max(np.subtract(down, rows)) <= matrix["tile"][0]
        assert max(np.subtract(across, columns)) <= matrix["tile"][1]
        parts = [
            [values[top:bottom, left:right] for left, right in zip(columns, across, strict=True)]
            for top, bottom in zip(rows, down, strict=True)
        ]
        for key, reduce in (("low", np.min), ("high", np.max)):
            expected = [[reduce(part) for part in line] for line in parts]
            np.testing.assert_array_equal(found[matrix[key]], expected)
        expected = [[math.sqrt(np.square(part, dtype=np.float64).mean()) for part in line] for line in parts]
        np.testing.assert_allclose(shown, expected, rtol=1e-6)
    assert tiled


def test_tiles_with_weights_that_are_no_numbers_are_marked_and_tell_the_others():
    trace = _large("BasicLSTMCell", 200, 57)
    weights = {name: values.copy() for name, values in trace.cell.weights.items()}
    weights["kernel"][0, 0], weights["kernel"][-1, -1] = np.nan, np.inf
    cell = lv.build("BasicLSTMCell", 200, 57, weights=weights)
    found = read(lv.run(cell, np.ones((2, 57)), engine="numpy"), 0, 0)
    (group, matrix), *_rest = found.matrices()
    assert group["gates"] == ["i", "j", "f", "o"] and matrix["tile"] != [1, 1]
    down, across = matrix["tile"]
    first = weights["kernel"][:down, :across]
    assert found[matrix["high"]][0, 0] == first[np.isfinite(first)].max()
    shown = np.isnan(found[matrix["values"]])
    assert shown[0, 0] and shown[-1, -1] and shown.sum() == 2, (
        "these tiles are marked, whatever else is in them"
    )


@pytest.mark.parametrize(("kind", "units", "inputs", "options"), _sizes())
def test_what_stands_beside_tiles_are_means_of_what_stands_beside_their_weights(kind, units, inputs, options):
    trace = _large(kind, units, inputs, **options)
    found = read(trace, 1, 0)
    for group, met, sums in zip(found.head["groups"], found.step["met"], found.step["sums"], strict=True):
        rows = [height["height"] for matrix in group["matrices"] for height in matrix["rows"]]
        tile = group["matrices"][0]["tile"]
        at = [(0, start) for start in _starts(rows, tile[0])]
        assert found[met].shape == (found.step["count"], len(at))
        x = trace.x[found.step["first"] : found.step["first"] + found.step["count"]]
        for tile_index, start in enumerate(range(0, inputs, tile[0])):
            if group["matrices"][0]["rows"][0]["meets"] == "x":
                np.testing.assert_allclose(
                    found[met][:, tile_index],
                    x[:, start : start + tile[0]].mean(axis=1),
                    rtol=1e-5,
                    atol=1e-6,
                )
        if group["gates"]:
            steps = slice(found.step["first"], found.step["first"] + found.step["count"])
            whole = [trace.preactivations[gate][steps] for gate in group["gates"]]
            expected = [
                values[:, start : start + tile[1]].mean(axis=1)
                for values in whole
                for start in range(0, units, tile[1])
            ]
            np.testing.assert_allclose(found[sums], np.stack(expected, axis=1), rtol=1e-4, atol=1e-5)


def _starts(lengths: list[int], tile: int) -> list[int]:
    ends = np.cumsum(lengths)
    return [
        start for length, end in zip(lengths, ends, strict=True) for start in range(end - length, end, tile)
    ]


def test_strips_of_a_long_run_are_means_between_the_smallest_and_the_largest():
    trace = _large("BasicLSTMCell", 70, 3, steps=1_500)
    found = read(trace, 700, 69)
    recorded = {"x": trace.x, **trace.gates, **trace.states}
    is_tiled = []
    for strip in found.head["strips"]:
        whole, (rows, columns) = recorded[strip["name"]].T, strip["tile"]
        shown = found[strip["values"]]
        is_tiled.append([rows, columns] != [1, 1])
        for down, across in np.ndindex(shown.shape):
            part = whole[down * rows : (down + 1) * rows, across * columns : (across + 1) * columns]
            mean = part.mean(dtype=np.float64)
            assert shown[down, across] == pytest.approx(mean, rel=1e-5, abs=1e-6)
            if is_tiled[-1]:
                assert found[strip["low"]][down, across] == part.min()
                assert found[strip["high"]][down, across] == part.max()
        assert shown.shape == (-(-whole.shape[0] // rows), -(-whole.shape[1] // columns))
    assert any(is_tiled)


@pytest.mark.parametrize("t", [0, 17, 699, 1_498, 1_499])
def test_further_steps_hold_the_one_that_was_asked_for(t):
    trace = _large("GRUCell", 70, 3, steps=1_500)
    found = Read(stage.pack(stage.make_steps(trace, t, 40)))
    first, count = found.step["first"], found.step["count"]
    assert 0 <= first <= t < first + count <= 1_500 and 1 <= count < 1_500
    node = next(node for node in found.step["nodes"] if node["name"] == "u")
    np.testing.assert_array_equal(
        found[node["values"]][:, node["at"]], trace.gates["u"][first : first + count, 40]
    )
    whole = Read(stage.pack(stage.make_stage(trace, t, 40)))
    assert (whole.step["first"], whole.step["count"]) == (first, count)
    for one, other in zip(found.step["met"], whole.step["met"], strict=True):
        np.testing.assert_array_equal(found[one], whole[other])


def test_one_step_is_sent_however_large_the_cell_is():
    trace = _large("BasicLSTMCell", 1_500, 40, steps=2)
    packed = stage.pack(stage.make_stage(trace, 1, 1_499))
    assert len(packed) < 2_500_000, "a kernel of 37 MB"
    found = Read(packed)
    assert found.step["first"] <= 1 < found.step["first"] + found.step["count"]


# --- Labels


def test_steps_are_called_as_the_sequence_calls_them():
    cell = lv.build("BasicRNNCell", 2, 2)
    named = lv.Sequence(np.ones((3, 2)), labels=("a", "b_1", "c"), features=("p", "q"), title="mine")
    assert read(lv.run(cell, named, engine="numpy"), 0, 0).head["labels"] == ["a", "b_1", "c"]
    assert read(lv.run(cell, np.ones((3, 2)), engine="numpy"), 0, 0).head["labels"] is None


# --- One number


@pytest.mark.parametrize(("kind", "options"), [*SUMS, ("LSTMCell", {"use_peepholes": True})])
def test_the_terms_of_a_number_add_up_to_what_the_run_recorded(kind, options):
    trace, plain = run(kind, options=options), 0
    for gate in trace.gates:
        for unit in range(5):
            made, inside = stage.make_number(trace, T, gate, unit), trace.inside(T, gate, unit)
            for each in made["sums"]:
                total = sum(product for _name, _value, _weight, product in each["terms"]) + each["rest"]
                assert total == pytest.approx(each["value"], rel=1e-5, abs=1e-5)
                for _name, value, weight, product in each["terms"]:
                    assert value * weight == pytest.approx(product, rel=1e-12)
            if not inside.obstacles:
                plain += 1
                assert made["sums"][0]["value"] == pytest.approx(
                    trace.preactivations[gate][T, unit], rel=1e-5, abs=1e-5
                )
                assert made["sums"][0]["name"].startswith("Σ_") and len(made["sums"]) == 1
            assert made["lines"] == [inside.sentence] and made["title"] == f"{gate}[{unit}] at step {T}"
    # IndRNN's vector meets a state: a sum all the same. A norm or a maximum is none, and says so.
    assert bool(plain) != (kind in {"LayerNormBasicLSTMCell", "OwnNormed", "OwnRefused"})


@pytest.mark.parametrize("kind", ["LayerNormBasicLSTMCell", "OwnNormed", "OwnRefused"])
def test_what_cannot_be_taken_apart_says_so(kind):
    trace = run(kind)
    for gate in trace.gates:
        (line,) = stage.make_number(trace, T, gate, 1)["lines"]
        assert "before its activation it is no sum of terms, for " in line and line.endswith(".")


@pytest.mark.parametrize(("kind", "options"), SUMS)
def test_a_state_is_written_with_the_number_that_the_run_recorded(kind, options):
    trace = run(kind, options=options)
    for name, values in trace.states.items():
        if name in trace.cell.equation.gates:
            continue
        for unit in range(min(5, values.shape[1])):
            made = stage.make_number(trace, T, name, unit)
            of_the_state = [line for line in made["lines"] if line.startswith(f"{name}_t = ")]
            assert of_the_state and of_the_state[-1].endswith(f" = {write(values[T, unit])}"), made
            assert made["title"] == f"{name}[{unit}] at step {T}"
            assert bool(made["sums"]) == (name in list_ledgers(trace.cell))


def test_a_state_that_steps_wrote_is_taken_apart_by_what_each_wrote_and_what_is_left_of_it():
    x = np.random.default_rng(3).normal(size=(30, 3)).astype(np.float32)
    cell = lv.build("BasicLSTMCell", 5, 3, seed=1)
    trace = lv.run(cell, x, engine="numpy", initial_state={"c": np.full(5, 0.5, np.float32)})
    made = stage.make_number(trace, 25, "c", 2)
    (told,) = made["sums"]
    found = lv.ledger(trace, 2, 25)
    assert told["name"] == "c[2]" and told["value"] == pytest.approx(trace.states["c"][25, 2], rel=1e-6)
    start, *steps = told["terms"]
    assert start[0] == "the start" and start[3] == pytest.approx(float(found.initial))
    assert len(steps) + told["others"] == 26 and len(steps) == 12
    for name, write_, left, share in steps:
        step = int(name.removeprefix("step "))
        assert (write_, left) == (found.writes[step], found.survival[step])
        assert share == found.shares[step] == pytest.approx(write_ * left)
    assert [name for name, *_rest in steps] == sorted(
        (name for name, *_rest in steps), key=lambda name: int(name.removeprefix("step "))
    )
    assert sum(term[3] for term in told["terms"]) + told["rest"] == pytest.approx(told["value"], rel=1e-5)
    assert "what is left of that" in made["lines"][-1]


def test_many_terms_are_the_largest_ones_and_the_sum_of_the_others():
    trace = run("BasicLSTMCell", num_units=20, input_size=9)
    (made,) = stage.make_number(trace, T, "o", 13)["sums"]
    explained = trace.explain(T, "o", 13)
    products = {term.name: term.product for term in explained.terms}
    told = {name: product for name, _value, _weight, product in made["terms"]}
    assert told.items() <= products.items() and len(told) + made["others"] == len(products) == 30
    left = [product for name, product in products.items() if name not in told]
    assert max(map(abs, left)) <= min(abs(product) for name, product in told.items() if "[" in name)
    assert made["rest"] == pytest.approx(sum(left), abs=1e-12)
    assert "bias" in told, "what is added once is always told"
    assert list(told) == [name for name in products if name in told], "in their order"


@pytest.mark.parametrize(
    ("t", "name", "unit"),
    [(6, "f", 0), (-7, "f", 0), (0, "f", 5), (0, "q", 0), (0, "", 0), (0, "h", 3), (0, "x", 0)],
)
def test_a_number_that_is_not_there_is_refused_in_words(t, name, unit):
    trace = run("LSTMCell", options={"num_proj": 3})
    with pytest.raises(ValueError, match=r"\w+ \w+.*\.$"):
        stage.make_number(trace, t, name, unit)


@pytest.mark.parametrize(("t", "unit"), [(6, 0), (0, 5), (-7, 0)])
def test_a_stage_at_a_step_or_a_unit_that_is_not_there_is_refused_in_words(t, unit):
    trace = run("BasicRNNCell")
    for make in (stage.make_stage, stage.make_steps):
        with pytest.raises(ValueError, match=r"\w+ \w+.*\.$"):
            make(trace, t, unit)


def test_a_bias_that_is_no_number_is_told_from_a_gate_that_has_none():
    weights = {
        name: values.copy() for name, values in lv.build("LSTMCell", 3, 2, use_peepholes=True).weights.items()
    }
    weights["w_f_diag"][1] = np.nan
    cell = lv.build("LSTMCell", 3, 2, use_peepholes=True, weights=weights)
    found = read(lv.run(cell, np.ones((2, 2)), engine="numpy"), 0, 0)
    (group,) = found.head["groups"]
    (vector,) = (each for each in group["vectors"] if each["name"] == "w_f_diag")
    assert vector["of"] == [False, False, True, False]
    assert np.isnan(found[vector["values"]][6:9]).tolist() == [False, True, False]


@pytest.mark.parametrize(("kind", "options"), [*SUMS, ("LSTMCell", {"use_peepholes": True})])
def test_a_columns_line_says_that_it_is_not_the_sum_exactly_where_it_is_not(kind, options):
    trace = run(kind, options=options)
    more = {"i", "f", "o"} if options.get("use_peepholes") else NO_PLAIN_SUM.get(kind, set())
    if kind == "OwnConstant":
        more = more - {"pace"}  # a weight alone, which is drawn in no column
    for gate in trace.gates:
        numbers, _dot, said = stage.make_number(trace, T, gate, UNIT)["column"].partition(" · ")
        before, after = (
            write(float(values[gate][T, UNIT])) for values in (trace.preactivations, trace.gates)
        )
        assert numbers.startswith(f"{gate}[{UNIT}] at step {T}: ") and numbers.endswith(
            f" = {before}, {gate} = {after}"
        )
        assert bool(said) == (gate in more), (gate, said)
    for state in set(trace.states) - set(trace.gates):
        assert stage.make_number(trace, T, state, UNIT)["column"] == ""


def test_what_a_column_lacks_is_named():
    def said(kind: str, gate: str, **options) -> str:
        return stage.make_number(run(kind, options=options), T, gate, UNIT)["column"].partition(" · ")[2]

    assert said("LSTMCell", "o", use_peepholes=True) == "Not the sum of this column alone: it has c[2]."
    assert said("IndRNN", "z") == "Not the sum of this column alone: it has h[2]."
    assert "it has r[2] * h[0], r[2] * h[1], …" in said("CudnnCompatibleGRUCell", "c")
    assert said("LayerNormBasicLSTMCell", "f") == "No sum of terms: a norm over all units is in it."
    assert said("OwnRefused", "six") == "No sum of terms: a maximum is in it."


# --- One unit over all steps


def _row(trace: lv.Trace, name: str, unit: int, t: int) -> tuple[dict, np.ndarray]:
    found = Read(stage.pack(stage.make_row(trace, name, unit, t)))
    return found.head, found[found.head["values"]]


@pytest.mark.parametrize("name", ["f", "j", "c", "h"])
def test_a_row_is_what_was_recorded_of_one_unit(name):
    cell = lv.build("BasicLSTMCell", num_units=3, input_size=2)
    trace = lv.run(cell, np.random.default_rng(0).normal(size=(7, 2)), engine="numpy")
    head, values = _row(trace, name, 1, 0)
    recorded = trace.gates[name] if name in trace.gates else trace.states[name]
    np.testing.assert_array_equal(values, recorded[:, 1])
    assert head["name"] == name and head["scale"]["diverging"] == (name != "f")


def test_a_rows_scale_is_its_units_own_and_a_shares_is_from_0_to_1():
    cell = lv.build("BasicLSTMCell", num_units=3, input_size=2)
    states = np.zeros((7, 3), np.float32)
    states[:, 0], states[:, 1] = 62.6, np.linspace(-1.2, 0.3, 7)
    held = {unit: dict(enumerate(states[:, unit].tolist())) for unit in range(3)}
    trace = lv.run(cell, np.zeros((7, 2)), engine="numpy", clamp={"c": held})
    for unit, size in enumerate((62.6, 1.2, 1)):  # of all zeros there is no end: it is drawn from -1 to 1
        head, _values = _row(trace, "c", unit, 0)
        assert head["scale"] == {"low": pytest.approx(-size), "high": pytest.approx(size), "diverging": True}
    assert _row(trace, "f", 0, 0)[0]["scale"] == {"low": 0, "high": 1, "diverging": False}


def test_a_row_of_the_ledger_is_what_each_step_wrote_and_nothing_of_later_ones():
    cell = lv.build("GRUCell", num_units=3, input_size=2)
    trace = lv.run(cell, np.random.default_rng(0).normal(size=(7, 2)), engine="numpy")
    head, values = _row(trace, stage.LEDGER, 2, 4)
    assert head["name"] == "h" and np.isnan(values[5:]).all()
    np.testing.assert_allclose(values[:5].sum(), trace.states["h"][4, 2], rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "unit", "t"), [("q", 0, 0), ("f", 3, 0), ("f", 0, 7), (stage.LEDGER, 3, 0), ("x", 0, 0)]
)
def test_a_row_that_is_not_there_is_refused(name, unit, t):
    cell = lv.build("BasicLSTMCell", num_units=3, input_size=2)
    trace = lv.run(cell, np.zeros((7, 2)), engine="numpy")
    with pytest.raises(ValueError, match=r"must be|has no gate or state"):
        stage.make_row(trace, name, unit, t)


def test_a_step_is_called_by_its_number_and_a_character_alone_never_stands_in_a_sentence():
    sequence = lv.sequences.from_text("a] b")
    trace = lv.run(lv.build("BasicLSTMCell", 2, sequence.input_size), sequence, engine="numpy")
    titles = [stage.make_number(trace, t, "f", 0)["title"] for t in range(4)]
    assert titles == [f"f[0] at step {step}" for step in ("0 · a", "1 · “]”", "2 · space", "3 · b")]
    (made,) = stage.make_number(trace, 3, "c", 0)["sums"]  # what each step wrote is called as the step is
    assert [name for name, *_rest in made["terms"]] == [
        f"step {step}" for step in ("0 · a", "1 · “]”", "2 · space", "3 · b")
    ]
    head = read(trace, 0, 0).head
    assert head["said"] == {"]": "“]”", "␠": "space"} and head["unseen"]["␠"] == " "
