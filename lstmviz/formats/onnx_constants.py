"""What an ONNX model computes from constants alone: weights that stand behind Slice, Concat, DequantizeLinear and the like.

The operators are ONNX's own reference implementations, one at a time, and only those of a table; each result's size is
known before it is computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmviz.formats.found import MAX_PARTS, Content, say_too_large
from lstmviz.formats.onnx_graph import Model, Scope, bound_attributes, key_of, title_of, why_not_called
from lstmviz.language import _

_FREE_NUMBERS = 2**24  # that a small file's operators may come to
_MOST_AXES = 32
_DEEPEST_SPLAT = 32  # operators behind each other that are looked at for one number everywhere


class Unknown(ValueError):
    """A value that is not known, or not computed here; the message says why, a clause of its own."""


@dataclass(frozen=True, eq=False)
class Value:
    """A constant of a model.

    Attributes:
        array: Its numbers.
        through: The operators that made it of what is stored.
        types: As what its floating-point numbers are stored, where that is not float32 or float64.
    """

    array: np.ndarray
    through: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()


Inputs = Sequence[Any]
Count = Callable[[Inputs, Mapping[str, Any]], int]
_Task = tuple[Scope, int | str]  # an operator by its number, or an initializer by its name


def _count_none(inputs: Inputs, told: Mapping[str, Any]) -> int:
    """Of an operator whose result is a view of what it takes."""
    return 0


def _count_reshaped(inputs: Inputs, told: Mapping[str, Any]) -> int:
    """A view of numbers that lie one after another, else a copy."""
    return 0 if inputs[0].flags.c_contiguous else inputs[0].size


def _count_same(inputs: Inputs, told: Mapping[str, Any]) -> int:
    return 2 * inputs[0].size  # in float64 in the middle


def _count_sum(inputs: Inputs, told: Mapping[str, Any]) -> int:
    return sum(each.size for each in inputs)


def _count_broadcast(inputs: Inputs, told: Mapping[str, Any]) -> int:
    return math.prod(np.broadcast_shapes(*(each.shape for each in inputs if each is not None)))


def _count_split(inputs: Inputs, told: Mapping[str, Any]) -> int:
    parts = told.get("num_outputs", 0) + len(told.get("split", ()))
    return 64 * (parts + sum(each.size for each in inputs[1:]))  # views, each an object


def _count_gather(inputs: Inputs, told: Mapping[str, Any]) -> int:
    data, places = inputs
    return data.size + data.size // max(1, data.shape[told.get("axis", 0)]) * places.size


def _count_expand(inputs: Inputs, told: Mapping[str, Any]) -> int:
    return 2 * math.prod(np.broadcast_shapes(inputs[0].shape, _as_shape(inputs[1])))


def _count_filled(inputs: Inputs, told: Mapping[str, Any]) -> int:
    return math.prod(_as_shape(inputs[0]))


def _count_tiled(inputs: Inputs, told: Mapping[str, Any]) -> int:
    return max(1, inputs[0].size) * math.prod(max(1, each) for each in _as_shape(inputs[1]))


def _count_range(inputs: Inputs, told: Mapping[str, Any]) -> int:
    start, end, step = (float(each.item()) for each in inputs)
    return math.ceil(abs((end - start) / step)) + 1


def _count_padded(inputs: Inputs, told: Mapping[str, Any]) -> int:
    if told.get("mode", b"constant") not in (b"constant", b"edge"):
        raise ValueError(_("its mode is {given!r}").format(given=told["mode"]))
    pads = told.get("pads", told.get("paddings"))
    amounts = [int(each) for each in (inputs[1].reshape(-1) if pads is None else pads)]
    if min(amounts, default=0) < 0 or len(amounts) > 2 * _MOST_AXES:
        raise ValueError(_("its pads are {given}").format(given=amounts[: 2 * _MOST_AXES]))
    shape = inputs[0].shape
    if len(amounts) == 2 * len(shape):
        each = [
            before + after for before, after in zip(amounts[: len(shape)], amounts[len(shape) :], strict=True)
        ]
    else:  # of some axes: of each as much as of all together
        each = [sum(amounts)] * len(shape)
    return 2 * math.prod(length + more for length, more in zip(shape, each, strict=True))


def _as_shape(array: np.ndarray) -> list[int]:
    if array.ndim != 1 or array.size > _MOST_AXES or array.dtype.kind not in "iu":
        raise ValueError(_("its shape is none: {given}").format(given=list(array.reshape(-1)[:_MOST_AXES])))
    shape = [int(each) for each in array]
    if min(shape, default=0) < 0:
        raise ValueError(_("its shape is none: {given}").format(given=shape))
    return shape


_VIEWS = ("Squeeze", "Unsqueeze", "Transpose", "Slice", "Shape", "Size")
_ELEMENTWISE = ("Add", "Sub", "Mul", "Div", "Pow", "Where", "Min", "Max", "Equal", "Greater", "Less")
_ONE_EACH = (
    *("Cast", "CastLike", "DequantizeLinear", "QuantizeLinear", "Neg", "Abs", "Sqrt", "Reciprocal", "Exp", "Clip"),
    *("ReduceSum", "ReduceL2", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceSumSquare"),
)  # fmt: skip
_COUNTS: Mapping[str, Count] = {
    **dict.fromkeys(_VIEWS, _count_none),
    **dict.fromkeys(_ELEMENTWISE, _count_broadcast),
    **dict.fromkeys(_ONE_EACH, _count_same),
    **dict.fromkeys(("Reshape", "Flatten"), _count_reshaped),
    "Concat": _count_sum,
    "Split": _count_split,
    "Gather": _count_gather,
    "Expand": _count_expand,
    "ConstantOfShape": _count_filled,
    "Tile": _count_tiled,
    "Range": _count_range,
    "Pad": _count_padded,
}
"""The operators that are computed, with how many numbers each makes, at most."""
_SPREADS = (
    *("Expand", "Slice", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Identity", "Cast", "Tile", "Gather", "Split"),
    *("Flatten", "Concat", "GatherElements", "GatherND"),
)  # fmt: skip
"""Operators whose result has the same number everywhere where that in the first of what they take, or all of it, has."""


class Constants:
    """The constants of a model, each computed once.

    Args:
        onnx: The package.
        model: The model.
        content: The file, whose companions may hold its numbers.
    """

    def __init__(self, onnx: Any, model: Model, content: Content) -> None:
        self._onnx, self._model, self._content = onnx, model, content
        self._known: dict[_Task, list[Value] | Unknown] = {}
        self._calls: dict[tuple[Scope, int], Scope] = {}
        self._splats: dict[tuple[Scope, str], float | None] = {}
        self._companions: dict[str, bytes] = {}
        self._read = len(content.data)
        self._nodes = self._numbers = 0

    @property
    def read(self) -> int:
        """How many bytes have been read, of the model and of its companions."""
        return self._read

    def find(self, scope: Scope, name: str) -> Value:
        """The constant of a name.

        Raises:
            Unknown: it is none, or none that is computed here.
        """
        goal = self._task(scope, name)
        self._solve(goal[0])
        return self._take(*goal)

    def find_splat(self, scope: Scope, name: str, depth: int = 0) -> float | None:
        """The number that stands everywhere in an array whose shape may be known only when the model runs; else None.

        Zeros are often made as large as the model's input.
        """
        task = (scope, name)
        if task not in self._splats:
            self._splats[task] = None  # so that what depends on itself has none
            if depth < _DEEPEST_SPLAT:
                self._splats[task] = self._compute_splat(scope, name, depth + 1)
        return self._splats[task]

    def _compute_splat(self, scope: Scope, name: str, depth: int) -> float | None:
        home = scope.home(name)
        if home is None:
            return None
        place, own = home
        if own in place.makers:
            node = place.body.node[place.makers[own][0]]
            domain, kind = key_of(node)
            try:
                if not domain and kind == "ConstantOfShape":
                    return self._one_number(bound_attributes(node, place).get("value"))
            except Unknown:
                return None
            if not domain and kind in _SPREADS:
                inputs = node.input if kind == "Concat" else node.input[:1]
                numbers = {self.find_splat(place, each, depth) for each in inputs}
                return numbers.pop() if len(numbers) == 1 else None
        try:
            array = self.find(place, own).array
        except Unknown:
            return None
        is_one = array.size and array.dtype.kind in "fiu" and np.all(array == array.reshape(-1)[0])
        return float(array.reshape(-1)[0]) if is_one else None

    def _one_number(self, attribute: Any) -> float | None:
        if attribute is None:
            return 0.0
        array = self._load(attribute.t).array
        return float(array.reshape(-1)[0]) if array.size == 1 else None

    # --- What has to be computed, and in which order -------------------------------------------------------------------

    def _task(self, scope: Scope, name: str) -> tuple[_Task, int]:
        """Which operator, or which initializer, makes a name; and which of its results it is."""
        for _step in range(MAX_PARTS):
            home = scope.home(name)
            if home is None:
                raise Unknown(_("it is named {name!r}, which is not in the model").format(name=name[:100]))
            scope, name = home
            if name in scope.sparse:
                raise Unknown(_("it is stored as a sparse array, which is not read"))
            if name in scope.given:
                raise Unknown(
                    _("it depends on {name!r}, which is given when the model runs").format(name=name[:100])
                )
            if name not in scope.makers:
                return (scope, name), 0
            number, place = scope.makers[name]
            node = scope.body.node[number]
            domain, kind = key_of(node)
            if not domain and kind == "Identity" and len(node.input) == 1:
                name = node.input[0]
                continue
            key = self._model.function_of(node)
            if key is None:
                return (scope, number), place
            scope = self._enter(scope, number, node, key)
            if place >= len(scope.body.output):
                raise Unknown(_("it is named {name!r}, which is not in the model").format(name=name[:100]))
            name = scope.body.output[place]
        raise Unknown(
            _("it is computed by more operators than are computed here, {most:,}").format(most=MAX_PARTS)
        )

    def _enter(self, scope: Scope, number: int, node: Any, key: Any) -> Scope:
        if (scope, number) not in self._calls:
            if reason := why_not_called(scope, key):
                raise Unknown(_("it comes from a function: {reason}").format(reason=reason))
            self._count_node()
            self._calls[scope, number] = self._model.call(scope, node, key)
        return self._calls[scope, number]

    def _solve(self, goal: _Task) -> None:
        """Computes an operator, and first what it takes; without recursion, for a file may be deeper than the stack."""
        rest, opened = [goal], set()
        while rest:
            task = rest[-1]
            if task in self._known:
                rest.pop()
                continue
            try:
                missing = [each for each in self._needs(task) if each not in self._known]
                if missing and task in opened:
                    raise Unknown(_("it depends on itself"))
                if missing:
                    opened.add(task)
                    rest.extend(missing)
                    continue
                self._known[task] = self._compute(task)
            except Unknown as error:
                self._known[task] = error
            rest.pop()

    def _needs(self, task: _Task) -> list[_Task]:
        scope, number = task
        if isinstance(number, str):
            return []
        return [self._task(scope, name)[0] for name in scope.body.node[number].input if name]

    def _take(self, task: _Task, place: int) -> Value:
        known = self._known[task]
        if isinstance(known, Unknown):
            raise Unknown(str(known))
        if place >= len(known):
            raise Unknown(_("it is a result that its operator does not make"))
        return known[place]

    def _compute(self, task: _Task) -> list[Value]:
        scope, number = task
        if isinstance(number, str):
            return [self._load(scope.tensors[number])]
        node = scope.body.node[number]
        inputs = [self._take(*self._task(scope, name)) if name else None for name in node.input]
        domain, kind = key_of(node)
        if not domain and kind == "Constant":
            return [self._read_constant(node, scope)]
        if domain == "com.microsoft" and kind == "DequantizeLinear":
            domain = ""  # ONNX Runtime's own takes more types and computes the same
        if domain or kind not in _COUNTS:
            raise Unknown(
                _("it is computed by the operator {operator} ({name}), which is not computed here").format(
                    operator=kind, name=title_of(node, scope)
                )
            )
        self._count_node()
        through = frozenset({kind}).union(*(each.through for each in inputs if each))
        types = frozenset[str]().union(*(each.types for each in inputs if each))
        arrays = self._run(node, scope, [each and each.array for each in inputs])
        return [Value(array, through, types) for array in arrays]

    def _run(self, node: Any, scope: Scope, inputs: list[Any]) -> list[np.ndarray]:
        """The results of an operator of ONNX's own, after a look at how large they will be."""
        own = type(node)()
        own.CopyFrom(node)
        del own.attribute[:]
        own.attribute.extend(bound_attributes(node, scope).values())
        try:
            for attribute, name in zip(own.attribute, bound_attributes(node, scope), strict=True):
                attribute.name = name
            told = {each.name: self._onnx.helper.get_attribute_value(each) for each in own.attribute}
            self._charge(_COUNTS[node.op_type](inputs, told), inputs)
            version = scope.opsets.get("", 1)
            settings = {"log": _say_nothing, "opsets": {"": version}, "new_ops": None}
            with np.errstate(all="ignore"):
                results = _implementation(node.op_type, version)(own, settings).run(*inputs)
            return [np.asarray(each) for each in results]
        except Unknown:
            raise
        except Exception as error:  # what the reference implementations raise of operators that are none
            raise Unknown(
                _("it is computed by the operator {operator} ({name}), which fails: {cause}").format(
                    operator=node.op_type, name=title_of(node, scope), cause=str(error)[:200]
                )
            ) from error

    def _charge(self, numbers: int, inputs: list[Any]) -> None:
        if any(each is not None and (each.ndim > _MOST_AXES or each.dtype.kind in "OUS") for each in inputs):
            raise ValueError(_("it takes no numbers"))
        self._numbers += numbers
        most = min(_FREE_NUMBERS + 4 * self._read, self._content.allowed // 4)
        if self._numbers > most:
            raise Unknown(
                _(
                    "it is computed, and what is computed comes to {given:,} numbers; at most {allowed:,} are"
                ).format(given=self._numbers, allowed=most)
            )

    def _count_node(self) -> None:
        self._nodes += 1
        if self._nodes > MAX_PARTS:
            raise Unknown(
                _("it is computed by more operators than are computed here, {most:,}").format(most=MAX_PARTS)
            )

    # --- What is stored ------------------------------------------------------------------------------------------------

    def _read_constant(self, node: Any, scope: Scope) -> Value:
        attributes = bound_attributes(node, scope)
        if len(attributes) == 1:
            ((name, given),) = attributes.items()
            if name == "value":
                return self._load(given.t)
            if name in ("value_float", "value_floats"):
                return Value(np.array(given.f if name == "value_float" else given.floats, np.float32))
            if name in ("value_int", "value_ints"):
                return Value(np.array(given.i if name == "value_int" else given.ints, np.int64))
        raise Unknown(
            _("it is a constant of another kind than numbers: {kinds}").format(kinds=", ".join(attributes))
        )

    def _load(self, tensor: Any) -> Value:
        """A stored tensor's numbers.

        Raises:
            Unknown: it promises other numbers than it holds, or they are elsewhere.
        """
        helper, kinds = self._onnx.helper, self._onnx.TensorProto
        if (
            tensor.data_type in (kinds.UNDEFINED, kinds.STRING)
            or tensor.data_type not in kinds.DataType.values()
        ):
            raise Unknown(_("it has no numbers of a known type"))
        if len(tensor.dims) > _MOST_AXES or min(tensor.dims, default=0) < 0:
            raise Unknown(
                _("it has a shape that none can have: {given}").format(given=list(tensor.dims[:_MOST_AXES]))
            )
        count = math.prod(tensor.dims)
        dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
        bits = _bits(tensor.data_type, dtype, kinds)
        stored = tensor
        if tensor.data_location == kinds.EXTERNAL or tensor.external_data:
            stored = kinds(dims=tensor.dims, data_type=tensor.data_type)
            stored.raw_data = self._read_elsewhere(tensor, -(-count * bits // 8))
        if stored.HasField("raw_data"):
            given, needed = len(stored.raw_data), -(-count * bits // 8)
        else:
            lists = (
                stored.float_data,
                stored.int32_data,
                stored.int64_data,
                stored.double_data,
                stored.uint64_data,
            )
            given, needed = sum(map(len, lists)), count if bits >= 8 else -(-count * bits // 8)
            needed = 2 * needed if dtype.kind == "c" else needed
        if given != needed:
            raise Unknown(
                _("it promises {shape} numbers and holds others: {given:,} where {needed:,} would be").format(
                    shape=list(tensor.dims), given=given, needed=needed
                )
            )
        try:
            array = self._onnx.numpy_helper.to_array(stored)
        except Exception as error:
            raise Unknown(_("it cannot be read: {cause}").format(cause=str(error)[:200])) from error
        is_number = dtype.kind == "f" or dtype.name.startswith(("bfloat", "float"))
        types = {dtype.name} if is_number and dtype.name not in ("float32", "float64") else ()
        return Value(array, types=frozenset(types))

    def _read_elsewhere(self, tensor: Any, length: int) -> bytes:
        """The bytes of a tensor in another file of the model's own folder."""
        told = {each.key: each.value for each in tensor.external_data}
        location = told.get("location", "")
        if location not in self._companions:
            try:
                data = self._content.companion(location)
            except ValueError as error:
                raise Unknown(_("it is not read: {reason}").format(reason=error)) from error
            if data is None:
                raise Unknown(
                    _(
                        "it is in {file}, which did not come with the model: give both, as a folder or a zip"
                    ).format(file=location[:200])
                )
            self._read += len(data)
            if self._read > self._content.allowed:
                raise Unknown(
                    _("it is not read: {reason}").format(
                        reason=say_too_large(self._content.name, self._read, self._content.allowed)
                    )
                )
            self._companions[location] = data
        data = self._companions[location]
        try:
            offset = int(told.get("offset", "0")[:20])
            given = int(told.get("length", str(length))[:20])
        except ValueError as error:
            raise Unknown(_("it has a place in {file} that is none").format(file=location[:200])) from error
        if offset < 0 or given != length or offset + length > len(data):
            raise Unknown(
                _(
                    "it is in {file} from {offset:,} on with {given:,} bytes; it needs {length:,}, and the file has {size:,}"
                ).format(file=location[:200], offset=offset, given=given, length=length, size=len(data))
            )
        return data[offset : offset + length]


def _bits(data_type: int, dtype: np.dtype, kinds: Any) -> int:
    """How many bits a number takes in `raw_data`, where several of the narrow types lie in one byte."""
    name = kinds.DataType.Name(data_type)
    if name in ("INT2", "UINT2"):
        return 2
    if name in ("FLOAT6E2M3", "FLOAT6E3M2"):
        return 6
    return 4 if name in ("INT4", "UINT4", "FLOAT4E2M1") else 8 * dtype.itemsize


def _implementation(kind: str, version: int) -> Any:
    """The reference implementation of an operator's version; where it has none so old, the oldest it has."""
    from onnx.defs import onnx_opset_version
    from onnx.reference.ops._op_list import load_op

    for each in range(max(1, version), onnx_opset_version()):
        with suppress(RuntimeError):  # NotImplementedError is one
            return load_op("", kind, each)
    return load_op("", kind)


def _say_nothing(*_words: Any) -> None:
    pass
