"""What a cell is: its kind, gates, shapes, step and initial weights.

Each kind is declared once, in `KINDS`. The engine runs the declaration's step, the figures draw its gates, the page
prints its formulas, `Trace.explain` follows its terms: a new kind is one new declaration.

The kinds are TensorFlow 1's own (`tf.nn.rnn_cell`), whose classes TensorFlow still carries in
`tensorflow/python/keras/layers/legacy_rnn/rnn_cell_impl.py`; names, shapes and gate orders follow that file, and
TensorFlow 1.15's `tensorflow/contrib/cudnn_rnn/python/ops/cudnn_rnn_ops.py` for the GRU that resets after the product.
The options `recurrent_activation` and `use_bias` are Keras's, for layers that come from elsewhere.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from lstmviz.language import _, _mark

Array = Any  # an array of whichever library runs the step
OptionValue = bool | int | float | str | None


@runtime_checkable
class Ops(Protocol):
    """The few operations a step is written in; the engine passes TensorFlow's."""

    def sigmoid(self, a: Array) -> Array:
        """`1 / (1 + exp(-a))`, element by element."""

    def tanh(self, a: Array) -> Array:
        """The hyperbolic tangent, element by element."""

    def relu(self, a: Array) -> Array:
        """`max(a, 0)`, element by element."""

    def softplus(self, a: Array) -> Array:
        """`log(1 + exp(a))`, element by element."""

    def exp(self, a: Array) -> Array:
        """The exponential function, element by element."""

    def expm1(self, a: Array) -> Array:
        """`exp(a) - 1`, element by element."""

    def erfc(self, a: Array) -> Array:
        """1 minus the error function, element by element."""

    def where(self, condition: Array, a: Array, b: Array) -> Array:
        """`a` where the condition holds, else `b`, element by element."""

    def matmul(self, a: Array, b: Array) -> Array:
        """`a @ b`."""

    def clip(self, a: Array, low: Array, high: Array) -> Array:
        """`a` from `low` to `high`."""


@dataclass(frozen=True)
class Activation:
    """An activation function, element by element: `activation(ops, a)`.

    Attributes:
        compute: The function, in the operations of a library.
        bounds: What it approaches or reaches on either side; None where it has no two bounds.
        latex: How a formula writes it; None for its name.
    """

    compute: Callable[[Ops, Array], Array]
    bounds: tuple[float, float] | None = None
    latex: str | None = None

    def __call__(self, ops: Ops, a: Array) -> Array:
        """What the function makes of `a`."""
        return self.compute(ops, a)


_UNIT = (0.0, 1.0)
# Klambauer et al. 2017, as in keras/src/backend/tensorflow/nn.py's `selu`.
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def _elu(ops: Ops, a: Array, alpha: float = 1.0) -> Array:
    return ops.where(
        a >= 0, a, alpha * ops.expm1(-ops.relu(-a))
    )  # relu: the side not taken must not overflow


ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        "tanh": Activation(lambda ops, a: ops.tanh(a), (-1.0, 1.0)),
        "relu": Activation(lambda ops, a: ops.relu(a)),
        "sigmoid": Activation(lambda ops, a: ops.sigmoid(a), _UNIT, r"\sigma"),
        "linear": Activation(lambda ops, a: a),
        "hard_sigmoid": Activation(lambda ops, a: ops.clip(a / 6 + 0.5, 0.0, 1.0), _UNIT),
        # What Keras 2 called hard_sigmoid, and what ONNX's HardSigmoid does by default.
        "legacy_hard_sigmoid": Activation(lambda ops, a: ops.clip(0.2 * a + 0.5, 0.0, 1.0), _UNIT),
        "softsign": Activation(lambda ops, a: a / (1 + abs(a)), (-1.0, 1.0)),
        "softplus": Activation(lambda ops, a: ops.softplus(a)),
        "elu": Activation(_elu),
        "selu": Activation(lambda ops, a: _SELU_SCALE * _elu(ops, a, _SELU_ALPHA)),
        "silu": Activation(lambda ops, a: a * ops.sigmoid(a)),
        "gelu": Activation(lambda ops, a: 0.5 * a * ops.erfc(-a * math.sqrt(0.5))),
        "leaky_relu": Activation(
            lambda ops, a: ops.where(a >= 0, a, 0.2 * a)
        ),  # the slope is Keras 3's default
        "exponential": Activation(lambda ops, a: ops.exp(a)),
    }
)
"""Activation functions by Keras 3's names, beside `legacy_hard_sigmoid`."""


@dataclass(frozen=True)
class Gate:
    """One block of `num_units` columns of the kernel.

    Attributes:
        name: The letter in TensorFlow's source, `i`.
        title: What it is called.
        role: What it does, in a sentence.
        activation: A name in `ACTIVATIONS`, or of the option that holds one.
        reads: What its hidden rows meet: the product of these, `("h",)` or `("r", "h")`.
        times: The gate that its hidden rows' product is multiplied with, unit by unit, their bias included.
        offset: The option added to the pre-activation when the cell runs, and stored nowhere.
        peephole: The weight of the peephole connection, where the cell has them.
        peeps_at_new_c: Whether that connection sees the new c rather than the old one.
    """

    name: str
    title: str
    role: str
    activation: str = "sigmoid"
    reads: tuple[str, ...] = ("h",)
    times: str | None = None
    offset: str | None = None
    peephole: str | None = None
    peeps_at_new_c: bool = False


@dataclass(frozen=True)
class Variable:
    """One of the arrays that TensorFlow stores for a cell.

    Attributes:
        name: TensorFlow's variable name, `gates/kernel`.
        shape: Its axes as sums and products of `input_size`, `num_units` and `output_size`, `("4 * num_units",)`.
        gates: The gates whose columns it holds, in order; empty for weights that belong to no block.
        initial: The constant it starts as; None for the initial weights that were asked for.
        when: The option that has to be on for the variable to exist.
        meets: Whose rows a kernel holds, x's above h's; for a bias those of the kernel that it goes with.
    """

    name: str
    shape: tuple[str, ...]
    gates: tuple[str, ...] = ()
    initial: float | None = None
    when: str | None = None
    meets: tuple[str, ...] = ("x", "h")

    @property
    def is_kernel(self) -> bool:
        """Whether it holds rows of gates' columns."""
        return bool(self.gates) and len(self.shape) == 2

    @property
    def is_bias(self) -> bool:
        """Whether it holds gates' biases."""
        return bool(self.gates) and len(self.shape) == 1


