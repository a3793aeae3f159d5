"""Does a conversion compute the same? The converted arrays, in the equations of the framework that they are for.

The equations here are written from each framework's documentation or source, in its own names, and cut its arrays
themselves: they know nothing of the table that the conversion is made from, so an error there shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstmviz.language import _
from lstmviz.layouts.convert import Converted, to_layout
from lstmviz.layouts.table import LAYOUTS
from lstmviz.run.arrays import activate
from lstmviz.run.trace import Trace

Arrays = Mapping[str, np.ndarray]
States = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Proof:
    """What came of running converted arrays.

    Attributes:
        layout: Whose arrays and equations they were.
        converted: The arrays.
        largest: The largest `|difference|` to the recorded h and c, over all steps and units; NaN where one of two
            numbers is NaN and the other is not.
        steps: How many steps were computed.
        tolerance: What rounding alone may make of it: see `prove`.
    """

    layout: str
    converted: Converted = field(repr=False)
    largest: Mapping[str, float]
    steps: int
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether every difference is within the tolerance."""
        return all(difference <= self.tolerance for difference in self.largest.values())

    def tell(self, condition: str = "") -> str:
        """What is proved, or not, in sentences.

        Args:
            condition: Under which the cell is the layer that it is taken for, a clause: "if its activation is tanh: the
                file does not say". The converted arrays equal this cell in any case; the layer, only then.
        """
        words = {
            "layout": LAYOUTS[self.layout].title,
            "steps": self.steps,
            "largest": ", ".join(f"{state} {difference:.1e}" for state, difference in self.largest.items()),
            "tolerance": f"{self.tolerance:.0e}",
            "condition": condition,
        }
        if not self.ok:
            text = _(
                "Not equal to this cell: in {layout}'s own equations, over {steps} steps, the largest difference is "
                "{largest}, more than the {tolerance} that rounding may make."
            )
        elif condition:
            text = _(
                "In {layout}'s own equations, over {steps} steps, the largest difference is {largest}; rounding may make "
                "{tolerance}. Equal to this cell, {condition}."
            )
        else:
            text = _(
                "In {layout}'s own equations, over {steps} steps, the largest difference is {largest}; rounding may make "
                "{tolerance}. Equal to this cell."
            )
        return text.format(**words)


def prove(trace: Trace, layout: str) -> Proof:
    """Runs the cell's converted arrays in the framework's own equations, in NumPy and float64, against a recorded run.

    Each step starts from the states that the run had before it, so that rounding does not grow from step to step (in a
    chaotic cell it would, though the weights are right). The tolerance is a bound of one step's rounding in the run's
    own type: 16 roundings of the largest sum of terms, the terms taken without their signs, times the largest number.

    Raises:
        ValueError: the framework has no such cell, or the run held gates or states.
    """
    return check(trace, to_layout(trace.cell, layout))


def check(trace: Trace, converted: Converted) -> Proof:
    """`prove` for arrays converted before.

    Raises:
        ValueError: an option in the framework's words that its equations do not know; or the run held gates or states.
    """
    if trace.clamp:
        raise ValueError(
            _("the run held {names}, which no framework's equations do; prove a run without clamp.").format(
                names=", ".join(trace.clamp)
            )
        )
    arrays = {name: array.astype(np.float64) for name, array in converted.arrays.items()}
    before = {
        name: trace.before_each(name, slice(None)).astype(np.float64) for name in trace.cell.kind.states
    }
    run = RUNNERS[converted.layout, converted.family]
    with np.errstate(all="ignore"):
        after = run(arrays, converted.options, trace.x.astype(np.float64), before)
        largest = {name: _largest(after[name], trace.states[name]) for name in sorted(after, reverse=True)}
        tolerance = _tolerance(trace)
    return Proof(converted.layout, converted, largest, len(trace), tolerance)


def _largest(a: np.ndarray, b: np.ndarray) -> float:
    same = (a == b) | (np.isnan(a) & np.isnan(b))  # an infinity less itself would be NaN
    return float(np.where(same, 0, np.abs(a - b)).max(initial=0))


