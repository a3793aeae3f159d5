"""Arrays that stand by themselves: what their names, their order or their shapes say about layers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations, permutations
from types import MappingProxyType

import numpy as np

from lstmviz.formats.found import Assumption, Found, Layer
from lstmviz.formats.naming import say_unread
from lstmviz.formats.state_dicts import find_pytorch
from lstmviz.formats.variables import find_layers
from lstmviz.language import _
from lstmviz.layouts import FAMILIES, LAYOUTS, describe_stored

Arrays = Mapping[str, np.ndarray]

# PyTorch's names behind any sign, and the short ones of those who compute with its weights in NumPy.
_PYTORCH = re.compile(
    r"(?:(?P<prefix>.*?)(?P<sign>[./:_]))?(?P<part>(?:weight|bias|w|b)_[ih]h|weight_hr)(?P<rest>(?:_l\d+)?(?:_reverse)?)"
)
_TENSORFLOW_CELL = re.compile(r"(?:^|/)(?:basic_|cudnn_compatible_)?(?:lstm|gru|rnn)_cell(?:_\d+)?/")
_LONG = {"w_ih": "weight_ih", "w_hh": "weight_hh", "b_ih": "bias_ih", "b_hh": "bias_hh"}
_NUMBERED = re.compile(r"arr_(\d+)")
# Layouts whose arrays have names that no other has, and those that a layer has in any case.
_TOLD = {"keras": {"kernel", "recurrent_kernel"}, "onnx": {"W", "R"}}
_THEANO = ("W", "U", "b")  # also Keras's before it had names for them
_SIGNS = "./:_"
_LONGEST = 1_000  # letters of a name that are looked at
_MOST_IN_ORDER = 1_000  # arrays
_MOST_BY_SHAPE = 6


def find_bare(arrays: Arrays, layout: str | None, unread: Mapping[str, str] = MappingProxyType({})) -> Found:
    """The layers in arrays that have nothing but names.

    Args:
        arrays: By name; real numbers.
        layout: How they are stored, a key of `LAYOUTS`; None where only the names can say it.
        unread: Why other arrays of the file are not read, by name.
    """
    found = _find(arrays, layout)
    for title, layer in list(found.layers.items()):
        names = [name for name in unread if _belongs(name, title, layer.layout)]
        if names:
            del found.layers[title]
            found.leave_out(title, say_unread(names[0], unread[names[0]]), layer.arrays)
    return found


def _belongs(name: str, title: str, layout: str) -> bool:
    """Whether an array's name is one of a layer's arrays, or of what stands under the layer's name."""
    base = re.sub(r"(\.l\d+)?(_reverse)?(#\d+)?$", "", title)
    rest = name if base == "layer" else name.removeprefix(base)
    if base != "layer":
        if rest == name or rest[:1] not in _SIGNS:
            return False
        if rest[0] != "_":
            return True
        rest = rest[1:]
    return bool(_PYTORCH.fullmatch(rest)) if layout == "pytorch" else rest in _names_of(layout)


def _find(arrays: Arrays, layout: str | None) -> Found:
    if layout in (None, "pytorch") and any(_PYTORCH.fullmatch(name) for name in arrays):
        return _find_pytorch(arrays, is_told=layout is not None)
    if layout is None and any(map(_TENSORFLOW_CELL.search, arrays)):
        return find_layers({name.removesuffix(":0"): array for name, array in arrays.items()})
    if layout is None:
        return _find_by_own_names(arrays)
    found = _find_by_names(arrays, layout)
    if (
        found.layers or found.skipped.keys() - arrays.keys()
    ):  # a group of them, though it may be none that is known
        return found
    if all(map(_NUMBERED.fullmatch, arrays)) and arrays:
        return _find_in_order(arrays, layout)
    return _find_by_shape(arrays, layout)


# --- PyTorch's names


