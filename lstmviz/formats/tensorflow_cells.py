"""TensorFlow 1's cells in variables named by their scopes: `rnn/basic_lstm_cell/kernel`, `RNN/BasicLSTMCell/Linear/Matrix`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from lstmviz.formats.found import Assumption, Found, Layer, Reads
from lstmviz.formats.naming import find_family, say_no_floats
from lstmviz.formats.tensorflow_graph import Graph
from lstmviz.formats.tensorflow_steps import Shown, follow
from lstmviz.language import _
from lstmviz.layouts import FAMILIES

# What each version calls an array, by what it has been called since TensorFlow 1.2.
_SPELLINGS = {
    "kernel": ("kernel", "weights", "Linear/Matrix", "W_0"),
    "bias": ("bias", "biases", "Linear/Bias", "B"),
    "gates/kernel": ("gates/kernel", "gates/weights", "Gates/Linear/Matrix", "w_ru"),
    "gates/bias": ("gates/bias", "gates/biases", "Gates/Linear/Bias", "b_ru"),
    "candidate/kernel": ("candidate/kernel", "candidate/weights", "Candidate/Linear/Matrix", "w_c"),
    "candidate/bias": ("candidate/bias", "candidate/biases", "Candidate/Linear/Bias", "b_c"),
    "projection/kernel": ("projection/kernel", "projection/weights", "W_P_0"),
    "w_f_diag": ("w_f_diag", "W_F_diag"), "w_i_diag": ("w_i_diag", "W_I_diag"), "w_o_diag": ("w_o_diag", "W_O_diag"),
    **{
        name: (name,) for way in ("input", "hidden") for part in ("kernel", "bias")
        for name in (f"candidate/{way}_projection/{part}",)
    },
}  # fmt: skip
_PARTS = {spelling: part for part, spellings in _SPELLINGS.items() for spelling in spellings}
_PART = re.compile(f"(?:(?P<place>.*?)/)?(?P<part>{'|'.join(sorted(_PARTS, key=len, reverse=True))})")


@dataclass(frozen=True)
class _Class:
    """One of TensorFlow's classes of cells.

    Attributes:
        name: Its name.
        family: "lstm", "gru" or "rnn"; "" for one with more in it than any cell here.
        options: What it cannot be told otherwise.
        has_activation: Whether it can be told another activation than tanh.
    """

    name: str
    family: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    has_activation: bool = True


_LSTM_BLOCK = _Class("LSTMBlockCell", "lstm", has_activation=False)
_LSTM_FUSED = _Class("LSTMBlockFusedCell", "lstm", has_activation=False)
_CLASSES: Mapping[str, _Class] = MappingProxyType(
    {
        "basic_lstm_cell": _Class("BasicLSTMCell", "lstm"),
        "lstm_cell": _Class("LSTMCell", "lstm"),
        "lstm_block_cell": _LSTM_BLOCK,
        "lstm_fused_cell": _LSTM_FUSED,
        "lstm_block_wrapper": _LSTM_FUSED,
        "cudnn_compatible_lstm_cell": _Class(
            "CudnnCompatibleLSTMCell", "lstm", {"forget_bias": 0.0}, has_activation=False
        ),
        "gru_cell": _Class("GRUCell", "gru"),
        "gru_block_cell": _Class("GRUBlockCell", "gru", has_activation=False),
        "cudnn_compatible_gru_cell": _Class("CudnnCompatibleGRUCell", "gru", has_activation=False),
        "basic_rnn_cell": _Class("BasicRNNCell", "rnn"),
        # Those of `tf.contrib.rnn` that do something else with such arrays.
        "layer_norm_basic_lstm_cell": _Class("LayerNormBasicLSTMCell"),
        "layer_norm_lstm_cell": _Class("LayerNormLSTMCell"),
        "coupled_input_forget_gate_lstm_cell": _Class("CoupledInputForgetGateLSTMCell"),
        "conv_lstm_cell": _Class("ConvLSTMCell"),
        "grid_lstm_cell": _Class("GridLSTMCell"),
        "time_freq_lstm_cell": _Class("TimeFreqLSTMCell"),
        "phased_lstm_cell": _Class("PhasedLSTMCell"),
        "weight_norm_lstm_cell": _Class("WeightNormLSTMCell"),
        "nas_cell": _Class("NASCell"),
        "ugrnn_cell": _Class("UGRNNCell"),
        "intersection_rnn_cell": _Class("IntersectionRNNCell"),
        "sru_cell": _Class("SRUCell"),
        "ind_rnn_cell": _Class("IndRNNCell"),
        "indy_gru_cell": _Class("IndyGRUCell"),
        "indy_lstm_cell": _Class("IndyLSTMCell"),
        "minimal_rnn_cell": _Class("MinimalRNNCell"),
        "cfn_cell": _Class("CFNCell"),
    }
)
_BY_CLASS = {known.name.lower(): known for known in _CLASSES.values()}  # TensorFlow before 1.0
_WITHIN_RNN = re.compile(r"(^|/)[^/]*(rnn|lstm|gru)[^/]*(/|$)", re.IGNORECASE)
# Layers that a scope of something recurrent may hold beside the cell.
_NO_CELL = re.compile(
    r"(dense|fully_connected|fc|conv\w*|embedding\w*|logits|softmax|output\w*|projection|memory_layer|attention_layer"
    r"|query_layer|batch_norm\w*|layer_norm\w*|norm\w*|linear|hidden\w*|predict\w*|out)(_?\d+)?",
    re.IGNORECASE,
)
_BACKWARD = re.compile(
    r"(^|/)((stack_)?bidirectional_rnn(_\d+)?|BiRNN)/(.*/)?bw(/|$)|(^|/)BiRNN_BW(/|$)", re.IGNORECASE
)


@dataclass(frozen=True, eq=False)
class _Cell:
    """What a checkpoint holds of one cell.

    Attributes:
        place: Its scope.
        parts: Its arrays by the names of today.
        given: The same arrays by their full names.
        beside: What else stands under its scope, by full names.
    """

    place: str
    parts: dict[str, np.ndarray]
    given: dict[str, np.ndarray]
    beside: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def own(self) -> str:
        """What the cell itself is called, without TensorFlow's number."""
        return re.sub(r"_\d+$", "", self.place.rpartition("/")[2])

    @property
    def known(self) -> _Class | None:
        """Its class, where its name is that of one."""
        return _CLASSES.get(self.own) or _BY_CLASS.get(self.own.lower())

    @property
    def is_cell(self) -> bool:
        """Whether the arrays are a cell's, and not a dense layer's: by their names, or by scope and shape."""
        if self.known or {"gates/kernel", "candidate/kernel"} <= self.parts.keys():
            return True
        if any("projection" in part or part.endswith("_diag") for part in self.parts):
            return "kernel" in self.parts or "gates/kernel" in self.parts
        if "kernel" not in self.parts or not _WITHIN_RNN.search(self.place) or _NO_CELL.fullmatch(self.own):
            return False
        is_called_so = bool(re.search(r"cell|rnn|lstm|gru", self.own, re.IGNORECASE))
        return bool(self.beside) or is_called_so or _has_shape_of_a_cell(self.parts["kernel"])


