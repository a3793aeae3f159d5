"""What graphs say of cells: beside checkpoints and frozen, with loops of both kinds, unrolled, and as they are trained."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.formats.found import FormatError
from tests.formats.models import TOLERANCE, differs

pytestmark = pytest.mark.usefixtures("in_this_process")

ROOT = Path(__file__).parents[2]
OPTIONS = {
    "zero": {"forget_bias": 0.0, "activation": "relu"},
    "usual": {"forget_bias": 1.0, "activation": "tanh"},
    "much": {"forget_bias": 2.5, "activation": "sigmoid"},
    "clips": {"forget_bias": 1.0, "activation": "tanh", "cell_clip": 0.3, "proj_clip": 0.1},
    "clip": {"forget_bias": 1.0, "activation": "softsign", "cell_clip": 0.25},
    "gru": {"activation": "relu"},
    "rnn": {"activation": "elu"},
    "linear": {"activation": "linear"},
    "own": {"forget_bias": 0.75, "activation": "tanh"},
    "block_lstm": {"forget_bias": 0.5, "activation": "tanh", "cell_clip": 0.3},
    "block_cell": {"forget_bias": 2.5, "activation": "tanh"},
    "block_gru": {"activation": "tanh"},
}
FUSED = {"block_lstm": "LSTMBlockFusedCell", "block_cell": "LSTMBlockCell", "block_gru": "GRUBlockCell"}
MADE = [
    *((name, "fused" if name in FUSED else "loop") for name in OPTIONS),
    *((name, "unrolled") for name in ("zero", "clips", "gru", "rnn")),
    *((name, "trained") for name in ("much", "gru", "rnn")),
]
LEFT_OUT = {"scaled": "Mul, Tanh to its new input", "zoneout": "changes its state between two steps"}


@pytest.fixture(scope="module", params=["old", "new"])
def graphs(tmp_path_factory, request):
    folder = tmp_path_factory.mktemp(f"graphs_{request.param}")
    done = subprocess.run(
        [sys.executable, "-m", "tests.formats.tf1_graphs", str(folder), request.param],
        cwd=ROOT, check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.mark.parametrize("ending", [".meta", ".pb"])
@pytest.mark.parametrize(("name", "how"), MADE)
def test_a_graph_says_what_its_cell_does(graphs, name, how, ending):
    with np.load(graphs / f"{name}-{how}.npz") as known:
        x, h = known["x"], known["h"]
    loaded = lv.load(graphs / f"{name}-{how}{ending}")
    ((title, cell),) = loaded.items()
    assert dict(loaded.layers[title].options) == OPTIONS[name]
    assert not loaded.assumed[title] and title not in loaded.notes
    assert loaded.stored[title].layer == FUSED.get(name, loaded.stored[title].layer)
    assert differs(cell, x, h) <= TOLERANCE


@pytest.mark.parametrize("name", ["zero", "gru"])
def test_the_graph_of_a_saved_model_says_what_its_cell_does(graphs, name):
    with np.load(graphs / f"{name}-unrolled.npz") as known:
        x, h = known["x"], known["h"]
    loaded = lv.load(graphs / f"{name}-unrolled-saved")
    ((title, cell),) = loaded.items()
    assert dict(loaded.layers[title].options) == OPTIONS[name] and not loaded.assumed[title]
    assert differs(cell, x, h) <= TOLERANCE


def _spoil(graph, how):
    for node in graph.node:
        if how == "circles" and node.op == "Identity":
            node.input[0] = node.name
        elif how == "nothing given" and node.op != "Const":
            node.input[:] = []
        elif how == "given by none":
            node.input[:] = ["nowhere:99999999999"] * len(node.input)
        elif how == "told nothing" and node.op != "Const":
            node.attr.clear()


@pytest.mark.parametrize("how", ["circles", "nothing given", "given by none", "told nothing"])
def test_a_graph_that_no_tensorflow_wrote_is_not_followed(graphs, how):
    from tensorflow.core.framework.graph_pb2 import GraphDef

    graph = GraphDef.FromString((graphs / "clips-loop.pb").read_bytes())
    _spoil(graph, how)
    loaded = lv.load(graph.SerializeToString(), name="frozen.pb")
    assert any("cannot be followed" in each.why for each in loaded.assumed["rnn/lstm_cell"])


def test_a_stack_of_cells_says_what_each_does(graphs):
    with np.load(graphs / "stack-loop.npz") as known:
        x, h = known["x"], known["h"]
    loaded = lv.load(graphs / "stack-loop")
    lower, upper = loaded.values()
    assert not any(loaded.assumed.values())
    assert differs(upper, lv.run(lower, x, device="CPU:0").states["h"], h) <= TOLERANCE


@pytest.mark.parametrize("ending", ["", ".pb"])
@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_cell_that_does_more_is_left_out_for_that(graphs, name, ending):
    loaded = lv.load(graphs / f"{name}-loop{ending}")
    assert not loaded
    assert any(LEFT_OUT[name] in reason for reason in loaded.skipped.values())


def test_states_kept_in_one_array_are_assumed_to_be_carried(graphs):
    loaded = lv.load(graphs / "together-loop")
    ((title, cell),) = loaded.items()
    assert cell.options["forget_bias"] == 0.5
    (assumed,) = loaded.assumed[title]
    assert "each step starts from the states" in assumed.that


def test_a_damaged_graph_beside_a_checkpoint_leaves_what_was_assumed_without_it(graphs, tmp_path):
    for part in graphs.glob("usual-loop.*"):
        data = part.read_bytes()
        (tmp_path / part.name).write_bytes(data[:-9] if part.suffix == ".meta" else data)
    loaded = lv.load(tmp_path / "usual-loop")
    assert "usual-loop.meta, is not read" in loaded.notes[""]
    assert any("forget_bias is 1" in each.that for each in loaded.assumed["rnn/basic_lstm_cell"])


def test_a_graph_of_too_many_calls_in_calls_is_refused():
    from tensorflow.core.framework.graph_pb2 import GraphDef

    graph = GraphDef()
    graph.node.add(name="call", op="PartitionedCall").attr["f"].func.name = "f0"
    weights = graph.node.add(name="rnn/lstm_cell/kernel", op="Const").attr["value"].tensor
    weights.dtype, weights.tensor_content = 1, np.zeros(8, "f4").tobytes()
    weights.tensor_shape.dim.add(size=8)
    for depth in range(40):
        function = graph.library.function.add()
        function.signature.name = f"f{depth}"
        for call in range(10):
            function.node_def.add(name=f"c{call}", op="PartitionedCall").attr["f"].func.name = f"f{depth + 1}"
    with pytest.raises(FormatError, match="operations"):
        lv.load(graph.SerializeToString(), name="frozen.pb")


def test_a_constant_that_says_it_is_huge_is_not_made():
    from tensorflow.core.framework.graph_pb2 import GraphDef

    graph = GraphDef()
    tensor = graph.node.add(name="rnn/lstm_cell/kernel", op="Const").attr["value"].tensor
    tensor.dtype = 1
    tensor.float_val.append(1.0)
    for _axis in range(2):
        tensor.tensor_shape.dim.add(size=2**31)
    with pytest.raises(FormatError, match="graph of TensorFlow"):
        lv.load(graph.SerializeToString(), name="frozen.pb")