def _find_pytorch(arrays: Arrays, is_told: bool) -> Found:
    """The layers that PyTorch's names make, also where they are shortened or stand behind another sign than a dot."""
    named: dict[str, np.ndarray] = {}
    short: set[str] = set()
    beside: dict[str, list[str]] = {}
    for name, array in arrays.items():
        match = _PYTORCH.fullmatch(name)
        prefix = (match["prefix"] or "") if match else ""
        full = name
        if match:
            full = ".".join(filter(None, [prefix, _LONG.get(match["part"], match["part"]) + match["rest"]]))
        if match and full not in named and full not in (arrays.keys() - {name}):
            named[full] = array
            if match["part"] in _LONG:
                short.add(prefix or "layer")
            if match["sign"] == "_":
                beside.setdefault(prefix, [])
        else:
            named[name] = array
    for name in named:
        for prefix in _starts(name, "_"):
            if prefix in beside:
                beside[prefix].append(name)
    found = find_pytorch(named)
    for title, layer in found.layers.items():
        base = re.sub(r"(\.l\d+)?(_reverse)?$", "", title)
        assumed = [*_assume_beside(beside.get(base, [])), *layer.assumed]
        if base in short and not is_told:
            assumed.insert(0, _assume_stored("pytorch"))
        found.layers[title] = replace(layer, assumed=tuple(assumed))
    return found


def _starts(name: str, signs: str) -> Iterator[str]:
    """What stands before each of the signs in a name."""
    return (name[:place] for place, letter in enumerate(name[:_LONGEST]) if letter in signs)


def _assume_stored(layout: str) -> Assumption:
    return Assumption(
        _("its arrays are stored as {layout} stores them").format(layout=LAYOUTS[layout].title),
        _("only their names suggest it"),
    )


def _assume_beside(names: Collection[str]) -> tuple[Assumption, ...]:
    """What a name that begins as the layer's do may mean."""
    if not names:
        return ()
    that = _("it does without {names}").format(names=", ".join(sorted(names)[:8]))
    return (Assumption(that, _("the names alone do not say what belongs to it")),)


# --- Other names


@dataclass(frozen=True)
class _Group:
    """Arrays that share what stands before their parts' names.

    Attributes:
        prefix: What stands before them, with the sign that parts it from them.
        parts: The arrays by the layout's names.
        given: The same arrays by the names that they have.
        others: Further arrays behind the same prefix, by their names.
    """

    prefix: str
    parts: Arrays
    given: Arrays
    others: Arrays

    @property
    def title(self) -> str:
        """What the layer is called."""
        return self.prefix.rstrip("./:_") or "layer"

    @property
    def has_more(self) -> bool:
        """Whether the further arrays are its own: behind a "_" they may be another's."""
        return bool(self.others) and not self.prefix.endswith("_")

    @property
    def names(self) -> set[str]:
        """The names of what is told of together."""
        return {*self.given, *(self.others if self.has_more else ())}


def _find_by_own_names(arrays: Arrays) -> Found:
    """The layers of layouts whose names no other has."""
    found = Found()
    taken: set[str] = set()
    for layout, core in _TOLD.items():
        for group in _group(arrays, {slot: slot for slot in _names_of(layout).values()}):
            if core <= group.parts.keys():
                taken |= group.names
                _take(group, layout, found, (_assume_stored(layout),) if layout == "onnx" else ())
    for group in _group(arrays, {part: part for part in _THEANO}):
        if group.parts.keys() >= {"W", "U"}:
            taken |= group.given.keys()
            why = _(
                "names like {names} are those of Theano's tutorial, whose LSTM stores its gates as i, f, o, c, an order that "
                "no layout here has; name the layout if they are another's, or give the detective a sample"
            ).format(names=", ".join(sorted(group.given)))
            found.leave_out(group.title, why, group.given)
    why = _("the arrays' names do not say how they are stored; name the layout, one of {allowed}").format(
        allowed=", ".join(LAYOUTS)
    )
    return _with_rest(found, arrays, taken, why if not taken else _("its name is that of no layer's array"))


def _with_rest(found: Found, arrays: Arrays, taken: Collection[str], why: str) -> Found:
    """What was found, and of each other array why it is none of it."""
    rest = {name: array for name, array in arrays.items() if name not in taken}
    found.skipped |= dict.fromkeys(rest, why)
    found.arrays |= rest
    return found


def _names_of(layout: str) -> dict[str, str]:
    """What a layout's arrays may be called, with its own name for each."""
    names = {slot.name: slot.name for form in LAYOUTS[layout].forms for slot in form.slots}
    if layout == "keras":
        names |= dict(zip(_THEANO, ("kernel", "recurrent_kernel", "bias"), strict=True))
    return names