@dataclass(frozen=True)
class Option:
    """A choice that a kind offers beside its sizes.

    Attributes:
        name: TensorFlow's argument name.
        default: Its default; None stands for "off".
        title: What it is called.
        help: What it does, in a sentence.
        type: `bool`, `int`, `float` or `str`.
        choices: The values allowed, where they are few.
        minimum: The smallest number allowed.
        needs: Another option that has to be on for this one to be given.
    """

    name: str
    default: OptionValue
    title: str
    help: str
    type: type
    choices: tuple[str, ...] = ()
    minimum: float = -math.inf
    needs: str | None = None


@dataclass(frozen=True)
class Formula:
    """One operation of the step: its name, its formula in LaTeX, and the shape of what it gives.

    `when` names the option that brings the formula in, `replaces` the operation it then stands for.
    """

    operation: str
    latex: str
    shape: tuple[str, ...]
    when: str | None = None
    replaces: str | None = None


@dataclass(frozen=True)
class Operator:
    """What an operation does with its operands.

    Attributes:
        compute: Gets the operations of a library, the operands, and the operation's parameter.
        text: How it is written, `{0} · {1}`; `{p}` stands for the parameter.
        loose: Whether it is set in brackets inside an operation that binds, as a sum is.
        binds: Whether it is one that binds, as a product does.
        inner: Whether its numbers can be written out: a product with a matrix has too many.
    """

    compute: Callable[[Ops, Sequence[Array], Any], Array]
    text: str
    loose: bool = False
    binds: bool = False
    inner: bool = True


OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        "copy": Operator(lambda ops, a, p: a[0], "{0}"),
        "product": Operator(lambda ops, a, p: a[0] * a[1], "{0} · {1}", binds=True),
        "sum": Operator(lambda ops, a, p: a[0] + a[1], "{0} + {1}", loose=True),
        "complement": Operator(lambda ops, a, p: 1 - a[0], "1 − {0}", loose=True, binds=True),
        "activation": Operator(lambda ops, a, p: ACTIVATIONS[p](ops, a[0]), "{p}({0})"),
        "clip": Operator(lambda ops, a, p: ops.clip(a[0], -p, p), "clip({0}, ±{p})"),
        "project": Operator(lambda ops, a, p: ops.matmul(a[0], p), "{0} · projection", inner=False),
    }
)
"""The operations between the gates and the new states, by name."""


@dataclass(frozen=True)
class Operation:
    """One operation of the data flow from the gates' activations and the old states to the new states.

    Attributes:
        result: The name of what it gives. A new state is `c_t`, and may be given again, as the last one given counts.
        operator: A name in `OPERATORS`.
        operands: Names of gates, of old states like `c_{t-1}`, and of earlier results.
        parameter: The option or the variable that the operator needs beside.
        when: The option that has to be on for the operation to be there.
    """

    result: str
    operator: str
    operands: tuple[str, ...]
    parameter: str | None = None
    when: str | None = None


class Product(Protocol):
    """What the engine gives a step to meet a kernel with."""

    def __call__(self, kernel: str, h: Array) -> Sequence[Array]:
        """For each of the kernel's gates: the x rows' part, known before, plus `h` times the hidden rows, plus the bias.

        A kernel without hidden rows leaves `h` out, one without x rows the step's x.
        """


State = tuple[Array, ...]
Squash = Callable[[Array], Array]
Step = Callable[[Ops, Product, State, Mapping[str, Array], Mapping[str, Any], Mapping[str, Squash]], Any]


@dataclass(frozen=True, eq=False)
class Kind:
    """The declaration of a kind of cell.

    Attributes:
        name: TensorFlow's name.
        title: What it is called.
        gates: Its gates, in the order of the kernel's columns.
        states: `("c", "h")`, or `("h",)`.
        variables: The arrays TensorFlow stores for it.
        options: What else can be chosen.
        step: One step of time. It gets the operations, the product with the hidden rows, the states, the weights, the
            options' values and the activation functions by gate (and `activation`); it returns the gates' pre-activations
            and the new states, each in the declared order. Offsets are in the product already.
        formulas: The step as formulas.
        flow: The step's operations after the gates', one at a time: what a drawing of the data flow shows.
    """

    name: str
    title: str
    gates: tuple[Gate, ...]
    states: tuple[str, ...]
    variables: tuple[Variable, ...]
    options: tuple[Option, ...]
    step: Step
    formulas: tuple[Formula, ...]
    flow: tuple[Operation, ...]

    @property
    def blocks(self) -> tuple[tuple[str, ...], ...]:
        """The gates that share variables, `(("r", "u"), ("c",))`, in the order of the kernel's columns."""
        return tuple(dict.fromkeys(variable.gates for variable in self.variables if variable.gates))

    def __repr__(self) -> str:
        return f"KINDS[{self.name!r}]"

    def gate(self, name: str) -> Gate:
        """The gate called `name`.

        Raises:
            ValueError: the kind has no such gate.
        """
        for gate in self.gates:
            if gate.name == name:
                return gate
        raise ValueError(
            _("gate is {given!r}; {kind} has the gates {allowed}.").format(
                given=name, kind=self.name, allowed=", ".join(gate.name for gate in self.gates)
            )
        )


# --- The steps -------------------------------------------------------------------------------------------------------


def _rnn_step(ops, product, state, weights, options, squash):  # type: ignore[no-untyped-def]
    (h,) = state
    (z,) = product("kernel", h)
    return (z,), (squash["z"](z),)