def is_within_rnn(name: str) -> bool:
    """Whether a variable stands under the name of something recurrent."""
    return bool(_WITHIN_RNN.search(name.rpartition("/")[0]))


def _has_shape_of_a_cell(kernel: np.ndarray) -> bool:
    return kernel.ndim == 2 and kernel.shape[1] % 4 == 0 and kernel.shape[0] > kernel.shape[1] // 4


def take_cells(
    variables: Mapping[str, np.ndarray], found: Found, graph: Graph | None = None
) -> dict[str, np.ndarray]:
    """Adds TensorFlow 1's cells among variables, or why they are left out; returns the variables of none.

    Args:
        variables: By their full names.
        found: What they are added to.
        graph: What the model does with them, where that is known.
    """
    cells = _find_cells(variables)
    taken: set[str] = set()
    for cell in cells:
        taken |= cell.given.keys() | cell.beside.keys()
        _take(cell, found, graph)
    return {name: array for name, array in variables.items() if name not in taken}


def _find_cells(variables: Mapping[str, np.ndarray]) -> list[_Cell]:
    places: dict[str, _Cell] = {}
    for name, array in variables.items():
        if match := _PART.fullmatch(name):
            place = match["place"] or ""
            cell = places.setdefault(place, _Cell(place, {}, {}))
            cell.parts[_PARTS[match["part"]]] = cell.given[name] = array
    for name, array in variables.items():
        for place in _scopes(name):
            if place in places and name not in places[place].given:
                places[place].beside[name] = array
    return _outermost([cell for cell in places.values() if cell.is_cell])


def _scopes(name: str) -> Iterator[str]:
    steps = name.split("/")
    return ("/".join(steps[:count]) for count in range(1, len(steps)))


def _outermost(cells: list[_Cell]) -> list[_Cell]:
    """The cells that are not within another: what is within one is what that one has beside its arrays."""
    places = {cell.place for cell in cells}
    return [cell for cell in cells if not places & set(_scopes(cell.place))]


def _take(cell: _Cell, found: Found, graph: Graph | None) -> None:
    title = cell.place or "layer"
    if problem := _say_problem(cell, graph):
        found.leave_out(title, problem, cell.given | cell.beside)
        return
    try:
        families = _find_families(cell)
    except ValueError as error:
        found.leave_out(title, str(error), cell.given)
        return
    names = dict(zip(cell.parts, cell.given, strict=True))
    shown = follow(graph, names, families) if graph is not None else None
    if shown is not None and shown.problem:
        found.leave_out(title, shown.problem, cell.given)
        return
    found.layers[found.free_title(title)] = (
        _take_assumed(cell, families, graph) if shown is None else _take_shown(cell, shown)
    )


