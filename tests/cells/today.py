"""Cells of 2016 to 2024, each written from its paper for one unit at a time, in numbers and loops.

They are what the kinds of the same names are held to, and share nothing with them: no arrays, no matrix product, no
equation in symbols. A sum is `math.fsum`, exact to its last digit; a logarithm or a root is taken in the form that
loses none; sLSTM is the paper's plain recurrence, whose numbers may grow, and not the stabilised one.

A step takes x and the states as lists, the weights as nested lists by name, and returns the new states and the gates.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

Numbers = list[float]
Weights = Mapping[str, list]  # a kernel `[rows][columns]`, or a row of numbers
States = dict[str, Numbers]
Step = Callable[..., tuple[States, States]]


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def log_sigmoid(z: float) -> float:
    return -softplus(-z)


def softplus(z: float) -> float:
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))


def relu(z: float) -> float:
    return max(z, 0.0)


def linear(z: float) -> float:
    return z


ACTIVATIONS = {"tanh": math.tanh, "relu": relu, "sigmoid": sigmoid, "softplus": softplus, "linear": linear}


def each(function: Callable[..., float], *rows: Sequence[float]) -> Numbers:
    """`function` of the numbers of one unit, for one unit after the other."""
    return [function(*numbers) for numbers in zip(*rows, strict=True)]


def mix(share: float, old: float, new: float) -> float:
    """What is left of `old` when `share` of it stays and `new` takes the rest."""
    return share * old + (1 - share) * new


def blocks(inputs: Numbers, kernel: list, bias: Numbers | None, names: str) -> States:
    """The sums of each block of columns: every input times its weight, and the bias."""
    assert len(inputs) == len(kernel)
    sums = [
        math.fsum([number * row[column] for number, row in zip(inputs, kernel, strict=True)] + ([bias[column]] if bias else []))
        for column in range(len(kernel[0]))
    ]  # fmt: skip
    units = len(sums) // len(names)
    assert units * len(names) == len(sums)
    return {name: sums[place * units : (place + 1) * units] for place, name in enumerate(names)}


def slstm(x: Numbers, states: States, w: Weights) -> tuple[States, States]:
    """Beck et al. 2024, equations 8 to 14 with a sigmoid to forget; the states are told in terms of equation 15's m,
    which is z_i where nothing was written before."""
    z = blocks(x + states["h"], w["kernel"], w["bias"], "ifzo")
    scale = each(math.exp, states["m"])
    forget, write = each(sigmoid, z["f"]), each(math.exp, z["i"])
    new, shown = each(math.tanh, z["z"]), each(sigmoid, z["o"])
    c = each(lambda f, c, s, i, z: f * c * s + i * z, forget, states["c"], scale, write, new)
    n = each(lambda f, n, s, i: f * n * s + i, forget, states["n"], scale, write)
    m = each(
        lambda z_f, n, m, z_i: max(log_sigmoid(z_f) + m, z_i) if n else z_i,
        z["f"], states["n"], states["m"], z["i"],
    )  # fmt: skip
    after = {
        "c": each(lambda c, m: c * math.exp(-m), c, m),
        "n": each(lambda n, m: n * math.exp(-m), n, m),
        "m": m,
        "h": each(lambda o, c, n: o * (c / n), shown, c, n),
    }
    return after, {"i": each(lambda z_i, m: math.exp(z_i - m), z["i"], m), "f": forget, "z": new, "o": shown}


def min_gru(x: Numbers, states: States, w: Weights) -> tuple[States, States]:
    """Feng et al. 2024, in the plain form: the candidate as the linear layer gives it."""
    z = blocks(x, w["kernel"], w["bias"], "zc")
    update, candidate = each(sigmoid, z["z"]), z["c"]
    return {"h": each(mix, update, candidate, states["h"])}, {"z": update, "c": candidate}


def min_lstm(x: Numbers, states: States, w: Weights) -> tuple[States, States]:
    """Feng et al. 2024, in the plain form: one share of the whole is kept, the other one written."""
    z = blocks(x, w["kernel"], w["bias"], "fic")
    forget, write, candidate = each(sigmoid, z["f"]), each(sigmoid, z["i"]), z["c"]
    kept = each(lambda f, i: 1 / (1 + i / f), forget, write)
    return {"h": each(mix, kept, states["h"], candidate)}, {"f": forget, "i": write, "c": candidate}


def mgu(x: Numbers, states: States, w: Weights) -> tuple[States, States]:
    """Zhou et al. 2016: one gate resets and updates."""
    h = states["h"]
    forget = each(sigmoid, blocks(x + h, w["gates/kernel"], w["gates/bias"], "f")["f"])
    seen = each(lambda f, h: f * h, forget, h)
    candidate = each(math.tanh, blocks(x + seen, w["candidate/kernel"], w["candidate/bias"], "c")["c"])
    return {"h": each(mix, forget, candidate, h)}, {"f": forget, "c": candidate}


def janet(x: Numbers, states: States, w: Weights, beta: float = 1.0) -> tuple[States, States]:
    """Van der Westhuizen and Lasenby 2018: what is written is not quite what is forgotten."""
    z = blocks(x + states["h"], w["kernel"], w["bias"], "fc")
    candidate = each(math.tanh, z["c"])
    h = each(lambda s, h, c: sigmoid(s) * h + sigmoid(beta - s) * c, z["f"], states["h"], candidate)
    return {"h": h}, {"f": each(sigmoid, z["f"]), "c": candidate}


def ind_rnn(x: Numbers, states: States, w: Weights, activation: str = "relu") -> tuple[States, States]:
    """Li et al. 2018: a unit sees the other units' last outputs nowhere."""
    z = blocks(x, w["kernel"], w["bias"], "z")["z"]
    h = each(lambda z, u, h: ACTIVATIONS[activation](z + u * h), z, w["recurrent_kernel"], states["h"])
    return {"h": h}, {"z": h}