def _tolerance(trace: Trace) -> float:
    cell, size = trace.cell, 0.0
    met = np.concatenate([trace.x, trace.before_each("h", slice(None))], axis=1).astype(np.float64)
    sums = np.abs(met) @ np.abs(cell.kernel.astype(np.float64))
    sums += np.abs(cell.bias) + np.abs(cell.hidden_bias) + np.abs(cell.offset)
    for values in (sums, *trace.gates.values(), *trace.states.values()):
        finite = values[np.isfinite(values)]
        size = max(size, float(np.abs(finite).max(initial=0)))
    projection = cell.weights.get("projection/kernel")
    factor = 1.0 if projection is None else 1 + float(np.abs(projection).sum(axis=0).max())
    return 16 * float(np.finfo(cell.dtype).eps) * (1 + size) ** 2 * factor


# --- TensorFlow 1: rnn_cell_impl.py, and cudnn_rnn_ops.py of TensorFlow 1.15's contrib ---------------------------------


def _sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def _named(name: str) -> Callable[[np.ndarray], np.ndarray]:
    """An activation function by Keras's name."""
    return lambda a: activate(name, a)


def _run_tf1_lstm(arrays: Arrays, options: Mapping[str, Any], x: np.ndarray, before: States) -> States:
    """`LSTMCell.call`, of which `BasicLSTMCell.call` is a part: gates i, j, f, o."""
    c_prev, m_prev, activation = before["c"], before["h"], _named(options["activation"])
    lstm_matrix = np.concatenate([x, m_prev], axis=1) @ arrays["kernel"] + arrays["bias"]
    i, j, f, o = np.split(lstm_matrix, 4, axis=1)
    f = f + options["forget_bias"]
    if "w_f_diag" in arrays:
        i, f = i + arrays["w_i_diag"] * c_prev, f + arrays["w_f_diag"] * c_prev
    c = _sigmoid(f) * c_prev + _sigmoid(i) * activation(j)
    if options.get("cell_clip") is not None:
        c = np.clip(c, -options["cell_clip"], options["cell_clip"])
    if "w_f_diag" in arrays:
        o = o + arrays["w_o_diag"] * c
    m = _sigmoid(o) * activation(c)
    if "projection/kernel" in arrays:
        m = m @ arrays["projection/kernel"]
        if options.get("proj_clip") is not None:
            m = np.clip(m, -options["proj_clip"], options["proj_clip"])
    return {"c": c, "h": m}


def _run_tf1_gru(arrays: Arrays, options: Mapping[str, Any], x: np.ndarray, before: States) -> States:
    """`GRUCell.call` and contrib's `CudnnCompatibleGRUCell.call`: gates r, u."""
    state = before["h"]
    r, u = np.split(
        _sigmoid(np.concatenate([x, state], axis=1) @ arrays["gates/kernel"] + arrays["gates/bias"]), 2, 1
    )
    if "candidate/kernel" in arrays:
        candidate = (
            np.concatenate([x, r * state], axis=1) @ arrays["candidate/kernel"] + arrays["candidate/bias"]
        )
        c = _named(options["activation"])(candidate)
    else:
        room = "candidate/{}_projection/{}".format
        hidden = state @ arrays[room("hidden", "kernel")] + arrays[room("hidden", "bias")]
        c = np.tanh(x @ arrays[room("input", "kernel")] + arrays[room("input", "bias")] + r * hidden)
    return {"h": u * state + (1 - u) * c}


def _run_tf1_rnn(arrays: Arrays, options: Mapping[str, Any], x: np.ndarray, before: States) -> States:
    """`BasicRNNCell.call`."""
    gate_inputs = np.concatenate([x, before["h"]], axis=1) @ arrays["kernel"] + arrays["bias"]
    return {"h": _named(options["activation"])(gate_inputs)}


# --- Keras: keras/src/layers/rnn/lstm.py, gru.py, simple_rnn.py --------------------------------------------------------


def _run_keras_lstm(arrays: Arrays, options: Mapping[str, Any], x: np.ndarray, before: States) -> States:
    """`LSTMCell.call`: `z0, z1, z2, z3 = ops.split(z, 4, axis=1)`, which are i, f, the new c and o."""
    recurrent, activation = _named(options["recurrent_activation"]), _named(options["activation"])
    z = x @ arrays["kernel"] + before["h"] @ arrays["recurrent_kernel"] + arrays.get("bias", 0)
    z0, z1, z2, z3 = np.split(z, 4, axis=1)
    c = recurrent(z1) * before["c"] + recurrent(z0) * activation(z2)
    return {"c": c, "h": recurrent(z3) * activation(c)}