def _lstm_step(ops, product, state, weights, options, squash):  # type: ignore[no-untyped-def]
    c, h = state
    i, j, f, o = product("kernel", h)
    if options.get("use_peepholes"):
        i = i + weights["w_i_diag"] * c
        f = f + weights["w_f_diag"] * c
    c = c * squash["f"](f) + squash["i"](i) * squash["j"](j)
    if options.get("cell_clip") is not None:
        c = ops.clip(c, -options["cell_clip"], options["cell_clip"])
    if options.get("use_peepholes"):
        o = o + weights["w_o_diag"] * c
    h = squash["activation"](c) * squash["o"](o)
    if options.get("num_proj") is not None:
        h = ops.matmul(h, weights["projection/kernel"])
    if options.get("proj_clip") is not None:
        h = ops.clip(h, -options["proj_clip"], options["proj_clip"])
    return (i, j, f, o), (c, h)


def _gru_step(ops, product, state, weights, options, squash):  # type: ignore[no-untyped-def]
    (h,) = state
    r, u = product("gates/kernel", h)
    reset, update = squash["r"](r), squash["u"](u)
    (c,) = product("candidate/kernel", reset * h)
    h = update * h + (1 - update) * squash["c"](c)
    return (r, u, c), (h,)


def _gru_reset_after_step(ops, product, state, weights, options, squash):  # type: ignore[no-untyped-def]
    (h,) = state
    r, u = product("gates/kernel", h)
    reset, update = squash["r"](r), squash["u"](u)
    (from_x,) = product("candidate/input_projection/kernel", h)
    (from_h,) = product("candidate/hidden_projection/kernel", h)
    c = from_x + reset * from_h
    h = update * h + (1 - update) * squash["c"](c)
    return (r, u, c), (h,)


# --- The declarations ------------------------------------------------------------------------------------------------


_ACTIVATION = Option(
    "activation",
    "tanh",
    _mark("activation"),
    _mark("The function of the new input and of the output."),
    str,
    choices=tuple(ACTIVATIONS),
)
_RECURRENT_ACTIVATION = Option(
    "recurrent_activation",
    "sigmoid",
    _mark("recurrent activation"),
    _mark("The function of the gates that open and shut."),
    str,
    choices=("sigmoid", *(name for name in ACTIVATIONS if name != "sigmoid")),
)
_USE_BIAS = Option(
    "use_bias",
    True,
    _mark("bias"),
    _mark("Adds a bias to each gate."),
    bool,
)
_FORGET_BIAS = Option(
    "forget_bias",
    1.0,
    _mark("forget bias"),
    _mark(
        "Added to the forget gate when the cell runs, so that an untrained cell remembers. It is not stored in the bias."
    ),
    float,
)
_LSTM_GATES = (
    Gate(
        "i",
        _mark("input gate"),
        _mark("decides how much of the new input enters c"),
        activation="recurrent_activation",
        peephole="w_i_diag",
    ),
    Gate("j", _mark("new input"), _mark("is what could be written into c"), activation="activation"),
    Gate(
        "f",
        _mark("forget gate"),
        _mark("decides how much of the old c stays"),
        activation="recurrent_activation",
        offset="forget_bias",
        peephole="w_f_diag",
    ),
    Gate(
        "o",
        _mark("output gate"),
        _mark("decides how much of c shows in h"),
        activation="recurrent_activation",
        peephole="w_o_diag",
        peeps_at_new_c=True,
    ),
)
_ROWS = "input_size + output_size"
_LSTM_VARIABLES = (
    Variable("kernel", (_ROWS, "4 * num_units"), gates=("i", "j", "f", "o")),
    Variable("bias", ("4 * num_units",), gates=("i", "j", "f", "o"), initial=0.0, when="use_bias"),
)
_LSTM_FORMULAS = (
    Formula(_mark("concat"), r"[x_t, h_{t-1}]", ("1", _ROWS)),
    Formula(_mark("matmul"), r"z = [x_t, h_{t-1}] \cdot kernel", ("1", "4 * num_units")),
    Formula(_mark("bias add"), r"z \leftarrow z + bias", ("1", "4 * num_units"), when="use_bias"),
    Formula(_mark("split"), r"i, j, f, o = \mathrm{split}(z, 4)", ("1", "num_units")),
    Formula(
        _mark("activations"),
        r"{recurrent_activation}(i),\ {activation}(j),\ {recurrent_activation}(f + {forget_bias}),\ {recurrent_activation}(o)",
        ("1", "num_units"),
    ),
    Formula(
        _mark("activations"),
        r"\begin{gathered}{recurrent_activation}(i + w_i \odot c_{t-1}),\ {activation}(j),\\"
        r"{recurrent_activation}(f + {forget_bias} + w_f \odot c_{t-1}),\ {recurrent_activation}(o + w_o \odot c_t)\end{gathered}",
        ("1", "num_units"),
        when="use_peepholes",
        replaces="activations",
    ),
    Formula(
        _mark("new c"),
        r"c_t = c_{t-1} \odot {recurrent_activation}(f + {forget_bias}) + {recurrent_activation}(i) \odot {activation}(j)",
        ("1", "num_units"),
    ),
    Formula(
        _mark("new c"),
        r"c_t = c_{t-1} \odot {recurrent_activation}(f + {forget_bias} + w_f \odot c_{t-1})"
        r" + {recurrent_activation}(i + w_i \odot c_{t-1}) \odot {activation}(j)",
        ("1", "num_units"),
        when="use_peepholes",
        replaces="new c",
    ),
    Formula(
        _mark("clip c"),
        r"c_t \leftarrow \mathrm{clip}(c_t, \pm {cell_clip})",
        ("1", "num_units"),
        when="cell_clip",
    ),
    Formula(_mark("new h"), r"h_t = {activation}(c_t) \odot {recurrent_activation}(o)", ("1", "num_units")),
    Formula(
        _mark("new h"),
        r"h_t = {activation}(c_t) \odot {recurrent_activation}(o + w_o \odot c_t)",
        ("1", "num_units"),
        when="use_peepholes",
        replaces="new h",
    ),
    Formula(
        _mark("project h"), r"h_t \leftarrow h_t \cdot projection", ("1", "output_size"), when="num_proj"
    ),
    Formula(
        _mark("clip h"),
        r"h_t \leftarrow \mathrm{clip}(h_t, \pm {proj_clip})",
        ("1", "output_size"),
        when="proj_clip",
    ),
)

