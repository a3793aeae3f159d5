"""Recurrent layers in PyTorch's state dicts: tensors by names, and what else a file says of the modules that hold them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from lstmviz.formats.found import Assumption, Found, Layer, Reads
from lstmviz.formats.naming import find_family, say_backward, say_unread
from lstmviz.language import _, _mark
from lstmviz.layouts import FAMILIES

_LEAF = r"(?:weight_ih|weight_hh|bias_ih|bias_hh|weight_hr)(?:_l\d+(?:_reverse)?)?"
_NAME = re.compile(
    r"(?:(?P<prefix>.*)\.)?(?P<part>weight_ih|weight_hh|bias_ih|bias_hh|weight_hr)(?:_l(?P<layer>\d{1,4})(?P<back>_reverse)?)?",
    re.DOTALL,
)
# torch/optim: what Adam, SGD, RMSprop, Adagrad and the others keep of each parameter, by its number.
_OPTIMIZER = re.compile(r"(?P<owner>(?:.*\.)?state)\.\d+\.\w+", re.DOTALL)
_CLASSES = {
    "LSTM": "lstm",
    "LSTMCell": "lstm",
    "GRU": "gru",
    "GRUCell": "gru",
    "RNN": "rnn",
    "RNNCell": "rnn",
}
_OWN = re.compile(r"torch\.nn(?:\.modules\.rnn)?\.(?P<name>LSTM|LSTMCell|GRU|GRUCell|RNN|RNNCell)")
QUANTISED = "quantised"
_MOST_NAMED = 6  # arrays that a reason names
# mlx/python/mlx/nn/layers/recurrent.py, flax/linen/recurrent.py: their recurrent layers' arrays, in no layout here.
_MLX = re.compile(r"(?P<prefix>(?:.*\.)?)(?:Wx|Wh|bhn|bias|b)", re.DOTALL)
_FLAX = re.compile(r"(?:.*[./])?[ih][ifgorzn][./](?:kernel|bias)", re.DOTALL)


@dataclass(frozen=True)
class Module:
    """What a file says of a module.

    Attributes:
        of: Its class, `torch.nn.modules.rnn.LSTM`.
        options: Its attributes that are texts and numbers.
    """

    of: str
    options: Mapping[str, Any] = field(default_factory=dict)


def find_pytorch(
    arrays: Mapping[str, np.ndarray],
    modules: Mapping[str, Module] = MappingProxyType({}),
    objects: Mapping[str, str] = MappingProxyType({}),
    types: Mapping[str, str] = MappingProxyType({}),
) -> Found:
    """The layers of a state dict: each of a stack and each direction by itself.

    PyTorch's names are `weight_ih_l0`, for the other direction `weight_ih_l0_reverse`, before them those of the modules
    that hold the layer; a cell alone, `torch.nn.LSTMCell`, has no `_l0`. A module is a layer if nothing else is under its
    name and, where the file states its class, that is one of PyTorch's own.

    Args:
        arrays: The tensors by their names, in the file's order.
        modules: What the file says of its modules, by their names; a state dict says nothing.
        objects: What else is in the file, by name.
        types: How tensors are stored, where that is not how they were read: "bfloat16", "float16", "quantised".
    """
    return _StateDict(arrays, modules, objects, types).find()


class _StateDict:
    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        modules: Mapping[str, Module],
        objects: Mapping[str, str],
        types: Mapping[str, str],
    ) -> None:
        self._modules, self._objects, self._types = modules, objects, types
        self._arrays, self._made = compute_weights(arrays)
        self._told: set[str] = set()  # arrays that belong to a layer, or to one that is left out
        self._missing: set[str] = set()  # stacks of which not every layer is there
        self._found = Found()

    def find(self) -> Found:
        """The layers, and what is left out."""
        groups = self._groups()
        rooms: dict[str, set[int]] = {}
        for prefix, depth, _back in groups:
            rooms.setdefault(prefix, set()).add(depth)
        self._missing = {prefix for prefix, depths in rooms.items() if depths != set(range(len(depths)))}
        reasons = {prefix: self._refuse(prefix) for prefix in rooms}
        for (prefix, depth, back), names in groups.items():
            title = prefix or "layer"
            if max(rooms[prefix]) > 0:
                title += f".l{depth}"
            self._take(title + back, prefix, back, names, reasons[prefix])
        self._leave_rest()
        return self._found

    def _groups(self) -> dict[tuple[str, int, str], dict[str, str]]:
        """The arrays' names by PyTorch's names of one layer's, for each layer and direction."""
        groups: dict[tuple[str, int, str], dict[str, str]] = {}
        for name, array in self._arrays.items():
            match = _NAME.fullmatch(name)
            if match and array.dtype.kind in "fiu" and not _OPTIMIZER.fullmatch(name):
                key = match["prefix"] or "", int(match["layer"] or 0), match["back"] or ""
                groups.setdefault(key, {})[f"{match['part']}_l0"] = name
        return groups

    def _refuse(self, prefix: str) -> str:
        """Why what is under a module's name is no plain layer; "" where it is one."""
        module = self._modules.get(prefix)
        if module and module.of and not _OWN.fullmatch(module.of):
            self._told |= set(self._further(prefix))
            return _(
                "its class is {given}, not torch.nn's own: what it does with these arrays is in no state of it"
            ).format(given=module.of)
        none = {
            name: _("it holds no numbers") for name, a in self._arrays.items() if a.dtype.kind not in "fiu"
        }
        for name, reason in (none | dict(self._objects)).items():
            if self._is_own(prefix, name):
                return say_unread(name.rpartition(".")[2], reason)
        if module and (reason := self._contradict(prefix, module)):
            return reason
        further = list(self._further(prefix))
        if not further:
            return ""
        self._told |= set(further)
        named = ", ".join(further[:_MOST_NAMED]) + (", …" if len(further) > _MOST_NAMED else "")
        return _(
            "it is more than a plain recurrent layer: under its name there is also {named}, and what that does the file "
            "does not say"
        ).format(named=named)

    def _contradict(self, prefix: str, module: Module) -> str:
        """Where what a module states of itself and its arrays are two things; "" where they agree."""
        head = f"{prefix}." if prefix else ""
        leaves = {name.removeprefix(head) for name in self._arrays if name.startswith(head)}
        shown = {
            "bidirectional": any(leaf.endswith("_reverse") for leaf in leaves),
            "bias": any(leaf.startswith("bias_") for leaf in leaves),
            "num_layers": 1
            + max((int(m["layer"] or 0) for m in map(_NAME.fullmatch, leaves) if m), default=0),
        }
        for option, value in shown.items():
            if module.options.get(option, value) != value:
                return _("its {option} is {given}, and its arrays are those of {shown}").format(
                    option=option, given=module.options[option], shown=value
                )
        return ""

    @staticmethod
    def _is_own(prefix: str, name: str) -> bool:
        """Whether a name is that of one of a layer's own arrays, as a plain layer has them."""
        head = f"{prefix}." if prefix else ""
        return name.startswith(head) and bool(re.fullmatch(_LEAF, name.removeprefix(head)))

    def _further(self, prefix: str) -> Iterator[str]:
        """What is under a module's name and is none of a layer's own arrays."""
        head = f"{prefix}." if prefix else ""
        for name in (*self._arrays, *self._objects):
            inside = name.removeprefix(head)
            if not name.startswith(head) or self._is_own(prefix, name) or _OPTIMIZER.fullmatch(name):
                continue
            if prefix or name in self._arrays:
                if inside.endswith("_raw") and name.removesuffix("_raw") in self._arrays:
                    continue  # weight drop's: see `_dropped`
                yield name

    def _take(self, title: str, prefix: str, back: str, names: Mapping[str, str], reason: str) -> None:
        parts, raw = {key: self._arrays[name] for key, name in names.items()}, self._dropped(prefix, names)
        self._told |= {*names.values(), *raw.values()}
        module = self._modules.get(prefix)
        own = _OWN.fullmatch(module.of) if module else None
        families = (_CLASSES[own["name"]],) if own else FAMILIES
        family = ""
        if not reason and any(part.dtype.kind != "f" for part in parts.values()):
            reason = _("its weights are whole numbers: {shapes}").format(
                shapes=_list_shapes(names, self._arrays)
            )
        if not reason:
            try:
                family = find_family(parts, "pytorch", of=families)
            except ValueError:
                reason = _("no LSTM, GRU or RNN of PyTorch's has exactly these arrays: {shapes}").format(
                    shapes=_list_shapes(names, self._arrays)
                )
        if reason:
            self._found.leave_out(title, reason, {name: self._arrays[name] for name in names.values()})
            return
        assumed, options = self._hear(family, module, own["name"] if own else "")
        differing = [name for key, name in raw.items() if not np.array_equal(self._arrays[name], parts[key])]
        if differing:
            parts |= {key: self._arrays[name] for key, name in raw.items()}
            assumed.append(
                Assumption(
                    _("it runs with {names}, as weight drop does when it is evaluated").format(
                        names=", ".join(differing)
                    ),
                    _("the file holds other numbers beside it and does not say which are used"),
                )
            )
        self._found.layers[title] = Layer(
            "pytorch",
            family,
            parts,
            options,
            notes=tuple(self._notes(prefix, names, back)),
            assumed=tuple(assumed),
            called=own["name"] if own else "",
            reads=Reads(reverse=bool(back)),
        )

    def _dropped(self, prefix: str, names: Mapping[str, str]) -> dict[str, str]:
        """Weight drop's own copies of a layer's weights, `weight_hh_l0_raw`: beside them, or one module up."""
        found = {}
        for key, name in names.items():
            leaf = name.rpartition(".")[2]
            above = prefix.removesuffix("module").removesuffix(".") if prefix.endswith("module") else prefix
            for place in dict.fromkeys([prefix, above]):
                raw = f"{place}.{leaf}_raw" if place else f"{leaf}_raw"
                if raw in self._arrays and self._arrays[raw].shape == self._arrays[name].shape:
                    found[key] = raw
        return found

    @staticmethod
    def _hear(family: str, module: Module | None, own: str) -> tuple[list[Assumption], dict[str, Any]]:
        """What has to be assumed of a layer, and what its module states."""
        if family != "rnn":
            return [], {}
        stated = module.options if module else {}
        given = str(stated.get("nonlinearity", stated.get("mode", ""))).lower().removeprefix("rnn_")
        if own and given in ("tanh", "relu"):
            return [], {"nonlinearity": given}
        why = _("the file does not say") if own else _("a state dict does not hold it")
        return [Assumption(_("its nonlinearity is tanh"), why)], {}

    def _notes(self, prefix: str, names: Mapping[str, str], back: str) -> Iterator[str]:
        if back:
            yield say_backward()
        if prefix in self._missing:
            yield _(
                "The file does not have every layer of its stack: what it reads is what a missing one gives."
            )
        yield from dict.fromkeys(self._made[name] for name in names.values() if name in self._made)
        stored = dict.fromkeys(self._types.get(name, "") for name in names.values())
        for type_ in filter(None, stored):
            if type_ == QUANTISED:
                yield _(
                    "Its weights are stored as whole numbers with a scale, and are made floating-point numbers again."
                )
            else:
                yield _("Its weights are stored as {type} and widened to float32.").format(type=type_)

    def _leave_rest(self) -> None:
        """Tells of each array that belongs to no layer, once; of an optimizer's all at once."""
        owners: dict[str, int] = {}
        for name, array in self._arrays.items():
            if name in self._told:
                continue
            if match := _OPTIMIZER.fullmatch(name):
                owners[match["owner"]] = owners.get(match["owner"], 0) + 1
                continue
            if array.dtype.kind in "fiu":
                self._found.arrays[name] = array
                self._found.skipped[name] = self._say_name(name)
            else:
                self._found.skipped[name] = _("it holds no numbers")
        for owner, count in owners.items():
            self._found.skipped[owner] = _(
                "{count:,} arrays of an optimizer's state, which is no layer"
            ).format(count=count)

    def _say_name(self, name: str) -> str:
        """Why a name makes no layer; other frameworks' recurrent layers are told by theirs."""
        match = _MLX.fullmatch(name)
        if match and {f"{match['prefix']}Wx", f"{match['prefix']}Wh"} <= self._arrays.keys():
            return _("it is named as MLX names a recurrent layer's arrays, and these are not read")
        if _FLAX.fullmatch(name):
            return _("it is named as Flax names a recurrent cell's arrays, and these are not read")
        return _("its name is none that PyTorch gives a recurrent layer's weights")