def _run_keras_gru(arrays: Arrays, options: Mapping[str, Any], x: np.ndarray, before: States) -> States:
    """`GRUCell.call`: z, r, h; with `reset_after` the bias has two rows."""
    units, h_tm1 = options["units"], before["h"]
    recurrent, activation = _named(options["recurrent_activation"]), _named(options["activation"])
    bias, kernel = arrays.get("bias", np.zeros((2, 3 * units))), arrays["recurrent_kernel"]
    input_bias, recurrent_bias = (
        bias if options["reset_after"] else (bias.reshape(-1, 3 * units)[0], np.zeros(3 * units))
    )
    x_z, x_r, x_h = np.split(x @ arrays["kernel"] + input_bias, 3, axis=1)
    gates = h_tm1 @ kernel[:, : 2 * units] + recurrent_bias[: 2 * units]
    z, r = recurrent(x_z + gates[:, :units]), recurrent(x_r + gates[:, units:])
    if options["reset_after"]:
        recurrent_h = r * (h_tm1 @ kernel[:, 2 * units :] + recurrent_bias[2 * units :])
    else:
        recurrent_h = (r * h_tm1) @ kernel[:, 2 * units :]
    hh = activation(x_h + recurrent_h)
    return {"h": z * h_tm1 + (1 - z) * hh}


def _run_keras_rnn(arrays: Arrays, options: Mapping[str, Any], x: np.ndarray, before: States) -> States:
    """`SimpleRNNCell.call`."""
    h = x @ arrays["kernel"] + arrays.get("bias", 0)
    return {"h": _named(options["activation"])(h + before["h"] @ arrays["recurrent_kernel"])}


# --- PyTorch: the documentation of torch.nn.LSTM, GRU, RNN --------------------------------------------------------------