_LSTM_FLOW = (
    Operation("kept", "product", ("f", "c_{t-1}")),
    Operation("written", "product", ("i", "j")),
    Operation("c_t", "sum", ("kept", "written")),
    Operation("c_t", "clip", ("c_t",), parameter="cell_clip", when="cell_clip"),
    Operation("squashed", "activation", ("c_t",), parameter="activation"),
    Operation("h_t", "product", ("squashed", "o")),
    Operation("h_t", "project", ("h_t",), parameter="projection/kernel", when="num_proj"),
    Operation("h_t", "clip", ("h_t",), parameter="proj_clip", when="proj_clip"),
)

_INPUT, _HIDDEN = "candidate/input_projection", "candidate/hidden_projection"
_GRU_GATES = (
    Gate(
        "r",
        _mark("reset gate"),
        _mark("decides how much of the old h the candidate sees"),
        activation="recurrent_activation",
    ),
    Gate(
        "u",
        _mark("update gate"),
        _mark("decides how much of the old h stays"),
        activation="recurrent_activation",
    ),
)
_CANDIDATE = Gate("c", _mark("candidate"), _mark("is what h could become"), activation="activation")
_GRU_VARIABLES = (
    Variable("gates/kernel", (_ROWS, "2 * num_units"), gates=("r", "u")),
    Variable("gates/bias", ("2 * num_units",), gates=("r", "u"), initial=1.0, when="use_bias"),
)
_GRU_FORMULAS = (
    Formula(_mark("concat"), r"[x_t, h_{t-1}]", ("1", _ROWS)),
    Formula(_mark("matmul"), r"z = [x_t, h_{t-1}] \cdot kernel_{gates}", ("1", "2 * num_units")),
    Formula(_mark("bias add"), r"z \leftarrow z + bias_{gates}", ("1", "2 * num_units"), when="use_bias"),
    Formula(_mark("split"), r"r, u = \mathrm{split}({recurrent_activation}(z), 2)", ("1", "num_units")),
)
_GRU_NEW_H = Formula(_mark("new h"), r"h_t = u \odot h_{t-1} + (1 - u) \odot c", ("1", "num_units"))
_GRU_FLOW = (
    Operation("kept", "product", ("u", "h_{t-1}")),
    Operation("free", "complement", ("u",)),
    Operation("taken", "product", ("free", "c")),
    Operation("h_t", "sum", ("kept", "taken")),
)

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind(
                name="BasicRNNCell",
                title=_mark("basic recurrent cell"),
                gates=(
                    Gate(
                        "z",
                        _mark("hidden layer"),
                        _mark("is squashed into the new h"),
                        activation="activation",
                    ),
                ),
                states=("h",),
                variables=(
                    Variable("kernel", (_ROWS, "num_units"), gates=("z",)),
                    Variable("bias", ("num_units",), gates=("z",), initial=0.0, when="use_bias"),
                ),
                options=(_ACTIVATION, _USE_BIAS),
                step=_rnn_step,
                formulas=(
                    Formula(_mark("concat"), r"[x_t, h_{t-1}]", ("1", _ROWS)),
                    Formula(_mark("matmul"), r"z = [x_t, h_{t-1}] \cdot kernel", ("1", "num_units")),
                    Formula(_mark("bias add"), r"z \leftarrow z + bias", ("1", "num_units"), when="use_bias"),
                    Formula(_mark("new h"), r"h_t = {activation}(z)", ("1", "num_units")),
                ),
                flow=(Operation("h_t", "copy", ("z",)),),
            ),
            Kind(
                name="BasicLSTMCell",
                title=_mark("basic LSTM cell"),
                gates=_LSTM_GATES,
                states=("c", "h"),
                variables=_LSTM_VARIABLES,
                options=(_FORGET_BIAS, _ACTIVATION, _RECURRENT_ACTIVATION, _USE_BIAS),
                step=_lstm_step,
                formulas=_LSTM_FORMULAS,
                flow=_LSTM_FLOW,
            ),
            Kind(
                name="LSTMCell",
                title=_mark("LSTM cell with peepholes and projection"),
                gates=_LSTM_GATES,
                states=("c", "h"),
                variables=(
                    *_LSTM_VARIABLES,
                    Variable("w_f_diag", ("num_units",), when="use_peepholes"),
                    Variable("w_i_diag", ("num_units",), when="use_peepholes"),
                    Variable("w_o_diag", ("num_units",), when="use_peepholes"),
                    Variable("projection/kernel", ("num_units", "output_size"), when="num_proj"),
                ),
                options=(
                    _FORGET_BIAS,
                    _ACTIVATION,
                    Option(
                        "use_peepholes",
                        False,
                        _mark("peepholes"),
                        _mark("Lets i and f see the old c, and o the new one."),
                        bool,
                    ),
                    Option(
                        "num_proj",
                        None,
                        _mark("projection size"),
                        _mark("Projects h to this many numbers."),
                        int,
                        minimum=1.0,
                    ),
                    Option(
                        "cell_clip",
                        None,
                        _mark("clip c at"),
                        _mark("Keeps c within plus and minus this value."),
                        float,
                        minimum=0.0,
                    ),
                    Option(
                        "proj_clip",
                        None,
                        _mark("clip the projected h at"),
                        _mark("Keeps the projected h within plus and minus this value."),
                        float,
                        minimum=0.0,
                        needs="num_proj",
                    ),
                    _RECURRENT_ACTIVATION,
                    _USE_BIAS,
                ),
                step=_lstm_step,
                formulas=_LSTM_FORMULAS,
                flow=_LSTM_FLOW,
            ),
            Kind(
                name="GRUCell",
                title=_mark("gated recurrent unit"),
                gates=(*_GRU_GATES, replace(_CANDIDATE, reads=("r", "h"))),
                states=("h",),
                variables=(
                    *_GRU_VARIABLES,
                    Variable("candidate/kernel", (_ROWS, "num_units"), gates=("c",)),
                    Variable("candidate/bias", ("num_units",), gates=("c",), initial=0.0, when="use_bias"),
                ),
                options=(_ACTIVATION, _RECURRENT_ACTIVATION, _USE_BIAS),
                step=_gru_step,
                formulas=(
                    *_GRU_FORMULAS,
                    Formula(
                        _mark("candidate"),
                        r"c = {activation}([x_t, r \odot h_{t-1}] \cdot kernel_{candidate})",
                        ("1", "num_units"),
                    ),
                    Formula(
                        _mark("candidate"),
                        r"c = {activation}([x_t, r \odot h_{t-1}] \cdot kernel_{candidate} + bias_{candidate})",
                        ("1", "num_units"),
                        when="use_bias",
                        replaces="candidate",
                    ),
                    _GRU_NEW_H,
                ),
                flow=_GRU_FLOW,
            ),
            Kind(
                name="CudnnCompatibleGRUCell",
                title=_mark("gated recurrent unit, reset after the product"),
                gates=(*_GRU_GATES, replace(_CANDIDATE, times="r")),
                states=("h",),
                variables=(
                    *_GRU_VARIABLES,
                    Variable(f"{_INPUT}/kernel", ("input_size", "num_units"), gates=("c",), meets=("x",)),
                    Variable(
                        f"{_INPUT}/bias",
                        ("num_units",),
                        gates=("c",),
                        initial=0.0,
                        when="use_bias",
                        meets=("x",),
                    ),
                    Variable(f"{_HIDDEN}/kernel", ("output_size", "num_units"), gates=("c",), meets=("h",)),
                    Variable(
                        f"{_HIDDEN}/bias",
                        ("num_units",),
                        gates=("c",),
                        initial=0.0,
                        when="use_bias",
                        meets=("h",),
                    ),
                ),
                options=(_ACTIVATION, _RECURRENT_ACTIVATION, _USE_BIAS),
                step=_gru_reset_after_step,
                formulas=(
                    *_GRU_FORMULAS,
                    Formula(_mark("input part"), r"a = x_t \cdot kernel_{input}", ("1", "num_units")),
                    Formula(
                        _mark("input part"),
                        r"a = x_t \cdot kernel_{input} + bias_{input}",
                        ("1", "num_units"),
                        when="use_bias",
                        replaces="input part",
                    ),
                    Formula(_mark("hidden part"), r"b = h_{t-1} \cdot kernel_{hidden}", ("1", "num_units")),
                    Formula(
                        _mark("hidden part"),
                        r"b = h_{t-1} \cdot kernel_{hidden} + bias_{hidden}",
                        ("1", "num_units"),
                        when="use_bias",
                        replaces="hidden part",
                    ),
                    Formula(_mark("candidate"), r"c = {activation}(a + r \odot b)", ("1", "num_units")),
                    _GRU_NEW_H,
                ),
                flow=_GRU_FLOW,
            ),
        )
    }
)
"""The kinds of cell by name."""


