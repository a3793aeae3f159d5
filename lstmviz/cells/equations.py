"""The kinds of cell, each its equation.

The first five are TensorFlow 1's own (`tf.nn.rnn_cell`), whose classes TensorFlow still carries in
`tensorflow/python/keras/layers/legacy_rnn/rnn_cell_impl.py`; names, shapes and gate orders follow that file, and
TensorFlow 1.15's `tensorflow/contrib/cudnn_rnn/python/ops/cudnn_rnn_ops.py` for the GRU that resets after the product.
The options `recurrent_activation` and `use_bias` are Keras's, for layers that come from elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping

from lstmviz.cells.kind import kind
from lstmviz.equation import (
    Node,
    Weights,
    activate,
    clip,
    concat,
    exp,
    if_zero,
    log,
    maximum,
    minimum,
    norm,
    sigmoid,
    softplus,
    split,
    sqrt,
    tanh,
)
from lstmviz.language import _mark

New = Mapping[str, Node]
Number = Node | float  # an option's number: its default here, a symbol where the equation is read


def _with_bias(z: Node, w: Weights, name: str, use_bias: bool, initial: float = 0.0) -> Node:
    return z + w(name, initial=initial) if use_bias else z


@kind(
    "BasicRNNCell",
    _mark("basic recurrent cell"),
    purpose=_mark("The hidden layer of a feed-forward network that also sees its own last output."),
    source="Elman 1990",
)
def basic_rnn(x: Node, h: Node, w: Weights, *, activation: str = "tanh", use_bias: bool = True) -> New:
    """The hidden layer of a feed-forward network that sees its own last output."""
    z = _with_bias(concat(x, h) @ w("kernel"), w, "bias", use_bias)
    return {
        "h": activate(activation, z).called("z", _mark("hidden layer"), _mark("is squashed into the new h"))
    }


def _lstm(
    x: Node, c: Node, h: Node, w: Weights,
    forget_bias: Number, activation: str, recurrent_activation: str, use_bias: bool,
    use_peepholes: bool = False, num_proj: int | None = None, cell_clip: Number | None = None, proj_clip: Number | None = None,
) -> New:  # fmt: skip
    i, j, f, o = split("ijfo", _with_bias(concat(x, h) @ w("kernel"), w, "bias", use_bias))
    f = f + forget_bias
    if use_peepholes:
        w_f, w_i, w_o = (w(f"w_{gate}_diag") for gate in "fio")
        i, f = i + w_i * c, f + w_f * c
    i = activate(recurrent_activation, i).called(
        "i", _mark("input gate"), _mark("decides how much of the new input enters c")
    )
    j = activate(activation, j).called("j", _mark("new input"), _mark("is what could be written into c"))
    f = activate(recurrent_activation, f).called(
        "f", _mark("forget gate"), _mark("decides how much of the old c stays")
    )
    c = f * c + i * j
    if cell_clip is not None:
        c = clip(c, cell_clip)
    if use_peepholes:
        o = o + w_o * c
    o = activate(recurrent_activation, o).called(
        "o", _mark("output gate"), _mark("decides how much of c shows in h")
    )
    h = activate(activation, c) * o
    if num_proj is not None:
        h = h @ w("projection/kernel")
    if proj_clip is not None:
        h = clip(h, proj_clip)
    return {"c": c, "h": h}


@kind(
    "BasicLSTMCell",
    _mark("basic LSTM cell"),
    purpose=_mark(
        "A cell with a memory c, which gates write, keep and show, so that it can hold something over many steps."
    ),
    source="Hochreiter and Schmidhuber 1997; Gers et al. 2000",
)
def basic_lstm(
    x: Node, c: Node, h: Node, w: Weights, *,
    forget_bias: Number = 1.0, activation: str = "tanh", recurrent_activation: str = "sigmoid", use_bias: bool = True,
) -> New:  # fmt: skip
    """An LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000)."""
    return _lstm(x, c, h, w, forget_bias, activation, recurrent_activation, use_bias)


@kind(
    "LSTMCell",
    _mark("LSTM cell with peepholes and projection"),
    purpose=_mark(
        "An LSTM whose gates may see c through peepholes, and whose h may be projected to another size."
    ),
    source="Sak et al. 2014, arXiv:1402.1128",
)
def lstm(
    x: Node, c: Node, h: Node, w: Weights, *,
    forget_bias: Number = 1.0, activation: str = "tanh", use_peepholes: bool = False, num_proj: int | None = None,
    cell_clip: Number | None = None, proj_clip: Number | None = None, recurrent_activation: str = "sigmoid", use_bias: bool = True,
) -> New:  # fmt: skip
    """An LSTM whose gates may see c, and whose h may be projected (Sak et al. 2014)."""
    return _lstm(
        x, c, h, w, forget_bias, activation, recurrent_activation, use_bias,
        use_peepholes, num_proj, cell_clip, proj_clip,
    )  # fmt: skip


def _reset_and_update(
    x: Node, h: Node, w: Weights, recurrent_activation: str, use_bias: bool
) -> tuple[Node, Node]:
    z = _with_bias(concat(x, h) @ w("gates/kernel"), w, "gates/bias", use_bias, initial=1.0)
    r, u = split("ru", z)
    return (
        activate(recurrent_activation, r).called(
            "r", _mark("reset gate"), _mark("decides how much of the old h the candidate sees")
        ),
        activate(recurrent_activation, u).called(
            "u", _mark("update gate"), _mark("decides how much of the old h stays")
        ),
    )


@kind(
    "GRUCell",
    _mark("gated recurrent unit"),
    purpose=_mark(
        "A cell with fewer weights than an LSTM, whose h is its memory; the reset gate acts before the product with h."
    ),
    source="Cho et al. 2014, arXiv:1406.1078",
)
def gru(
    x: Node, h: Node, w: Weights, *,
    activation: str = "tanh", recurrent_activation: str = "sigmoid", use_bias: bool = True,
) -> New:  # fmt: skip
    """A gated recurrent unit (Cho et al. 2014)."""
    r, u = _reset_and_update(x, h, w, recurrent_activation, use_bias)
    c = _with_bias(concat(x, r * h) @ w("candidate/kernel"), w, "candidate/bias", use_bias)
    c = activate(activation, c).called("c", _mark("candidate"), _mark("is what h could become"))
    return {"h": u * h + (1 - u) * c}


@kind(
    "CudnnCompatibleGRUCell",
    _mark("gated recurrent unit, reset after the product"),
    purpose=_mark(
        "The GRU of cuDNN, and of today's Keras and PyTorch: the reset gate acts after the product with h."
    ),
    source="TensorFlow 1.15, tf.contrib.cudnn_rnn",
)
def gru_reset_after(
    x: Node, h: Node, w: Weights, *,
    activation: str = "tanh", recurrent_activation: str = "sigmoid", use_bias: bool = True,
) -> New:  # fmt: skip
    """A gated recurrent unit whose reset gate meets the product with h, as cuDNN has it."""
    r, u = _reset_and_update(x, h, w, recurrent_activation, use_bias)
    of_x, of_h = "candidate/input_projection", "candidate/hidden_projection"
    a = _with_bias(x @ w(f"{of_x}/kernel"), w, f"{of_x}/bias", use_bias)
    b = _with_bias(h @ w(f"{of_h}/kernel"), w, f"{of_h}/bias", use_bias)
    c = activate(activation, a + r * b).called("c", _mark("candidate"), _mark("is what h could become"))
    return {"h": u * h + (1 - u) * c}


@kind(
    "CoupledInputForgetGateLSTMCell",
    _mark("LSTM with one gate for input and forgetting"),
    purpose=_mark("An LSTM that writes exactly as much as it forgets: one gate for both."),
    source="Greff et al. 2015, arXiv:1503.04069; TensorFlow 1.15, tf.contrib.rnn",
)
def coupled_lstm(
    x: Node, c: Node, h: Node, w: Weights, *,
    forget_bias: Number = 1.0, activation: str = "tanh", use_peepholes: bool = False,
) -> New:  # fmt: skip
    """An LSTM that writes only where it forgets (Greff et al. 2015).

    TensorFlow 1.15's `contrib.rnn` calls its variables `W_0`, `B`, `W_F_diag` and `W_O_diag`; here they have the names of its
    other LSTMs. Shapes and the order j, f, o are the same, so a checkpoint's arrays fit once they are renamed, as long as
    its kernel is in one piece (`W_0` alone, without `num_unit_shards`).
    """
    j, f, o = split("jfo", concat(x, h) @ w("kernel") + w("bias"))
    f = f + forget_bias
    if use_peepholes:
        w_f, w_o = w("w_f_diag"), w("w_o_diag")
        f = f + w_f * c
    j = activate(activation, j).called("j", _mark("new input"), _mark("is what could be written into c"))
    f = sigmoid(f).called(
        "f", _mark("forget gate"), _mark("decides how much of the old c stays; what goes makes room for j")
    )
    c = f * c + (1 - f) * j
    if use_peepholes:
        o = o + w_o * c
    o = sigmoid(o).called("o", _mark("output gate"), _mark("decides how much of c shows in h"))
    return {"c": c, "h": activate(activation, c) * o}


@kind(
    "LayerNormBasicLSTMCell",
    _mark("LSTM with layer normalisation"),
    purpose=_mark(
        "An LSTM whose gates and memory are normalised over the units at each step, which steadies training."
    ),
    source="Ba et al. 2016, arXiv:1607.06450; TensorFlow 1.15, tf.contrib.rnn",
)
def layer_norm_lstm(
    x: Node, c: Node, h: Node, w: Weights, *, forget_bias: Number = 1.0, activation: str = "tanh"
) -> New:
    """An LSTM whose gates and c are normalised over the units at each step (Ba et al. 2016)."""
    scopes = ("input", "transform", "forget", "output")
    parts = zip(scopes, split("ijfo", concat(x, h) @ w("kernel")), strict=True)
    i, j, f, o = (norm(part, w(f"{scope}/gamma"), w(f"{scope}/beta")) for scope, part in parts)
    i = sigmoid(i).called("i", _mark("input gate"), _mark("decides how much of the new input enters c"))
    j = activate(activation, j).called("j", _mark("new input"), _mark("is what could be written into c"))
    f = sigmoid(f + forget_bias).called(
        "f", _mark("forget gate"), _mark("decides how much of the old c stays")
    )
    o = sigmoid(o).called("o", _mark("output gate"), _mark("decides how much of c shows in h"))
    c = norm(f * c + i * j, w("state/gamma"), w("state/beta"))
    return {"c": c, "h": activate(activation, c) * o}


_MOST_STAYS = 64.0  # exp(64) leaves room below float32\'s largest number, exp(88)


@kind(
    "sLSTM",
    _mark("LSTM with an exponential gate"),
    purpose=_mark(
        "An LSTM whose input gate is exponential, so that a new input can outweigh everything stored so far. "
        "The form is that of NX-AI's xlstm."
    ),
    source="Beck et al. 2024, arXiv:2405.04517",
    states={
        "n": _mark("normaliser, what was written in all"),
        "m": _mark("stabiliser, the logarithm that keeps c and n in range"),
    },
)
def slstm(x: Node, c: Node, n: Node, m: Node, h: Node, w: Weights) -> New:
    """An LSTM with an exponential input gate: n counts what was written, m keeps the numbers small (Beck et al. 2024).

    The form is that of NX-AI's xlstm 2.0.6, in which m is z_i where nothing was written yet, unit by unit as in its CUDA
    code; h is c / n, not c / max(n, 1) as in its flashrnn 1.0.8.
    """
    z_i, z_f, z_z, z_o = split("ifzo", concat(x, h) @ w("kernel") + w("bias"))
    f = sigmoid(z_f).called("f", _mark("forget gate"), _mark("decides how much of the old c and n stays"))
    kept = log(f) + m
    new_m = if_zero(n, z_i, maximum(kept, z_i))
    i = exp(z_i - new_m).called(
        "i", _mark("input gate"), _mark("says how much the new input weighs, beside what stays")
    )
    z = tanh(z_z).called("z", _mark("cell input"), _mark("is what could be written into c"))
    o = sigmoid(z_o).called("o", _mark("output gate"), _mark("decides how much of c shows in h"))
    # The bound is met where n is 0, and c with it: it keeps 0 times infinity away. xlstm has 1 for it, which changes no state
    # either, but the gradient for the first c and n.
    stays = exp(minimum(kept - new_m, _MOST_STAYS))
    c, n = stays * c + i * z, stays * n + i
    return {"c": c, "n": n, "m": new_m, "h": o * c / n}


@kind(
    "minGRU",
    _mark("minimal GRU of x alone"),
    purpose=_mark(
        "A GRU whose gate and candidate see x alone, so that all steps can be computed at once when it is trained. "
        "The form is the paper's plain one."
    ),
    source="Feng et al. 2024, arXiv:2410.01201",
)
def min_gru(x: Node, h: Node, w: Weights) -> New:
    """A GRU whose gates see x alone, so that all steps can be computed at once (Feng et al. 2024)."""
    z, c = split("zc", x @ w("kernel") + w("bias"))
    z = sigmoid(z).called("z", _mark("update gate"), _mark("decides how much of h is replaced"))
    c = c.called("c", _mark("candidate"), _mark("is what h could become"))
    return {"h": (1 - z) * h + z * c}


@kind(
    "minLSTM",
    _mark("minimal LSTM of x alone"),
    purpose=_mark(
        "An LSTM whose forget and input gate see x alone and are scaled to add up to one. The form is the paper's plain one."
    ),
    source="Feng et al. 2024, arXiv:2410.01201",
)
def min_lstm(x: Node, h: Node, w: Weights) -> New:
    """An LSTM whose gates see x alone and share out one whole (Feng et al. 2024)."""
    f, i, c = split("fic", x @ w("kernel") + w("bias"))
    f = sigmoid(f).called("f", _mark("forget gate"), _mark("decides, beside i, how much of the old h stays"))
    i = sigmoid(i).called(
        "i", _mark("input gate"), _mark("decides, beside f, how much of the candidate enters h")
    )
    c = c.called("c", _mark("candidate"), _mark("is what h could become"))
    return {"h": f / (f + i) * h + i / (f + i) * c}


@kind(
    "MGU",
    _mark("minimal gated unit"),
    purpose=_mark("A GRU with a single gate, which both resets and updates: two thirds of the weights."),
    source="Zhou et al. 2016, arXiv:1603.09420",
)
def mgu(x: Node, h: Node, w: Weights) -> New:
    """A GRU with one gate, which both resets and updates (Zhou et al. 2016)."""
    f = sigmoid(concat(x, h) @ w("gates/kernel") + w("gates/bias"))
    f = f.called(
        "f",
        _mark("forget gate"),
        _mark("decides how much of the old h the candidate sees, and how much it replaces"),
    )
    c = tanh(concat(x, f * h) @ w("candidate/kernel") + w("candidate/bias"))
    c = c.called("c", _mark("candidate"), _mark("is what h could become"))
    return {"h": (1 - f) * h + f * c}


@kind(
    "JANET",
    _mark("LSTM with a forget gate alone"),
    purpose=_mark("An LSTM with its forget gate alone, which writes a little more than it forgets (beta)."),
    source="van der Westhuizen and Lasenby 2018, arXiv:1804.04849",
)
def janet(x: Node, h: Node, w: Weights, *, beta: Number = 1.0) -> New:
    """Just another network: an LSTM with its forget gate alone (van der Westhuizen and Lasenby 2018)."""
    s, c = split("fc", concat(x, h) @ w("kernel") + w("bias"))
    f = sigmoid(s).called("f", _mark("forget gate"), _mark("decides how much of the old h stays"))
    c = tanh(c).called("c", _mark("candidate"), _mark("is what h could become"))
    return {"h": f * h + (1 - sigmoid(s - beta)) * c}


@kind(
    "IndRNN",
    _mark("independently recurrent layer"),
    purpose=_mark(
        "A recurrent layer whose units see only their own last output, so that very long sequences can be learnt with relu."
    ),
    source="Li et al. 2018, arXiv:1803.04831",
)
def ind_rnn(x: Node, h: Node, w: Weights, *, activation: str = "relu") -> New:
    """A recurrent layer whose units see their own last output alone (Li et al. 2018).

    Name, relu and the weight of h as a vector are the paper's. TensorFlow 1.15 has it as `contrib.rnn.IndRNNCell`, with tanh
    by default, and with the variables `kernel_w` (here `kernel`), `kernel_u` (here `recurrent_kernel`; there one row, `[1,
    num_units]`) and `bias`.
    """
    z = x @ w("kernel") + w("recurrent_kernel") * h + w("bias")
    return {
        "h": activate(activation, z).called("z", _mark("hidden layer"), _mark("is squashed into the new h"))
    }


@kind(
    "LiGRU",
    _mark("light GRU"),
    purpose=_mark(
        "A GRU for speech recognition without reset gate, with relu; its batch norm, once trained, is in the kernel and the bias."
    ),
    source="Ravanelli et al. 2018, arXiv:1803.10225",
)
def li_gru(x: Node, h: Node, w: Weights, *, activation: str = "relu") -> New:
    """A light GRU for speech, without a reset gate (Ravanelli et al. 2018); its batch norm is in the kernel and the bias."""
    z, c = split("zc", concat(x, h) @ w("kernel") + w("bias"))
    z = sigmoid(z).called("z", _mark("update gate"), _mark("decides how much of the old h stays"))
    c = activate(activation, c).called("c", _mark("candidate"), _mark("is what h could become"))
    return {"h": z * h + (1 - z) * c}


@kind(
    "RG-LRU",
    _mark("real-gated linear recurrent unit"),
    purpose=_mark(
        "The recurrence of Griffin and RecurrentGemma, in place of most attention: each unit fades at a pace of its own, "
        "which x sets. RecurrentGemma writes the first step of a text without the square root."
    ),
    source="De et al. 2024, arXiv:2402.19427",
)
def rg_lru(x: Node, h: Node, w: Weights) -> New:
    """A real-gated linear recurrent unit: each unit fades at a pace of its own (De et al. 2024)."""
    r, i, j = split("rij", x @ w("kernel") + w("bias"))
    r = sigmoid(r).called("r", _mark("recurrence gate"), _mark("decides how fast the old h fades"))
    i = sigmoid(i).called("i", _mark("input gate"), _mark("decides how much of the new input enters h"))
    j = j.called("j", _mark("new input"), _mark("is x as a linear layer gives it"))
    a = exp(-8.0 * r * softplus(w("a_param")))
    return {"h": a * h + sqrt(1 - a * a) * (i * j)}