def _find_by_names(arrays: Arrays, layout: str) -> Found:
    found = Found()
    taken: set[str] = set()
    for group in _group(arrays, _names_of(layout)):
        if _is_core(group.parts, layout):  # else a dense layer's kernel and bias, say
            taken |= group.names
            _take(group, layout, found)
    return _with_rest(found, arrays, taken, _("its name is that of no layer's array"))


def _is_core(parts: Arrays, layout: str) -> bool:
    """Whether all arrays are there that a layer has in any case."""
    forms = LAYOUTS[layout].forms
    return any({slot.name for slot in form.slots if slot.when is None} <= parts.keys() for form in forms)


def _group(arrays: Arrays, names: Mapping[str, str]) -> list[_Group]:
    """The arrays by what stands before the names of parts; in their order."""
    ends = "|".join(map(re.escape, names))
    # As little as can be stands before the part: `recurrent_kernel` is no kernel of something recurrent.
    pattern = re.compile(rf"(?P<prefix>(?:.*?[{_SIGNS}])??)(?P<part>{ends})(?::0)?", re.DOTALL)
    parts: dict[str, dict[str, np.ndarray]] = {}
    given: dict[str, dict[str, np.ndarray]] = {}
    rest = []
    for name, array in arrays.items():
        match = pattern.fullmatch(name)
        if match and names[match["part"]] not in parts.get(match["prefix"], ()):
            parts.setdefault(match["prefix"], {})[names[match["part"]]] = array
            given.setdefault(match["prefix"], {})[name] = array
        else:  # `kernel:0` beside `kernel` too
            rest.append(name)
    others: dict[str, dict[str, np.ndarray]] = {prefix: {} for prefix in parts}
    for name in rest:
        for prefix in [f"{start}{name[len(start)]}" for start in _starts(name, _SIGNS)] or [""]:
            if prefix in others:
                others[prefix][name] = arrays[name]
    return [_Group(prefix, parts[prefix], given[prefix], others[prefix]) for prefix in parts]


def _take(group: _Group, layout: str, found: Found, assumed: tuple[Assumption, ...] = ()) -> None:
    """Adds a group's layer, or why it is none."""
    title = found.free_title(group.title)
    if group.has_more:
        reason = _("beside its arrays there are {names}, which no such layer of {layout}'s has").format(
            names=", ".join(sorted(group.others)[:8]), layout=LAYOUTS[layout].title
        )
        found.leave_out(title, reason, {**group.given, **group.others})
        return
    families = _families(group.parts, layout)
    if not families:
        reason = _say_why(group.parts, layout)
        found.leave_out(title, reason, group.given)
        return
    told = (*assumed, *_assume_beside(group.others), *_assume(layout, families, group.parts))
    found.layers[title] = Layer(layout, families[0], group.parts, assumed=told)


# --- Arrays without names of their own


def _find_in_order(arrays: Arrays, layout: str) -> Found:
    """The layers in arrays that are numbered, `np.savez(file, *model.get_weights())`: each framework has its order."""
    found = Found()
    names = sorted(arrays, key=lambda name: int(name.removeprefix("arr_")))
    if len(names) > _MOST_IN_ORDER:
        why = _("there are too many arrays without a name; give those of one layer")
        return Found(skipped=dict.fromkeys(names, why), arrays=dict(arrays))
    place = 0
    while place < len(names):
        taken = next(_fit_here(arrays, names[place:], layout), None)
        if taken is None:
            name = names[place]
            found.skipped[name] = _("at its place, the shapes are those of no layer of {layout}'s").format(
                layout=LAYOUTS[layout].title
            )
            found.arrays[name] = arrays[name]
            place += 1
            continue
        families, parts = taken
        note = _("{given} are taken, in this order, as {parts}.").format(
            given=", ".join(names[place : place + len(parts)]), parts=", ".join(parts)
        )
        title = found.free_title("layer")
        found.layers[title] = Layer(
            layout, families[0], parts, notes=(note,), assumed=_assume(layout, families, parts)
        )
        place += len(parts)
    return found