# --- Cells -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class GateWeights:
    """One gate's block: `kernel` `[input_size + output_size, num_units]`, `bias` and `hidden_bias` `[num_units]`."""

    gate: Gate
    input_size: int
    kernel: Float[np.ndarray, "rows num_units"]
    bias: Float[np.ndarray, " num_units"]
    hidden_bias: Float[np.ndarray, " num_units"]

    @property
    def kernel_x(self) -> Float[np.ndarray, "input_size num_units"]:
        """The rows that meet x."""
        return self.kernel[: self.input_size]

    @property
    def kernel_h(self) -> Float[np.ndarray, "output_size num_units"]:
        """The rows that meet h."""
        return self.kernel[self.input_size :]


@dataclass(frozen=True, eq=False)
class Cell:
    """A kind with its sizes, options and weights. `build` makes one and fills in what is not given.

    Attributes:
        kind: The declaration.
        num_units: The number of nodes of the hidden layer.
        input_size: The number of features of x.
        options: Every option of the kind by name.
        weights: Every variable of the kind by TensorFlow's name, read-only, all of one type (float32 or float64).

    Raises:
        ValueError: the weights are not those that the kind, its sizes and its options ask for.
    """

    kind: Kind
    num_units: int
    input_size: int
    options: Mapping[str, OptionValue]
    weights: Mapping[str, np.ndarray] = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", MappingProxyType(check_options(self.kind, self.options)))
        shapes = weight_shapes(self.kind, self.num_units, self.input_size, self.options)
        if set(shapes) != set(self.weights):
            raise ValueError(
                _("weights has {given}; {kind} with these options takes exactly {allowed}.").format(
                    given=", ".join(sorted(self.weights)) or "nothing",
                    kind=self.kind.name,
                    allowed=", ".join(shapes),
                )
            )
        for name, shape in shapes.items():
            if self.weights[name].shape != shape:
                raise ValueError(
                    _(
                        "{name} has the shape {given}; with num_units {num_units} and input_size {input_size} "
                        "it must be {allowed}."
                    ).format(
                        name=name,
                        given=list(self.weights[name].shape),
                        num_units=self.num_units,
                        input_size=self.input_size,
                        allowed=list(shape),
                    )
                )
        types = {weight.dtype.name for weight in self.weights.values()}
        if types not in ({"float32"}, {"float64"}):
            raise ValueError(
                _("weights are {given}; they must be all float32 or all float64.").format(
                    given=", ".join(sorted(types))
                )
            )
        frozen = {name: _frozen(self.weights[name]) for name in shapes}
        object.__setattr__(self, "weights", MappingProxyType(frozen))

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return next(iter(self.weights.values())).dtype

    @property
    def output_size(self) -> int:
        """The size of h: `num_units`, or `num_proj` where h is projected."""
        return _output_size(self.num_units, self.options)

    def astype(self, dtype: str) -> Cell:
        """The same cell storing and computing in `dtype`: from float32 to float64 each weight stays the number it is.

        `build(..., dtype="float64")` keeps the digits that float32 drops, so it differs in its weights too.

        Args:
            dtype: "float32" or "float64".

        Raises:
            ValueError: the dtype is neither.
        """
        type_ = _float_type(dtype)
        if type_ == self.dtype:
            return self
        weights = {name: as_numbers(name, weight, type_) for name, weight in self.weights.items()}
        return Cell(self.kind, self.num_units, self.input_size, self.options, weights)

    def activation_of(self, gate: str) -> str:
        """The name in `ACTIVATIONS` of the activation that the gate called `gate` has in this cell."""
        name = self.kind.gate(gate).activation
        return str(self.options.get(name, name))

    @property
    def parameter_count(self) -> int:
        """How many numbers training would adjust."""
        return sum(weight.size for weight in self.weights.values())

    @cached_property
    def kernel(self) -> Float[np.ndarray, "rows columns"]:
        """`[input_size + output_size, n_gates * num_units]`, the gates' blocks side by side, x's rows above h's."""
        stacks = []
        for gates in self.kind.blocks:
            parts = [self.weights[v.name] for v in self.kind.variables if v.is_kernel and v.gates == gates]
            stacks.append(np.concatenate(parts) if len(parts) > 1 else parts[0])
        return _side_by_side(stacks)

    @cached_property
    def bias(self) -> Float[np.ndarray, " columns"]:
        """`[n_gates * num_units]` as stored: without what is only added when the cell runs; zeros without `use_bias`.

        A bias that stands with the hidden rows alone is in `hidden_bias` instead.
        """
        return _side_by_side([self._bias_of(gates, "x") for gates in self.kind.blocks])

    @cached_property
    def hidden_bias(self) -> Float[np.ndarray, " columns"]:
        """`[n_gates * num_units]`: what is added to the hidden rows' product before `Gate.times` multiplies it.

        Zeros in the columns of gates that store no such bias.
        """
        return _side_by_side([self._bias_of(gates, "h") for gates in self.kind.blocks])

    @property
    def biased(self) -> tuple[str, ...]:
        """The gates that store a bias."""
        return self._biased("x")

    @property
    def hidden_biased(self) -> tuple[str, ...]:
        """The gates that store a hidden bias."""
        return self._biased("h")

    @cached_property
    def offset(self) -> Float[np.ndarray, " columns"]:
        """`[n_gates * num_units]`: what is added to the bias when the cell runs, `forget_bias` in f's columns."""
        values = [self.options[gate.offset] if gate.offset else 0.0 for gate in self.kind.gates]
        offset = np.repeat(np.asarray(values, self.dtype), self.num_units)
        offset.setflags(write=False)
        return offset

    def gate(self, name: str) -> GateWeights:
        """The block of the gate called `name`.

        Raises:
            ValueError: the kind has no such gate.
        """
        gate = self.kind.gate(name)
        columns = self.columns(name)
        return GateWeights(
            gate, self.input_size, self.kernel[:, columns], self.bias[columns], self.hidden_bias[columns]
        )

    def columns(self, name: str) -> slice:
        """The kernel's columns that belong to the gate called `name`."""
        index = self.kind.gates.index(self.kind.gate(name))
        return slice(index * self.num_units, (index + 1) * self.num_units)

    def state_size(self, state: str) -> int:
        """The size of the state called `state`, "c" or "h"."""
        return self.output_size if state == "h" else self.num_units

    def _biased(self, meets: str) -> tuple[str, ...]:
        biases = [v for v in self.kind.variables if v.is_bias and v.meets[0] == meets]
        return tuple(gate for v in biases if v.name in self.weights for gate in v.gates)

    def _bias_of(self, gates: tuple[str, ...], meets: str) -> np.ndarray:
        """The stored bias of the kernel whose first rows meet `meets`; zeros where there is none."""
        for variable in self.kind.variables:
            found = variable.is_bias and variable.gates == gates and variable.meets[0] == meets
            if found and variable.name in self.weights:
                return self.weights[variable.name]
        return np.zeros(len(gates) * self.num_units, self.dtype)


