"""Kinds of cell that nobody but the tests knows: each is an equation, declared for as long as a test needs it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from inspect import getsource

import numpy as np

import lstmviz as lv
from lstmviz.equation import activate, clip, concat, exp, maximum, norm, relu, sigmoid, split, sqrt, tanh


def minimal_gru(x, h, w):
    """A GRU with one gate."""
    f = sigmoid(concat(x, h) @ w("gates/kernel") + w("gates/bias")).called("f", "forget gate")
    c = tanh(concat(x, f * h) @ w("candidate/kernel") + w("candidate/bias")).called("c", "candidate")
    return {"h": (1 - f) * h + f * c}


def normed(x, c, h, w):
    """Norms of x's product and of h's, as a layer-normed LSTM of the paper has them, and of c."""
    gates = norm(x @ w("x/kernel"), w("x/gamma"), w("x/beta"))
    gates = gates + norm(h @ w("h/kernel"), w("h/gamma"), w("h/beta")) + w("bias")
    i, j, f, o = split("ijfo", gates)
    i, f, o = (sigmoid(part).called(name) for name, part in (("i", i), ("f", f), ("o", o)))
    c = f * c + i * tanh(j).called("j")
    return {"c": c, "h": o * tanh(norm(c, w("c/gamma"), w("c/beta")))}


def more_states(x, c, slow, peak, h, w, *, decay=0.5, use_bias=True):
    """Two states beside c and h, and options."""
    z = concat(x, h) @ w("kernel")
    a, b = split(("write", "keep"), z + w("bias") if use_bias else z)
    write = sigmoid(a).called("write", "write gate", "decides what is written")
    keep = sigmoid(b + decay).called("keep", "keep gate")
    c = keep * c + write
    slow = decay * slow + (1 - decay) * c
    peak = maximum(peak, c)
    return {"c": c, "slow": slow, "peak": peak, "h": tanh(c - slow) / (1 + peak * peak)}


def without_bias(x, h, w, *, activation="tanh"):
    """A gate whose name is a word, a factor that is no gate, and no bias."""
    opening = sigmoid(x @ w("open/kernel") + (1 - w("leak")) * h).called("opening", "opening gate")
    z = tanh((1 - opening) * (h @ w("recurrent")) + 2 * (x @ w("new/kernel"))).called("new")
    return {"h": opening * h + (1 - opening) * z}


def refused(x, h, w):
    """Everything that no sum goes through."""
    a, b = x @ w("a"), h @ w("b")
    one = sigmoid(maximum(a, b) - 1.0).called("one")
    two = tanh(a * b + w("bias")).called("two")
    three = sigmoid(a / (2 + one)).called("three")
    four = tanh(sqrt(1 + b * b) + clip(a, 0.5)).called("four")
    five = sigmoid(relu(a + b) - exp(-b)).called("five")
    six = sigmoid(maximum(one, two)).called("six")
    return {"h": six * two + three * four - five * h}


def no_kernel_apart(x, h, w):
    """Gates of a constant, of another gate, and of a value that no name was given to."""
    pace = sigmoid(w("pace")).called("pace")
    low = tanh(concat(x, h * pace) @ w("kernel") + w("bias"))
    g = sigmoid(low @ w("mix") + pace * h - low).called("g")
    return {"h": g * h + (1 - g) * low}


def copies(x, a, b, k, h, w):
    """New states that are an old one, one value twice, and one that stays as it is."""
    f = sigmoid(concat(x, h) @ w("kernel") + w("bias") + k).called("f")
    new = f * a + (1 - f) * tanh(x @ w("new/kernel"))
    return {"a": h, "b": new, "k": k, "h": new}


def odd(x, n, h, w, *, slope=0.5, mixes=True, period=2.0, activation="tanh"):
    """A cell | of the tests: *no* paper has it."""
    a, b = split("ab", concat(x, h) @ w("kernel") + w("bias"))
    a = sigmoid(a + slope).called("a", "first | gate", "opens *and* shuts")
    b = activate(activation, norm(b, w("scale/gamma"), w("scale/beta"))).called("wide")
    n = maximum(a * n, b) / period
    return {"n": n, "h": n * b + w("more") * h if mixes else n * b}


STEPS = {
    "OwnMinimalGRU": minimal_gru,
    "OwnNormed": normed,
    "OwnStates": more_states,
    "OwnWords": without_bias,
    "OwnRefused": refused,
    "OwnConstant": no_kernel_apart,
    "OwnCopies": copies,
}


FILED = {"MinimalGRU": minimal_gru, "Odd": odd}
"""Those that go through files and the page's sections."""

SOURCE = "\n\n".join(
    [
        "import lstmviz as lv",
        "from lstmviz.equation import activate, concat, maximum, norm, sigmoid, split, tanh",
        *(f'@lv.kind("{name}")\n{getsource(step)}' for name, step in FILED.items()),
    ]
)
"""A program that declares these."""


@contextmanager
def apart() -> Iterator[None]:
    """What is declared in the block is gone after it."""
    brought = dict(lv.KINDS)
    try:
        yield
    finally:
        lv.KINDS.clear()
        lv.KINDS.update(brought)


@contextmanager
def declared(steps: Mapping = STEPS) -> Iterator[None]:
    """These kinds are there until the end of the block."""
    with apart():
        for name, step in steps.items():
            lv.kind(name)(step)
        yield


def run(kind: str, num_units: int = 5, input_size: int = 3, steps: int = 6, seed: int = 0,
        dtype: str = "float64", options: Mapping = {}) -> lv.Trace:  # fmt: skip
    """A run in NumPy with random weights, input and initial state."""
    rng = np.random.default_rng(seed)
    shapes = lv.build(kind, num_units, input_size, **options).weights
    weights = {name: rng.normal(size=each.shape) * 0.6 for name, each in shapes.items()}
    cell = lv.build(kind, num_units, input_size, weights=weights, dtype=dtype, **options)
    start = {name: rng.uniform(0.2, 1.0, cell.state_size(name)) for name in cell.kind.states}
    x = rng.normal(size=(steps, input_size))
    return lv.run(cell, x, initial_state=start, engine="numpy")