def li_gru(x: Numbers, states: States, w: Weights, activation: str = "relu") -> tuple[States, States]:
    """Ravanelli et al. 2018, its batch norm folded in."""
    z = blocks(x + states["h"], w["kernel"], w["bias"], "zc")
    update, candidate = each(sigmoid, z["z"]), each(ACTIVATIONS[activation], z["c"])
    return {"h": each(mix, update, states["h"], candidate)}, {"z": update, "c": candidate}


def coupled_lstm(
    x: Numbers, states: States, w: Weights,
    forget_bias: float = 1.0, activation: str = "tanh", use_peepholes: bool = False,
) -> tuple[States, States]:  # fmt: skip
    """Greff et al. 2015's coupled gates as TensorFlow 1.15's `contrib.rnn` has them."""
    z = blocks(x + states["h"], w["kernel"], w["bias"], "jfo")
    nothing = [0.0] * len(states["c"])
    act = ACTIVATIONS[activation]
    new = each(act, z["j"])
    seen_f = w["w_f_diag"] if use_peepholes else nothing
    forget = each(lambda z, p, c: sigmoid(z + p * c + forget_bias), z["f"], seen_f, states["c"])
    c = each(mix, forget, states["c"], new)
    seen_o = w["w_o_diag"] if use_peepholes else nothing
    shown = each(lambda z, p, c: sigmoid(z + p * c), z["o"], seen_o, c)
    return {"c": c, "h": each(lambda o, c: o * act(c), shown, c)}, {"j": new, "f": forget, "o": shown}


def normed(row: Numbers, w: Weights, scope: str) -> Numbers:
    """Ba et al. 2016, over the units; 1e-12 is what `contrib.layers.layer_norm` adds to the variance."""
    mean = statistics.fmean(row)
    deviation = math.sqrt(math.fsum((number - mean) ** 2 for number in row) / len(row) + 1e-12)
    return each(
        lambda a, gamma, beta: gamma * (a - mean) / deviation + beta,
        row,
        w[f"{scope}/gamma"],
        w[f"{scope}/beta"],
    )


def layer_norm_lstm(
    x: Numbers, states: States, w: Weights, forget_bias: float = 1.0, activation: str = "tanh"
) -> tuple[States, States]:
    """TensorFlow 1.15's `contrib.rnn.LayerNormBasicLSTMCell`; the c it carries on is the normed one."""
    z = blocks(x + states["h"], w["kernel"], None, "ijfo")
    act = ACTIVATIONS[activation]
    write = each(sigmoid, normed(z["i"], w, "input"))
    new = each(act, normed(z["j"], w, "transform"))
    forget = each(lambda f: sigmoid(f + forget_bias), normed(z["f"], w, "forget"))
    shown = each(sigmoid, normed(z["o"], w, "output"))
    c = normed(each(lambda f, c, i, j: f * c + i * j, forget, states["c"], write, new), w, "state")
    return {"c": c, "h": each(lambda o, c: o * act(c), shown, c)}, {
        "i": write,
        "j": new,
        "f": forget,
        "o": shown,
    }