def _find_families(cell: _Cell) -> tuple[str, ...]:
    """The families whose arrays have such shapes, of those that the cell's name allows.

    Raises:
        ValueError: there is none.
    """
    allowed = (cell.known.family,) if cell.known else FAMILIES
    causes, fitting = [], []
    for family in allowed:
        try:
            fitting.append(find_family(cell.parts, "tf1", of=(family,)))
        except ValueError as error:
            causes.append(str(error))
    if fitting:
        return tuple(fitting)
    if cell.known:
        raise ValueError(causes[-1])
    shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in cell.parts.items())
    raise ValueError(
        _("its name is that of none of TensorFlow's cells, and its arrays fit none: {shapes}").format(
            shapes=shapes
        )
    )


def _take_shown(cell: _Cell, shown: Shown) -> Layer:
    """A cell of which the graph shows what it does."""
    usual = cell.known or _usual_class(shown.family, cell.parts)
    carried = Assumption(
        _("each step starts from the states that the step before it leaves"),
        _("the graph does not show that"),
    )
    return Layer(
        "tf1",
        shown.family,
        cell.parts,
        options=dict(shown.options),
        notes=_say_attention() if "attention_wrapper" in cell.place else (),
        assumed=() if shown.carries else (carried,),
        called=shown.called or usual.name,
        reads=Reads(reverse=bool(_BACKWARD.search(cell.place))),
    )


def _take_assumed(cell: _Cell, families: tuple[str, ...], graph: Graph | None) -> Layer:
    """A cell of which only the arrays are known."""
    usual = cell.known or _usual_class(families[0], cell.parts)
    others = [_usual_class(family, cell.parts).name for family in families[1:]]
    why = _("a checkpoint does not hold it")
    if graph is not None:
        why = _("what the graph does with the cell cannot be followed")
    return Layer(
        "tf1",
        families[0],
        cell.parts,
        options=dict(usual.options),
        notes=_say_attention() if "attention_wrapper" in cell.place else (),
        assumed=(*_assume_class(cell, usual, others), *_assume_options(usual, why)),
        called=usual.name,
        reads=Reads(reverse=bool(_BACKWARD.search(cell.place))),
    )


def _say_problem(cell: _Cell, graph: Graph | None) -> str:
    """Why a cell is none that can be shown."""
    more = ", ".join(f"{name} {list(array.shape)}" for name, array in list(cell.beside.items())[:6])
    if cell.known and not cell.known.family:
        named = _("its name is that of a {kind}, which computes otherwise than the cells here").format(
            kind=cell.known.name
        )
        if not more:
            return named
        return _("{reason}; it keeps {count} more arrays than a plain cell: {names}").format(
            reason=named, count=len(cell.beside), names=more
        )
    if more and graph is not None:
        return _("it keeps {count} more arrays than a plain cell, which no cell here has: {names}").format(
            count=len(cell.beside), names=more
        )
    if more:
        return _(
            "it keeps {count} more arrays than a plain cell: {names}; what it does with them is not in the file"
        ).format(count=len(cell.beside), names=more)
    for name, array in cell.parts.items():
        if array.dtype.kind != "f":
            return say_no_floats(name, array)
    kernel = cell.parts.get("kernel")
    if kernel is not None and kernel.ndim > 2:
        return _(
            "its kernel has {axes} axes: it is a convolution in every gate, which no cell here has"
        ).format(axes=kernel.ndim)
    return ""


def _usual_class(family: str, parts: Mapping[str, np.ndarray]) -> _Class:
    """What TensorFlow calls a cell of such arrays."""
    if family == "gru":
        return _CLASSES["gru_cell" if "candidate/kernel" in parts else "cudnn_compatible_gru_cell"]
    if family == "rnn":
        return _CLASSES["basic_rnn_cell"]
    return _CLASSES["basic_lstm_cell" if parts.keys() <= {"kernel", "bias"} else "lstm_cell"]


def _say_attention() -> tuple[str, ...]:
    return (_("An attention wrapper feeds it: its input is the step's with the last attention behind it."),)


# --- What a checkpoint does not hold ----------------------------------------------------------------------------------


def _assume_class(cell: _Cell, usual: _Class, others: list[str]) -> Iterator[Assumption]:
    if cell.known is None:
        why = _("its name {name} is that of none of TensorFlow's cells, its arrays have that one's shapes")
        if others:
            why = _(
                "its name {name} is that of none of TensorFlow's cells, its arrays have that one's shapes, and those of "
                "a {others} too"
            )
        yield Assumption(
            _("it is a {kind}").format(kind=usual.name),
            why.format(name=repr(cell.own), others=", ".join(others)),
        )


def _assume_options(usual: _Class, why: str) -> Iterator[Assumption]:
    if usual.options:
        yield Assumption(
            _("its forget_bias is 0"),
            _("every {kind}'s is, and its name is that class's").format(kind=usual.name),
        )
    elif usual.family == "lstm":
        yield Assumption(_("its forget_bias is 1"), why)
    if usual.has_activation:
        yield Assumption(_("its activation is tanh"), why)
    if usual.family == "lstm" and usual.name not in ("BasicLSTMCell", "CudnnCompatibleLSTMCell"):
        yield Assumption(_("it clips nothing (cell_clip, proj_clip)"), why)
