"""The cells of 2016 to 2024 against references in numbers and loops, and those against other people's code."""

import functools
import importlib.util
import sys
import types
import warnings

import numpy as np
import pytest

import lstmviz as lv
from tests.cells.today import REFERENCES, normed

CASES = [  # the first of each is the kind by default
    pytest.param(kind, options, id=" ".join([kind, *(f"{name}={value}" for name, value in options.items())]))
    for kind, reference in REFERENCES.items()
    for options in ({}, *reference.options)
]
SEEDS = range(6)


def draw(kind, options, seed, num_units=None, input_size=None, steps=20):
    """Random weights, a sequence and an initial state, in float64, at a scale that makes no chaos."""
    rng = np.random.default_rng(seed)
    num_units = num_units or int(rng.integers(1, 8))
    input_size = input_size or int(rng.integers(1, 7))
    weights = {
        name: rng.normal(size=shape) / np.sqrt(num_units + input_size)
        for name, shape in REFERENCES[kind].sizes(input_size, num_units, options).items()
    }
    x = rng.normal(size=(steps, input_size))
    start = {name: rng.normal(size=num_units) for name in REFERENCES[kind].states}
    if "n" in start:
        start["n"] = rng.uniform(0.05, 3.0, num_units)  # a sum of what was written
    return weights, x, start


def as_lists(arrays):
    return {name: array.tolist() for name, array in arrays.items()}


def reference_run(kind, weights, x, start, **options):
    """The reference's states and gates as arrays."""
    states, gates = REFERENCES[kind].run(x.tolist(), as_lists(start), as_lists(weights), **options)
    return [
        {name: np.array(rows).reshape(len(x), -1) for name, rows in each.items()} for each in (states, gates)
    ]


def build(kind, weights, x, start, dtype="float64", **options):
    return lv.build(kind, len(start["h"]), x.shape[1], weights=weights, dtype=dtype, **options)


def assert_close(found, expected, within):
    """Every state or gate of `expected`, by name, at every step."""
    assert set(found) == set(expected)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=within, atol=within, err_msg=name)


# ------------------------------------------------------------------------------------------- the kinds


@pytest.mark.parametrize(("kind", "options"), CASES)
def test_a_kind_of_today_has_the_weights_and_states_of_its_paper(kind, options):
    cell = lv.build(kind, num_units=3, input_size=2, **options)
    expected = REFERENCES[kind].sizes(2, 3, options)
    assert {name: weight.shape for name, weight in cell.weights.items()} == expected
    assert tuple(cell.kind.states) == REFERENCES[kind].states


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("kind", "options"), CASES)
def test_a_cell_of_today_computes_what_its_paper_says(kind, options, seed):
    weights, x, start = draw(kind, options, seed)
    states, gates = reference_run(kind, weights, x, start, **options)
    cell = build(kind, weights, x, start, **options)
    trace = lv.run(cell, x, engine="numpy", initial_state=start)
    assert_close(trace.states, states, 1e-12)
    assert_close(trace.gates, gates, 1e-12)


@pytest.mark.parametrize(("kind", "options"), CASES)
def test_a_cell_of_today_starts_at_zero(kind, options):
    weights, x, start = draw(kind, options, seed=11)
    nothing = {name: np.zeros_like(state) for name, state in start.items()}
    states, gates = reference_run(kind, weights, x, nothing, **options)
    trace = lv.run(build(kind, weights, x, start, **options), x, engine="numpy")
    assert_close(trace.states, states, 1e-12)
    assert_close(trace.gates, gates, 1e-12)