def _list_shapes(names: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> str:
    return ", ".join(
        f"{name.rpartition('.')[2]} {list(arrays[name].shape)} {arrays[name].dtype.name}"
        for name in names.values()
    )


# --- Weights that a module computes before it runs -----------------------------------------------------------------------


def compute_weights(arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays with those that weight norm, spectral norm and pruning compute in place of what they are computed from.

    Returns:
        The arrays by name, in the file's order, and for each that was computed a sentence that says so.
    """
    made: dict[str, np.ndarray] = {}
    said: dict[str, str] = {}
    used: set[str] = set()
    for name in arrays:
        for recipe in _RECIPES:
            match = recipe.pattern.fullmatch(name)
            if not match:
                continue
            target = f"{match['prefix'] or ''}{match['leaf']}"
            sources = [
                ending.format(prefix=match["prefix"] or "", leaf=match["leaf"]) for ending in recipe.sources
            ]
            if any(source not in arrays for source in sources) or target in made:
                continue
            computed = recipe.compute(*(arrays[source] for source in sources))
            if computed is not None:
                made[target], said[target] = computed, _(recipe.said)
                used |= set(sources)
    ordered: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        if name not in used:
            ordered.setdefault(name, array)
            continue
        for recipe in _RECIPES:
            if (match := recipe.pattern.fullmatch(name)) and (
                target := f"{match['prefix'] or ''}{match['leaf']}"
            ) in made:
                ordered[target] = made[target]
    return ordered, said


def _weight_norm(g: np.ndarray, v: np.ndarray) -> np.ndarray | None:
    """torch/nn/utils/weight_norm.py: `v * (g / norm_except_dim(v))`; g's axes of length 1 are those of the norm."""
    if g.ndim not in (0, v.ndim) or v.dtype.kind != "f" or g.dtype.kind != "f":
        return None
    axes = tuple(k for k in range(v.ndim) if g.ndim == 0 or g.shape[k] == 1)
    if g.ndim and any(g.shape[k] not in (1, v.shape[k]) for k in range(v.ndim)):
        return None
    exact = v.astype(np.float64)
    with np.errstate(all="ignore"):
        weight = exact * (g.astype(np.float64) / np.sqrt(np.square(exact).sum(axis=axes, keepdims=True)))
    return weight.reshape(v.shape).astype(v.dtype)


def _spectral_norm(weight: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray | None:
    """torch/nn/utils/spectral_norm.py when it is evaluated: the weight over `u · W v`, without another iteration."""
    if (
        weight.ndim != 2
        or u.shape != weight.shape[:1]
        or v.shape != weight.shape[1:]
        or weight.dtype.kind != "f"
    ):
        return None
    exact = weight.astype(np.float64)
    with np.errstate(all="ignore"):
        return (exact / (u.astype(np.float64) @ (exact @ v.astype(np.float64)))).astype(weight.dtype)


def _prune(weight: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    """torch/nn/utils/prune.py: the weight where the mask lets it through."""
    if weight.shape != mask.shape or weight.dtype.kind != "f" or mask.dtype.kind not in "fb":
        return None
    return weight * mask.astype(weight.dtype)


@dataclass(frozen=True)
class _Recipe:
    """How a weight is computed: what its first source is called, all sources by their names, the function, what to say."""

    pattern: re.Pattern[str]
    sources: tuple[str, ...]
    compute: Any
    said: str


def _named(ending: str) -> re.Pattern[str]:
    return re.compile(rf"(?P<prefix>(?:.*\.)?)(?P<leaf>{_LEAF}){ending}", re.DOTALL)


def _parametrized(ending: str) -> re.Pattern[str]:
    return re.compile(rf"(?P<prefix>(?:.*\.)?)parametrizations\.(?P<leaf>{_LEAF})\.{ending}", re.DOTALL)


_BY_WEIGHT_NORM = _mark("A weight of it is computed from its direction and its length, as weight norm does.")
_BY_SPECTRAL_NORM = _mark(
    "A weight of it is divided by its largest singular value, as spectral norm does when it is evaluated."
)
_BY_PRUNING = _mark("A weight of it is shown with the mask of its pruning applied.")
_INSIDE = "{prefix}parametrizations.{leaf}."
_RECIPES = (
    _Recipe(_named("_[gv]"), ("{prefix}{leaf}_g", "{prefix}{leaf}_v"), _weight_norm, _BY_WEIGHT_NORM),
    _Recipe(
        _parametrized("original[01]"),
        (f"{_INSIDE}original0", f"{_INSIDE}original1"),
        _weight_norm,
        _BY_WEIGHT_NORM,
    ),
    _Recipe(
        _named("_(?:orig|u|v)"),
        ("{prefix}{leaf}_orig", "{prefix}{leaf}_u", "{prefix}{leaf}_v"),
        _spectral_norm,
        _BY_SPECTRAL_NORM,
    ),
    _Recipe(
        _parametrized(r"(?:original|0\._u|0\._v)"),
        (f"{_INSIDE}original", f"{_INSIDE}0._u", f"{_INSIDE}0._v"),
        _spectral_norm,
        _BY_SPECTRAL_NORM,
    ),
    _Recipe(_named("_(?:orig|mask)"), ("{prefix}{leaf}_orig", "{prefix}{leaf}_mask"), _prune, _BY_PRUNING),
)