def _split_pytorch(
    arrays: Arrays, count: int, x: np.ndarray, h: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """`W x + b_i` and `W h + b_h` of each gate, in PyTorch's order."""
    from_x = x @ arrays["weight_ih_l0"].T + arrays.get("bias_ih_l0", 0)
    from_h = h @ arrays["weight_hh_l0"].T + arrays.get("bias_hh_l0", 0)
    return list(zip(np.split(from_x, count, axis=1), np.split(from_h, count, axis=1), strict=True))


def _run_pytorch_lstm(arrays: Arrays, options: Mapping[str, Any], x: np.ndarray, before: States) -> States:
    """`weight_ih_l[k]`: `(W_ii|W_if|W_ig|W_io)`; with `proj_size`, `h_t = W_hr h_t`."""
    i, f, g, o = (a + b for a, b in _split_pytorch(arrays, 4, x, before["h"]))
    c = _sigmoid(f) * before["c"] + _sigmoid(i) * np.tanh(g)
    h = _sigmoid(o) * np.tanh(c)
    return {"c": c, "h": h @ arrays["weight_hr_l0"].T if options.get("proj_size") else h}


def _run_pytorch_gru(arrays: Arrays, options: Mapping[str, Any], x: np.ndarray, before: States) -> States:
    """`weight_ih_l[k]`: `(W_ir|W_iz|W_in)`; `n = tanh(W_in x + b_in + r * (W_hn h + b_hn))`."""
    (r_x, r_h), (z_x, z_h), (n_x, n_h) = _split_pytorch(arrays, 3, x, before["h"])
    r, z = _sigmoid(r_x + r_h), _sigmoid(z_x + z_h)
    n = np.tanh(n_x + r * n_h)
    return {"h": (1 - z) * n + z * before["h"]}


def _run_pytorch_rnn(arrays: Arrays, options: Mapping[str, Any], x: np.ndarray, before: States) -> States:
    """`h = tanh(x W_ih^T + b_ih + h W_hh^T + b_hh)`, or ReLU by `nonlinearity`."""
    ((from_x, from_h),) = _split_pytorch(arrays, 1, x, before["h"])
    a = from_x + from_h
    return {"h": np.maximum(a, 0) if options["nonlinearity"] == "relu" else np.tanh(a)}


# --- ONNX: the operators LSTM, GRU, RNN ---------------------------------------------------------------------------------

# The operators' own list of functions: how many of alpha and beta each takes, and the function.
_ONNX: Mapping[str, tuple[int, int, Callable[..., np.ndarray]]] = {
    "Relu": (0, 0, lambda x: np.maximum(0, x)),
    "Tanh": (0, 0, np.tanh),
    "Sigmoid": (0, 0, _sigmoid),
    "Affine": (1, 1, lambda x, alpha, beta: alpha * x + beta),
    "LeakyRelu": (1, 0, lambda x, alpha: np.where(x >= 0, x, alpha * x)),
    "HardSigmoid": (1, 1, lambda x, alpha, beta: np.minimum(np.maximum(alpha * x + beta, 0), 1)),
    "Elu": (1, 0, lambda x, alpha: np.where(x >= 0, x, alpha * (np.exp(np.minimum(x, 0)) - 1))),
    "Softsign": (0, 0, lambda x: x / (1 + np.abs(x))),
    "Softplus": (0, 0, lambda x: np.logaddexp(0, x)),
}


def _read_onnx_functions(options: Mapping[str, Any]) -> list[Callable[[np.ndarray], np.ndarray]]:
    alphas, betas = (list(options.get(f"activation_{name}", ())) for name in ("alpha", "beta"))
    functions: list[Callable[[np.ndarray], np.ndarray]] = []
    for name in options["activations"]:
        takes_alpha, takes_beta, compute = _ONNX[name]
        numbers = [alphas.pop(0) for _each in range(takes_alpha)]
        numbers += [betas.pop(0) for _each in range(takes_beta)]
        functions.append(_fix_numbers(compute, numbers))
    return functions


def _fix_numbers(
    compute: Callable[..., np.ndarray], numbers: list[float]
) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: compute(x, *numbers)


def _split_onnx(arrays: Arrays, count: int) -> list[dict[str, np.ndarray]]:
    """W, R, Wb and Rb of each gate, in the operator's order, of the one direction."""
    units = arrays["R"].shape[1] // count
    bias = arrays["B"][0] if "B" in arrays else np.zeros(2 * count * units)
    halves = {
        "W": arrays["W"][0],
        "R": arrays["R"][0],
        "Wb": bias[: count * units],
        "Rb": bias[count * units :],
    }
    return [{name: a[k * units : (k + 1) * units] for name, a in halves.items()} for k in range(count)]


def _run_onnx_lstm(arrays: Arrays, options: Mapping[str, Any], x: np.ndarray, before: States) -> States:
    """`W[iofc]`, `P[iof]`; f, g, h are the activations in the operator's equations."""
    f, g, h = _read_onnx_functions(options)
    i_, o_, f_, c_ = (
        x @ k["W"].T + before["h"] @ k["R"].T + k["Wb"] + k["Rb"] for k in _split_onnx(arrays, 4)
    )
    p_i, p_o, p_f = np.split(arrays["P"][0], 3) if "P" in arrays else (0.0, 0.0, 0.0)
    i_t, f_t = f(i_ + p_i * before["c"]), f(f_ + p_f * before["c"])
    c_t = f_t * before["c"] + i_t * g(c_)
    return {"c": c_t, "h": f(o_ + p_o * c_t) * h(c_t)}


def _run_onnx_gru(arrays: Arrays, options: Mapping[str, Any], x: np.ndarray, before: States) -> States:
    """`W[zrh]`; the two equations of ht, by `linear_before_reset`."""
    f, g = _read_onnx_functions(options)
    kz, kr, kh = _split_onnx(arrays, 3)
    zt, rt = (f(x @ k["W"].T + before["h"] @ k["R"].T + k["Wb"] + k["Rb"]) for k in (kz, kr))
    if options["linear_before_reset"]:
        ht = g(x @ kh["W"].T + rt * (before["h"] @ kh["R"].T + kh["Rb"]) + kh["Wb"])
    else:
        ht = g(x @ kh["W"].T + (rt * before["h"]) @ kh["R"].T + kh["Rb"] + kh["Wb"])
    return {"h": (1 - zt) * ht + zt * before["h"]}


def _run_onnx_rnn(arrays: Arrays, options: Mapping[str, Any], x: np.ndarray, before: States) -> States:
    """`Ht = f(Xt*(Wi^T) + Ht-1*(Ri^T) + Wbi + Rbi)`."""
    (f,), (k,) = _read_onnx_functions(options), _split_onnx(arrays, 1)
    return {"h": f(x @ k["W"].T + before["h"] @ k["R"].T + k["Wb"] + k["Rb"])}


# --- cuDNN: cudnnRNNMode_t and cudnnGetRNNWeightParams in NVIDIA's API reference ----------------------------------------


def _split_cudnn(options: Mapping[str, Any], arrays: Arrays, count: int) -> tuple[list[np.ndarray], ...]:
    """W, R, bW and bR of each `linLayerID`: all matrices of the input, all recurrent ones, then the biases likewise."""
    units, buffer = options["hiddenSize"], arrays["params"]
    shapes = [(units, options["inputSize"]), (units, units), (units,), (units,)]
    found: tuple[list[np.ndarray], ...] = ([], [], [], [])
    for shape, matrices in zip(shapes, found, strict=True):
        for _lin_layer_id in range(count):
            matrices.append(buffer[: np.prod(shape)].reshape(shape))
            buffer = buffer[np.prod(shape) :]
    return found


def _run_cudnn_lstm(arrays: Arrays, options: Mapping[str, Any], x: np.ndarray, before: States) -> States:
    """`linLayerID` 0 is the input gate, 1 the forget gate, 2 the new memory, 3 the output gate; 4 to 7 the same of h."""
    parts = zip(*_split_cudnn(options, arrays, 4), strict=True)
    i, f, c_, o = (x @ w.T + before["h"] @ r.T + b_w + b_r for w, r, b_w, b_r in parts)
    c = _sigmoid(f) * before["c"] + _sigmoid(i) * np.tanh(c_)
    return {"c": c, "h": _sigmoid(o) * np.tanh(c)}


def _run_cudnn_gru(arrays: Arrays, options: Mapping[str, Any], x: np.ndarray, before: States) -> States:
    """`linLayerID` 0 is the reset gate r, 1 the update gate i, 2 the new memory; `h = (1 - i) * h' + i * h`."""
    parts = list(zip(*_split_cudnn(options, arrays, 3), strict=True))
    r, i = (_sigmoid(x @ w.T + before["h"] @ u.T + b_w + b_r) for w, u, b_w, b_r in parts[:2])
    w, u, b_w, b_r = parts[2]
    new = np.tanh(x @ w.T + r * (before["h"] @ u.T + b_r) + b_w)
    return {"h": (1 - i) * new + i * before["h"]}


def _run_cudnn_rnn(arrays: Arrays, options: Mapping[str, Any], x: np.ndarray, before: States) -> States:
    """`CUDNN_RNN_TANH` or `CUDNN_RNN_RELU`."""
    ((w, r, b_w, b_r),) = zip(*_split_cudnn(options, arrays, 1), strict=True)
    a = x @ w.T + before["h"] @ r.T + b_w + b_r
    return {"h": np.tanh(a) if options["cellMode"] == "CUDNN_RNN_TANH" else np.maximum(a, 0)}


Runner = Callable[[Arrays, Mapping[str, Any], np.ndarray, States], States]
RUNNERS: Mapping[tuple[str, str], Runner] = {
    ("tf1", "lstm"): _run_tf1_lstm,
    ("tf1", "gru"): _run_tf1_gru,
    ("tf1", "rnn"): _run_tf1_rnn,
    ("keras", "lstm"): _run_keras_lstm,
    ("keras", "gru"): _run_keras_gru,
    ("keras", "rnn"): _run_keras_rnn,
    ("pytorch", "lstm"): _run_pytorch_lstm,
    ("pytorch", "gru"): _run_pytorch_gru,
    ("pytorch", "rnn"): _run_pytorch_rnn,
    ("onnx", "lstm"): _run_onnx_lstm,
    ("onnx", "gru"): _run_onnx_gru,
    ("onnx", "rnn"): _run_onnx_rnn,
    ("cudnn", "lstm"): _run_cudnn_lstm,
    ("cudnn", "gru"): _run_cudnn_gru,
    ("cudnn", "rnn"): _run_cudnn_rnn,
}
"""One step of each layout's families, for many starting states at once: the states after it."""