def _side_by_side(blocks: Sequence[np.ndarray]) -> np.ndarray:
    """The gates' blocks joined along their columns, read-only."""
    joined: np.ndarray = np.concatenate(blocks, axis=-1) if len(blocks) > 1 else blocks[0]
    joined.setflags(write=False)
    return joined


def weight_shapes(
    kind: Kind, num_units: int, input_size: int, options: Mapping[str, OptionValue]
) -> dict[str, tuple[int, ...]]:
    """The shape of each variable of a cell with these sizes and options, by TensorFlow's name."""
    sizes = {
        "input_size": input_size,
        "num_units": num_units,
        "output_size": _output_size(num_units, options),
    }
    return {
        variable.name: tuple(evaluate(axis, sizes) for axis in variable.shape)
        for variable in kind.variables
        if is_on(variable.when, options)
    }


def evaluate(axis: str, sizes: Mapping[str, int]) -> int:
    """The number that an axis like `"input_size + output_size"` or `"4 * num_units"` stands for."""
    return sum(
        math.prod(int(factor) if factor.isdigit() else sizes[factor] for factor in term.split(" * "))
        for term in axis.split(" + ")
    )


def formulas(cell: Cell) -> list[tuple[Formula, str, tuple[int, ...]]]:
    """The formulas of the cell's step, each with its LaTeX filled in with the options and its shape in numbers."""
    active = [f for f in cell.kind.formulas if is_on(f.when, cell.options)]
    replaced = {f.replaces for f in active}
    sizes = {"input_size": cell.input_size, "num_units": cell.num_units, "output_size": cell.output_size}
    rows = []
    for formula in active:
        if formula.replaces is None and formula.operation in replaced:
            continue
        latex = formula.latex
        for name, value in cell.options.items():
            latex = latex.replace(f"{{{name}}}", _write_latex(value))
        rows.append((formula, latex, tuple(evaluate(axis, sizes) for axis in formula.shape)))
    return rows


def _write_latex(value: OptionValue) -> str:
    """An option's value in a formula."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return f"{value:g}"
    name = value.replace("_", r"\_")
    return (ACTIVATIONS[value].latex if value in ACTIVATIONS else None) or rf"\mathrm{{{name}}}"


def flow(cell: Cell) -> list[tuple[Operation, Any]]:
    """The operations of the cell's step after the gates', each with its parameter: an option's value, or weights."""
    known = {**cell.options, **cell.weights}
    return [
        (operation, known[operation.parameter] if operation.parameter else None)
        for operation in cell.kind.flow
        if is_on(operation.when, cell.options)
    ]