@pytest.mark.parametrize(("dtype", "within"), [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize(("kind", "options"), CASES)
def test_a_cell_of_today_computes_the_same_in_tensorflow(kind, options, dtype, within):
    weights, x, start = draw(kind, options, seed=12)
    states, gates = reference_run(kind, weights, x, start, **options)
    cell = build(kind, weights, x, start, dtype, **options)
    trace = lv.run(cell, x, device="CPU:0", initial_state=start)
    assert_close(trace.states, states, within)
    assert_close(trace.gates, gates, within)


# ------------------------------------------------------------------------ the references, other people's code


def needs(name):
    """A module of an oracle, or the test is skipped; its own warnings while it loads are its authors' business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


def _torchrecurrent(name, x, start, *, kernel, bias, u=None, **options):
    """A cell of torchrecurrent, whose weights are ours transposed, x's beside h's, with a second bias of zeros."""
    torch, library = needs("torch"), needs("torchrecurrent")
    num_units, input_size = len(start["h"]), x.shape[1]
    cell = getattr(library, name)(input_size, num_units, dtype=torch.float64, **options)
    values = {"weight_ih": kernel[:input_size].T, "bias_ih": bias, "bias_hh": np.zeros_like(bias)}
    values |= {"vector_u": u} if u is not None else {"weight_hh": kernel[input_size:].T}
    with torch.no_grad():
        for variable, value in values.items():
            getattr(cell, variable).copy_(torch.from_numpy(np.ascontiguousarray(value)))
        h, rows = torch.from_numpy(start["h"])[None], []
        for row in torch.from_numpy(x)[:, None]:
            h = cell(row, (h, h))[0] if name == "JANETCell" else cell(row, h)
            rows.append(h[0].numpy())
    return {"h": np.array(rows)}


def their_mgu(weights, x, start):
    parts = ("gates", "candidate")
    kernel, bias = (
        np.concatenate([weights[f"{part}/{name}"] for part in parts], -1) for name in ("kernel", "bias")
    )
    return _torchrecurrent("MGUCell", x, start, kernel=kernel, bias=bias)


def their_janet(weights, x, start, beta=1.0):
    return _torchrecurrent("JANETCell", x, start, kernel=weights["kernel"], bias=weights["bias"], beta=beta)


def their_ind_rnn(weights, x, start, activation="relu"):
    given = {"kernel": weights["kernel"], "bias": weights["bias"], "u": weights["recurrent_kernel"]}
    return _torchrecurrent("IndRNNCell", x, start, nonlinearity=activation, **given)


def their_li_gru(weights, x, start, activation="relu"):
    given = {"kernel": weights["kernel"], "bias": weights["bias"]}
    return _torchrecurrent("LiGRUCell", x, start, nonlinearity=activation, **given)


def _slstm(pointwise, weights, x, start):
    """The loop around one of NX-AI's steps, which have their states in the order h, c, n, m."""
    torch = needs("torch")
    kernel = torch.from_numpy(weights["kernel"])
    of_x, of_h = kernel[: x.shape[1]], kernel[x.shape[1] :]
    states = torch.stack([torch.from_numpy(start[name])[None] for name in "hcnm"])
    rows = []
    for row in torch.from_numpy(x)[:, None]:
        states = pointwise(row @ of_x, states[0] @ of_h, torch.from_numpy(weights["bias"]), states)
        rows.append(states[:, 0].numpy())
    return {name: np.array(rows)[:, place] for place, name in enumerate("hcnm")}


def their_slstm(weights, x, start):
    vanilla = needs("xlstm.blocks.slstm.src.vanilla.slstm")
    return _slstm(lambda *given: vanilla.slstm_forward_pointwise(*given, {})[0], weights, x, start)


def flash_slstm(weights, x, start):
    vanilla = needs("flashrnn.flashrnn.vanilla.slstm")

    def pointwise(of_x, of_h, bias, states):
        gates = [part.reshape(len(part), 4, -1) for part in (of_x, of_h, bias[None])]
        return vanilla.flashrnn_forward_pointwise(*gates, states.transpose(0, 1), {})[0].transpose(0, 1)

    return _slstm(pointwise, weights, x, start)


BLOCKS = {"minGRU": 2, "minLSTM": 3}


def _minimal(name, kernel, x, h, at_once=False):
    """A layer of minGRU-pytorch, which has no bias, and whose candidate is the first block of columns."""
    torch = needs("torch")
    layer = getattr(needs(f"minGRU_pytorch.{name}"), name)(len(kernel))
    linear = layer.to_hidden_and_gate if name == "minGRU" else layer.to_hidden_and_f_i_gate
    linear.weight = torch.nn.Parameter(torch.from_numpy(np.ascontiguousarray(kernel.T)))
    xs, h = torch.from_numpy(x)[None], torch.from_numpy(h)[None, None]
    with torch.no_grad():
        if at_once:
            return layer(xs, h)[0].numpy()
        rows = []
        for row in xs.split(1, dim=1):
            h = layer(row, h)
            rows.append(h[0, 0].numpy())
    return np.array(rows)


def positive(z):
    """What minGRU-pytorch's candidate passes: the paper's g, which keeps h above zero for its logarithm."""
    return np.where(z >= 0, z + 0.5, 1 / (1 + np.exp(-z)))


def _minimal_of_a_candidate(name, weights, x, start, at_once=False):
    """The same run in both: theirs on x with a 1 for the bias, ours on what the candidate's g made of it.

    Ours has the candidate as a linear layer gives it. So x gets the numbers that g gives as further features, and the
    kernel passes them on.
    """
    num_units = len(start["h"])
    columns = np.split(np.vstack([weights["kernel"], weights["bias"]]), BLOCKS[name], axis=1)
    with_one = np.hstack([x, np.ones((len(x), 1))])
    theirs = _minimal(name, np.hstack([columns[-1], *columns[:-1]]), with_one, start["h"], at_once)
    passed_on = np.hstack([np.zeros((num_units, num_units * (BLOCKS[name] - 1))), np.eye(num_units)])
    above = np.hstack([*columns[:-1], np.zeros_like(columns[-1])])
    ours = {"kernel": np.vstack([above, passed_on]), "bias": np.zeros(num_units * BLOCKS[name])}
    return theirs, ours, np.hstack([with_one, positive(with_one @ columns[-1])])


@functools.cache
def recurrent_gemma():
    """recurrentgemma's torch layers; its package's first file imports JAX and Flax, which they do not need."""
    needs("torch")
    needs("einops")
    spec = importlib.util.find_spec("recurrentgemma")
    if spec is None:
        pytest.skip("could not import 'recurrentgemma'")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("recurrentgemma", "recurrentgemma.torch"):
            package = types.ModuleType(name)
            package.__path__ = [f"{spec.submodule_search_locations[0]}/{name.partition('.')[2]}"]
            patch.setitem(sys.modules, name, package)
        return importlib.import_module("recurrentgemma.torch.layers")


def their_rg_lru(weights, x, start, num_heads, segments):
    """RecurrentGemma's layer. What it takes is j already, and the gates of a head see that head's numbers alone."""
    torch, layers = needs("torch"), recurrent_gemma()
    num_units = len(start["h"])
    layer = layers.RGLRU(num_units, num_heads, dtype=torch.float64)
    with torch.no_grad():
        layer.a_param.copy_(torch.from_numpy(weights["a_param"]))
        for place, gate in enumerate((layer.a_gate, layer.input_gate)):
            columns = slice(place * num_units, (place + 1) * num_units)
            heads = weights["kernel"][:, columns].reshape(num_heads, num_units // num_heads, num_heads, -1)
            for head in range(num_heads):
                gate.w[head] = torch.from_numpy(heads[head, :, head])
            gate.b.copy_(torch.from_numpy(weights["bias"][columns].reshape(num_heads, -1)))
        before = torch.from_numpy(start["h"].astype(np.float32))[None]  # it adds up in float32
        h, _last = layer(torch.from_numpy(x)[None], torch.tensor(segments)[None], before)
    return h[0].numpy()


THEIRS = {
    "sLSTM": their_slstm,
    "MGU": their_mgu,
    "JANET": their_janet,
    "IndRNN": their_ind_rnn,
    "LiGRU": their_li_gru,
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("kind", "options"), [case for case in CASES if case.values[0] in THEIRS])
def test_a_reference_computes_what_other_peoples_code_does(kind, options, seed):
    weights, x, start = draw(kind, options, seed)
    states, _gates = reference_run(kind, weights, x, start, **options)
    assert_close(states, THEIRS[kind](weights, x, start, **options), 1e-12)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["minGRU", "minLSTM"])
def test_a_minimal_reference_computes_what_mingru_pytorch_does_step_by_step(kind, seed):
    weights, x, start = draw(kind, {}, seed)
    start["h"] = np.abs(start["h"])  # theirs is made for an h above zero
    expected, ours, features = _minimal_of_a_candidate(kind, weights, x, start)
    states, _gates = reference_run(kind, ours, features, start)
    np.testing.assert_allclose(states["h"], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_min_gru_reference_computes_what_mingru_keras_does_from_zero(seed):
    """It has the plain form, its candidate as a linear layer gives it, and no state to go on from."""
    library = needs("mingru_keras")
    weights, x, _start = draw("minGRU", {}, seed)
    num_units = len(weights["bias"]) // 2
    layer = library.MinGRU(num_units, dtype="float64")
    layer.gate.dtype_policy = layer.candidate.dtype_policy = layer.dtype_policy  # it makes them in float32
    layer.build((1, *x.shape))
    (kernel_z, kernel_c), (bias_z, bias_c) = (np.split(weights[name], 2, -1) for name in ("kernel", "bias"))
    layer.gate.set_weights([kernel_z, bias_z])
    layer.candidate.set_weights([kernel_c, bias_c])
    states, _gates = reference_run("minGRU", weights, x, {"h": np.zeros(num_units)})
    np.testing.assert_allclose(states["h"], np.array(layer(x[None]))[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["minGRU", "minLSTM"])
def test_all_steps_at_once_mingru_pytorch_goes_on_from_h_but_its_min_lstm_from_g_of_h(kind):
    weights, x, start = draw(kind, {}, seed=3)
    start["h"] = np.abs(start["h"])
    expected, ours, features = _minimal_of_a_candidate(kind, weights, x, start, at_once=True)
    same = reference_run(kind, ours, features, start)[0]["h"]
    if kind == "minLSTM":
        # It takes the logarithm of g(h) where that of h belongs, so it starts from another state.
        assert np.abs(same - expected)[0].max() > 0.01
        same = reference_run(kind, ours, features, {"h": positive(start["h"])})[0]["h"]
    np.testing.assert_allclose(same, expected, rtol=1e-10, atol=1e-10)  # the logarithms of 20 steps, added up


def _block_diagonal(weights, num_units, num_heads, rng):
    """An RG-LRU's weights as RecurrentGemma can have them: x is j, and a head's gates see the head."""
    size = num_units // num_heads
    mask = np.kron(np.eye(num_heads), np.ones((size, size)))
    gates = [mask * rng.normal(size=(num_units, num_units)) / np.sqrt(size) for _ in "ri"]
    bias = np.concatenate([weights["bias"][: 2 * num_units], np.zeros(num_units)])
    return {"kernel": np.hstack([*gates, np.eye(num_units)]), "bias": bias, "a_param": weights["a_param"]}


@pytest.mark.parametrize("num_heads", [1, 2, 3])
def test_the_rg_lru_reference_computes_what_recurrentgemma_does(num_heads):
    weights, x, start = draw("RG-LRU", {}, num_heads, num_units=6, input_size=6)
    weights = _block_diagonal(weights, 6, num_heads, np.random.default_rng(num_heads))
    expected = their_rg_lru(weights, x, start, num_heads, segments=list(range(5, 25)))
    h = reference_run("RG-LRU", weights, x, start)[0]["h"]
    np.testing.assert_allclose(h, expected, rtol=1e-5, atol=1e-6)


def test_recurrentgemma_alone_writes_the_first_step_of_a_text_in_full():
    weights, x, start = draw("RG-LRU", {}, seed=7, num_units=4, input_size=4)
    weights = _block_diagonal(weights, 4, 1, np.random.default_rng(7))
    expected = their_rg_lru(weights, x, start, 1, segments=list(range(20)))
    _states, gates = reference_run("RG-LRU", weights, x, start)
    first = gates["i"][0] * gates["j"][0]  # nothing is kept, and nothing is taken off what is written
    np.testing.assert_allclose(expected[0], first, rtol=1e-6)
    after = reference_run("RG-LRU", weights, x[1:], {"h": first})[0]["h"]
    np.testing.assert_allclose(expected[1:], after, rtol=1e-5, atol=1e-6)


def test_xlstm_has_the_same_states_from_zero_where_m_is_what_is_written_first():
    weights, x, start = draw("sLSTM", {}, seed=5, num_units=6)
    weights["bias"][:6] -= 3  # input gates that are nearly closed, so that m is not z_i by itself
    nothing = {name: np.zeros_like(state) for name, state in start.items()}
    ours, theirs = reference_run("sLSTM", weights, x, nothing)[0], their_slstm(weights, x, nothing)
    assert_close(ours, theirs, 1e-12)
    assert theirs["n"].min() >= 1


def test_flashrnn_lets_n_not_fall_below_one_which_tells_only_from_a_state_that_xlstm_never_reaches():
    weights, x, start = draw("sLSTM", {}, seed=5, num_units=6)
    nothing = {name: np.zeros_like(state) for name, state in start.items()}
    for state in (nothing, start | {"n": np.full(6, 1.0)}):
        h = reference_run("sLSTM", weights, x, state)[0]["h"]
        np.testing.assert_allclose(h, flash_slstm(weights, x, state)["h"], rtol=1e-12, atol=1e-12)
    low = start | {"n": np.full(6, 0.2), "m": np.full(6, 2.0)}
    h = reference_run("sLSTM", weights, x, low)[0]["h"]
    np.testing.assert_allclose(h, their_slstm(weights, x, low)["h"], rtol=1e-12, atol=1e-12)
    assert np.abs(h - flash_slstm(weights, x, low)["h"]).max() > 0.01


def test_a_light_gru_holds_its_batch_norm_in_the_kernels_x_rows_and_the_bias():
    torch = needs("torch")
    weights, x, start = draw("LiGRU", {}, seed=4, num_units=5)
    rng = np.random.default_rng(4)
    norm = torch.nn.BatchNorm1d(10, dtype=torch.float64).eval()
    with torch.no_grad():
        for learnt in (norm.weight, norm.bias, norm.running_mean):
            learnt.copy_(torch.from_numpy(rng.normal(size=10)))
        norm.running_var.copy_(torch.from_numpy(rng.uniform(0.5, 2.0, 10)))
        of_x, of_h = np.split(weights["kernel"], [x.shape[1]])
        h, expected = start["h"], []
        for row in norm(torch.from_numpy(x @ of_x)).numpy():
            c, z = np.split(row + h @ of_h, 2)[::-1]
            z = 1 / (1 + np.exp(-z))
            h = z * h + (1 - z) * np.maximum(c, 0)
            expected.append(h)
        scale = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).numpy()
        shift = norm.bias.numpy() - norm.running_mean.numpy() * scale
    folded = {"kernel": np.vstack([of_x * scale, of_h]), "bias": shift}
    states, _gates = reference_run("LiGRU", folded, x, start)
    np.testing.assert_allclose(states["h"], np.array(expected), rtol=1e-12, atol=1e-12)


def test_the_norm_of_the_reference_is_tensorflow_slims():
    """tf_slim carries `contrib.layers.layer_norm` on, with the epsilon that shows where units are nearly equal."""
    tf, slim = needs("tensorflow"), needs("tf_slim")
    rng = np.random.default_rng(0)
    for scale in (1.0, 1e-6):
        row, gamma, beta = (rng.normal(size=5) * size for size in (scale, 1.0, 1.0))
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            layer = slim.layers.layer_norm(tf.constant(row[None]))
            named = {v.name.split("/")[-1][:-2]: v for v in tf.compat.v1.global_variables()}
            for name, value in (("gamma", gamma), ("beta", beta)):
                named[name].load(value, session)
            expected = session.run(layer)[0]
        weights = {"state/gamma": gamma.tolist(), "state/beta": beta.tolist()}
        np.testing.assert_allclose(normed(row.tolist(), weights, "state"), expected, rtol=1e-9)