def _fit_here(
    arrays: Arrays, names: list[str], layout: str
) -> Iterator[tuple[list[str], dict[str, np.ndarray]]]:
    """The layers that arrays make from the first one on, those of the most arrays first."""
    for slots in _sequences(layout):
        if len(slots) <= len(names):
            parts = {slot: arrays[name] for slot, name in zip(slots, names, strict=False)}
            if families := _families(parts, layout):
                yield families, parts


def _sequences(layout: str) -> list[tuple[str, ...]]:
    """The names of arrays that a layer of a layout can have, in the framework's order, the longest first."""
    found: dict[tuple[str, ...], None] = {}
    for form in LAYOUTS[layout].forms:
        optional = [slot.name for slot in form.slots if slot.when is not None]
        for count in range(len(optional) + 1):
            for left_out in combinations(optional, count):
                found[tuple(slot.name for slot in form.slots if slot.name not in left_out)] = None
    return sorted(found, key=len, reverse=True)


def _find_by_shape(arrays: Arrays, layout: str) -> Found:
    """The one layer in arrays of any names, where their shapes fit the layout's in one way alone."""
    fits = []
    if len(arrays) <= _MOST_BY_SHAPE:
        for slots in _sequences(layout):
            for names in permutations(arrays, len(slots)) if len(slots) == len(arrays) else ():
                parts = {slot: arrays[name] for slot, name in zip(slots, names, strict=True)}
                if families := _families(parts, layout):
                    fits.append((families, parts, names))
    if len(fits) == 1:
        ((families, parts, names),) = fits
        note = _("By their shapes, {given} are taken as {parts}.").format(
            given=", ".join(names), parts=", ".join(parts)
        )
        assumed = _assume(layout, families, parts)
        return Found({"layer": Layer(layout, families[0], parts, notes=(note,), assumed=assumed)})
    if fits:
        why = _("the shapes of {names} fit in several ways; give them {layout}'s own names").format(
            names=", ".join(arrays), layout=LAYOUTS[layout].title
        )
    else:
        why = _("{names} are not the arrays of one layer as {layout} stores it").format(
            names=", ".join(f"{name} {list(array.shape)}" for name, array in [*arrays.items()][:12]),
            layout=LAYOUTS[layout].title,
        )
    return Found(skipped={"layer": why}, arrays=dict(arrays))


# --- What arrays do not say


def _families(parts: Arrays, layout: str) -> list[str]:
    """The families that a layout stores in arrays of these names and shapes."""
    return [family for family in FAMILIES if not _refusal(parts, layout, family)]


def _refusal(parts: Arrays, layout: str, family: str) -> str:
    try:
        describe_stored(parts, layout, family)
    except ValueError as error:
        return str(error)
    return ""


def _say_why(parts: Arrays, layout: str) -> str:
    """Why arrays make no layer: the reason of the family that has as many gates as they seem to have."""
    reasons = [_refusal(parts, layout, family) for family in FAMILIES]
    shapes = [reason for reason in reasons if " has the shape " in reason]
    return (shapes or reasons)[0]


def _assume(layout: str, families: list[str], parts: Arrays) -> tuple[Assumption, ...]:
    """What a layer is shown by that arrays do not hold."""
    why = _("arrays do not hold it")
    said = []
    if len(families) > 1:
        said.append(
            Assumption(
                _("it is an {family}").format(family=families[0].upper()),
                _("the arrays' shapes are those of an {other} too").format(other=families[1].upper()),
            )
        )
    family = families[0]
    if layout == "tf1" and family == "lstm":
        said.append(Assumption(_("its forget_bias is 1"), why))
    if family == "gru" and (layout == "onnx" or (layout == "keras" and "bias" not in parts)):
        option = "linear_before_reset=0" if layout == "onnx" else "reset_after=True"
        said.append(Assumption(_("it was made with {option}").format(option=option), why))
    if layout in ("keras", "onnx") and family != "rnn":
        said.append(
            Assumption(
                _("its activations are {layout}'s defaults, tanh and sigmoid").format(
                    layout=LAYOUTS[layout].title
                ),
                _("arrays do not hold them"),
            )
        )
    elif layout == "tf1" or family == "rnn":
        said.append(Assumption(_("its activation is tanh"), why))
    return tuple(said)