def is_on(option: str | None, options: Mapping[str, OptionValue]) -> bool:
    """Whether an option is set, or none is asked for."""
    value = True if option is None else options.get(option)
    return value is not None and value is not False  # a clip at 0 is on


def _output_size(num_units: int, options: Mapping[str, OptionValue]) -> int:
    num_proj = options.get("num_proj")
    return num_units if num_proj is None else int(num_proj)


# --- Building --------------------------------------------------------------------------------------------------------


def build(
    kind: str,
    num_units: int,
    input_size: int,
    *,
    seed: int = 0,
    initial_weights: str = "glorot_uniform",
    weights: Mapping[str, Any] | None = None,
    dtype: str = "float32",
    **options: OptionValue,
) -> Cell:
    """Builds a cell.

    Args:
        kind: A name in `KINDS`.
        num_units: The number of nodes of the hidden layer, at least 1.
        input_size: The number of features of x, at least 1.
        seed: Makes the initial weights repeatable.
        initial_weights: A name in `INITIAL_WEIGHTS`. Biases are constants, as TensorFlow has them.
        weights: Weights to take instead, by TensorFlow's variable names; all of them, in TensorFlow's shapes.
        dtype: "float32" or "float64", the type that the cell stores and computes in.
        **options: The kind's options, under TensorFlow's argument names.

    Raises:
        ValueError: a name, number, option or weight is not one that the kind takes, or there is no memory for so many.

    >>> cell = build("BasicLSTMCell", num_units=8, input_size=4)
    >>> cell.kernel.shape, cell.gate("f").kernel_x.shape
    ((12, 32), (4, 8))
    """
    if kind not in KINDS:
        raise ValueError(
            _("cell is {given!r}; it must be one of {allowed}.").format(given=kind, allowed=", ".join(KINDS))
        )
    declaration = KINDS[kind]
    num_units = _positive("num_units", num_units)
    input_size = _positive("input_size", input_size)
    type_ = _float_type(dtype)
    checked = check_options(declaration, options)
    if weights is not None:
        arrays = {name: as_numbers(name, value, type_) for name, value in weights.items()}
        return Cell(declaration, num_units, input_size, checked, arrays)
    try:
        arrays = _draw(declaration, num_units, input_size, checked, initial_weights, seed, type_)
    except MemoryError as error:
        shapes = weight_shapes(declaration, num_units, input_size, checked).values()
        raise ValueError(
            _(
                "num_units {num_units} and input_size {input_size} make {count:,} weights, more than this machine's "
                "memory holds; take fewer."
            ).format(num_units=num_units, input_size=input_size, count=sum(map(math.prod, shapes)))
        ) from error
    return Cell(declaration, num_units, input_size, checked, arrays)


def check_options(kind: Kind, given: Mapping[str, Any]) -> dict[str, OptionValue]:
    """Every option of `kind`, as given or by default.

    Raises:
        ValueError: an option the kind does not have, or a value that the option does not take.
    """
    known = {option.name: option for option in kind.options}
    for name in given:
        if name not in known:
            raise ValueError(
                _("{name} is no option of {kind}; it has {allowed}.").format(
                    name=name, kind=kind.name, allowed=", ".join(known)
                )
            )
    values = {name: _check_option(option, given.get(name, option.default)) for name, option in known.items()}
    for name, option in known.items():
        if option.needs and values[name] is not None and values[option.needs] is None:
            raise ValueError(
                _("{name} is {given}, but {needs} is not set; set {needs} too, or leave {name} out.").format(
                    name=name, given=values[name], needs=option.needs
                )
            )
    return values


def _check_option(option: Option, value: Any) -> OptionValue:
    if value is None and option.default is None:
        return None
    if option.type is str:
        if not isinstance(value, str) or value not in option.choices:
            raise ValueError(
                _("{name} is {given!r}; it must be one of {allowed}.").format(
                    name=option.name, given=value, allowed=", ".join(option.choices)
                )
            )
        return str(value)
    if option.type is bool:
        if not isinstance(value, bool | np.bool_):
            raise ValueError(
                _("{name} is {given!r}; it must be True or False.").format(name=option.name, given=value)
            )
        return bool(value)
    if option.type is int:
        return _positive(option.name, value)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float | np.floating | np.integer)
        or not math.isfinite(value)
    ):
        raise ValueError(
            _("{name} is {given!r}; it must be a finite number.").format(name=option.name, given=value)
        )
    if value < option.minimum:
        raise ValueError(
            _("{name} is {given}; it must be at least {minimum:g}.").format(
                name=option.name, given=value, minimum=option.minimum
            )
        )
    return float(value)