def rg_lru(x: Numbers, states: States, w: Weights) -> tuple[States, States]:
    """De et al. 2024, with c = 8."""
    z = blocks(x, w["kernel"], w["bias"], "rij")
    recur, write = each(sigmoid, z["r"]), each(sigmoid, z["i"])
    fades = each(lambda r, a: 8 * r * softplus(a), recur, w["a_param"])
    h = each(
        lambda d, h, i, j: math.exp(-d) * h + math.sqrt(-math.expm1(-2 * d)) * i * j,
        fades,
        states["h"],
        write,
        z["j"],
    )
    return {"h": h}, {"r": recur, "i": write, "j": z["j"]}


@dataclass(frozen=True)
class Reference:
    """A cell: its step, its states in their order, its gates, and the shapes of its weights.

    Attributes:
        step: From x, the states and the weights, with options by name, to the new states and the gates.
        states: Their names; each has `units` numbers.
        gates: Their letters.
        shapes: Each weight's shape: numbers, or `x`, `h` and `u` for the input's size and the units, `3u`, `x+h` and so on.
        options: Values other than the defaults, to be tried.
        more: The weights that come with an option that is on.
    """

    step: Step
    states: tuple[str, ...]
    gates: str
    shapes: Mapping[str, tuple[str, ...]]
    options: tuple[Mapping[str, object], ...] = ()
    more: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    def sizes(
        self, input_size: int, num_units: int, options: Mapping[str, object]
    ) -> dict[str, tuple[int, ...]]:
        """Every weight's shape in numbers."""
        rows = {"x": input_size, "x+h": input_size + num_units}
        shapes = dict(self.shapes)
        for name, extra in self.more.items():
            shapes |= extra if options.get(name) else {}
        return {
            name: tuple(
                rows[axis] if axis in rows else int(axis.removesuffix("u") or 1) * num_units for axis in shape
            )
            for name, shape in shapes.items()
        }

    def run(
        self, xs: list, start: States, w: Weights, **options: object
    ) -> tuple[dict[str, list], dict[str, list]]:
        """Every state and every gate at every step, `[time][units]`."""
        states: dict[str, list] = {name: [] for name in self.states}
        gates: dict[str, list] = {name: [] for name in self.gates}
        now = start
        for x in xs:
            now, squashed = self.step(x, now, w, **options)
            for name in self.states:
                states[name].append(now[name])
            for name in self.gates:
                gates[name].append(squashed[name])
        return states, gates


_NORMS = {
    f"{scope}/{name}": ("u",)
    for scope in ("input", "transform", "forget", "output", "state")
    for name in ("gamma", "beta")
}
REFERENCES: Mapping[str, Reference] = {
    "sLSTM": Reference(slstm, ("c", "n", "m", "h"), "ifzo", {"kernel": ("x+h", "4u"), "bias": ("4u",)}),
    "minGRU": Reference(min_gru, ("h",), "zc", {"kernel": ("x", "2u"), "bias": ("2u",)}),
    "minLSTM": Reference(min_lstm, ("h",), "fic", {"kernel": ("x", "3u"), "bias": ("3u",)}),
    "MGU": Reference(
        mgu,
        ("h",),
        "fc",
        {
            "gates/kernel": ("x+h", "u"),
            "gates/bias": ("u",),
            "candidate/kernel": ("x+h", "u"),
            "candidate/bias": ("u",),
        },
    ),
    "JANET": Reference(
        janet, ("h",), "fc", {"kernel": ("x+h", "2u"), "bias": ("2u",)}, ({"beta": 0.0}, {"beta": -0.75})
    ),
    "IndRNN": Reference(
        ind_rnn,
        ("h",),
        "z",
        {"kernel": ("x", "u"), "recurrent_kernel": ("u",), "bias": ("u",)},
        ({"activation": "tanh"},),
    ),
    "LiGRU": Reference(
        li_gru, ("h",), "zc", {"kernel": ("x+h", "2u"), "bias": ("2u",)}, ({"activation": "tanh"},)
    ),
    "CoupledInputForgetGateLSTMCell": Reference(
        coupled_lstm,
        ("c", "h"),
        "jfo",
        {"kernel": ("x+h", "3u"), "bias": ("3u",)},
        ({"use_peepholes": True}, {"forget_bias": -0.75}, {"activation": "relu", "use_peepholes": True}),
        {"use_peepholes": {"w_f_diag": ("u",), "w_o_diag": ("u",)}},
    ),
    "LayerNormBasicLSTMCell": Reference(
        layer_norm_lstm,
        ("c", "h"),
        "ijfo",
        {"kernel": ("x+h", "4u")} | _NORMS,
        ({"forget_bias": 0.0}, {"activation": "softplus"}),
    ),
    "RG-LRU": Reference(rg_lru, ("h",), "rij", {"kernel": ("x", "3u"), "bias": ("3u",), "a_param": ("u",)}),
}