def _positive(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(
            _("{name} is {given!r}; it must be a whole number, at least 1.").format(name=name, given=value)
        )
    return int(value)


def _float_type(dtype: Any) -> np.dtype[Any]:
    for type_ in (np.dtype(np.float32), np.dtype(np.float64)):
        if dtype in (type_.name, type_.type) or dtype is type_:
            return type_
    raise ValueError(_("dtype is {given!r}; it must be float32 or float64.").format(given=dtype))


def as_numbers(name: str, value: Any, dtype: np.dtype[Any], *, copy: bool = True) -> np.ndarray:
    """A copy of `value` as an array of `dtype`; `name` is what an error calls it.

    Without `copy`, an array that is one already is given back as it is.

    Raises:
        ValueError: `value` is no array of real numbers: text, complex numbers, rows of several lengths, None.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:  # rows of several lengths
        raise ValueError(
            _("{name} is not an array of numbers: {cause}").format(name=name, cause=error)
        ) from error
    if array.dtype.kind not in "biuf":
        raise ValueError(
            _("{name} is an array of {given}; it must be one of real numbers.").format(
                name=name, given=array.dtype
            )
        )
    with np.errstate(over="ignore"):  # beyond float32 is infinity, which a figure shows as such
        return array.astype(dtype, copy=copy)


def _frozen(array: np.ndarray) -> np.ndarray:
    """`array`, or a copy where somebody else could still write to it."""
    if array.flags.writeable or not array.flags.owndata:
        array = array.copy()
        array.setflags(write=False)
    return array


# --- Initial weights -------------------------------------------------------------------------------------------------


Draw = Callable[[np.random.Generator, tuple[int, ...], np.dtype[Any]], np.ndarray]


def _glorot_uniform(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    # Glorot and Bengio 2010; a vector's fans are both its length, as in TensorFlow's _compute_fans.
    fan_in, fan_out = shape[0], shape[-1]
    limit = math.sqrt(6 / (fan_in + fan_out))
    return _draw_in_parts(lambda part: rng.uniform(-limit, limit, part), shape, dtype)


def _orthogonal(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    # Saxe et al. 2013. A vector (a peephole) has no orthogonal rows: it becomes one of length 1.
    rows, columns = shape if len(shape) == 2 else (1, shape[0])
    q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return (q if rows >= columns else q.T).reshape(shape).astype(dtype)


def _random_normal(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    # The standard deviation is Keras's RandomNormal default.
    return _draw_in_parts(lambda part: rng.normal(0.0, 0.05, part), shape, dtype)


def _zeros(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    return np.zeros(shape, dtype)


def _draw_in_parts(
    draw: Callable[[tuple[int, ...]], np.ndarray], shape: tuple[int, ...], dtype: np.dtype[Any]
) -> np.ndarray:
    """The numbers that one call of `draw` would give, without ever having all of them in float64."""
    drawn = np.empty(shape, dtype)
    rows = max(1, 2**20 // math.prod(shape[1:]))
    for start in range(0, len(drawn), rows):
        part = drawn[start : start + rows]
        part[...] = draw(part.shape)
    return drawn


INITIAL_WEIGHTS: Mapping[str, Draw] = MappingProxyType(
    {
        "glorot_uniform": _glorot_uniform,
        "orthogonal": _orthogonal,
        "random_normal": _random_normal,
        "zeros": _zeros,
    }
)
"""Initial weights by Keras's names; `glorot_uniform` is what TensorFlow's cells take by default."""


def _draw(
    kind: Kind,
    num_units: int,
    input_size: int,
    options: Mapping[str, OptionValue],
    initial_weights: str,
    seed: Any,
    dtype: np.dtype[Any],
) -> dict[str, np.ndarray]:
    if initial_weights not in INITIAL_WEIGHTS:
        raise ValueError(
            _("initial_weights is {given!r}; it must be one of {allowed}.").format(
                given=initial_weights, allowed=", ".join(INITIAL_WEIGHTS)
            )
        )
    rng = np.random.default_rng(_seed(seed))
    shapes = weight_shapes(kind, num_units, input_size, options)
    if max(map(math.prod, shapes.values())) > sys.maxsize // 8:  # NumPy words this one differently
        raise MemoryError
    arrays = {}
    for variable in kind.variables:
        if variable.name in shapes:
            shape = shapes[variable.name]
            # Drawn in float64 for both types: a float32 cell is the float64 one, rounded.
            arrays[variable.name] = (
                INITIAL_WEIGHTS[initial_weights](rng, shape, dtype)
                if variable.initial is None
                else np.full(shape, variable.initial, dtype)
            )
            arrays[variable.name].setflags(write=False)
    return arrays


def _seed(seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(_("seed is {given!r}; it must be a whole number, at least 0.").format(given=seed))
    return int(seed)


# --- A linear layer in front -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear layer, `x @ kernel + bias`: kernel `[features, input_size]`, bias `[input_size]`."""

    kernel: Float[np.ndarray, "features input_size"]
    bias: Float[np.ndarray, " input_size"]

    def __post_init__(self) -> None:
        if self.kernel.ndim != 2 or self.bias.shape != self.kernel.shape[1:]:
            raise ValueError(
                _(
                    "the linear layer's kernel is {kernel} and its bias {bias}; they must be [a, b] and [b]."
                ).format(kernel=list(self.kernel.shape), bias=list(self.bias.shape))
            )

    def __call__(self, x: Float[np.ndarray, "time features"]) -> Float[np.ndarray, "time input_size"]:
        """The layer's output for each step."""
        y: np.ndarray = x @ self.kernel + self.bias
        return y


def build_linear(features: int, input_size: int, *, seed: int = 0, dtype: str = "float32") -> Linear:
    """A linear layer with Glorot uniform kernel and a random normal bias (a zero one would show nothing)."""
    features, input_size = _positive("features", features), _positive("input_size", input_size)
    rng = np.random.default_rng((features, input_size, _seed(seed)))
    type_ = _float_type(dtype)
    return Linear(
        _glorot_uniform(rng, (features, input_size), type_),
        rng.normal(0.0, 0.5, input_size).astype(type_),
    )


def fold(linear: Linear, cell: Cell) -> Cell:
    """The cell that does alone what `linear` in front of `cell` does.

    The layer's kernel goes into the kernel's x rows, its bias into the bias:
    `(x @ A + a) @ K + b = x @ (A @ K) + (a @ K + b)`. A cell without biases gets them, to hold the layer's.

    Raises:
        ValueError: the layer's outputs are not as many as the cell's inputs.
    """
    features, outputs = linear.kernel.shape
    if outputs != cell.input_size:
        raise ValueError(
            _("the linear layer gives {given} features; the cell takes {allowed}.").format(
                given=outputs, allowed=cell.input_size
            )
        )
    options = {name: True if name == "use_bias" else value for name, value in cell.options.items()}
    shapes = weight_shapes(cell.kind, cell.num_units, features, options)
    weights = {name: cell.weights.get(name, np.zeros(shape, cell.dtype)) for name, shape in shapes.items()}
    biases = {(v.gates, v.meets): v.name for v in cell.kind.variables if v.is_bias}
    kernel, bias = linear.kernel.astype(np.float64), linear.bias.astype(np.float64)
    for variable in cell.kind.variables:
        if variable.is_kernel and "x" in variable.meets:
            stored, name = cell.weights[variable.name], biases[variable.gates, variable.meets]
            rows_x, rows_h = stored[: cell.input_size], stored[cell.input_size :]
            weights[variable.name] = np.concatenate([(kernel @ rows_x).astype(cell.dtype), rows_h])
            weights[name] = (weights[name] + bias @ rows_x).astype(cell.dtype)
    return Cell(cell.kind, cell.num_units, features, options, weights)
