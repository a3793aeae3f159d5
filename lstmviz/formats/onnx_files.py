"""ONNX: the operators LSTM, GRU and RNN, https://onnx.ai/onnx/operators/onnx__LSTM.html."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lstmviz.formats.found import MAX_PARTS, Content, FormatError, Found, Layer, Reads, need
from lstmviz.formats.naming import say_backward
from lstmviz.language import _
from lstmviz.layouts.table import ONNX_DEFAULTS

_FAMILIES = {"LSTM": "lstm", "GRU": "gru", "RNN": "rnn"}
_INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
_WEIGHTS = ("W", "R", "B", "P")
_SIDES = {"forward": ("",), "reverse": ("",), "bidirectional": ("", "_reverse")}
_DEEPEST = 8  # graphs in graphs


def knows(content: Content) -> bool:
    """Whether it begins as a model does, with the number of its version."""
    return content.data[:1] == b"\x08"


def read(content: Content, layout: str | None) -> Found:  # the operators say what is what
    """The layers in a model's graph and in those inside it."""
    onnx = need("onnx", "onnx", content.name)
    try:
        model = onnx.load_model_from_string(content.data)
    except Exception as error:
        raise FormatError(
            _("{name} is a damaged ONNX model: {cause}").format(name=content.name, cause=error)
        ) from error
    if not model.graph.node:
        raise FormatError(_("{name} is no ONNX model: it has no operators.").format(name=content.name))
    found, others = Found(), set()
    try:
        for node, values in _walk(model.graph, {}, 0):
            if node.op_type in _FAMILIES and node.domain in ("", "ai.onnx"):
                _read_node(onnx, node, values, found)
            else:
                others.add(node.op_type)
    except ValueError as error:
        raise FormatError(
            _("{name} is a damaged ONNX model: {cause}").format(name=content.name, cause=error)
        ) from error
    found.skipped |= {name: _("it is not a recurrent operator") for name in sorted(others)}
    return found


def _walk(graph: Any, outer: Mapping[str, Any], depth: int) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """Every operator, with the constants that it can name."""
    if depth > _DEEPEST or len(graph.node) + len(graph.initializer) > 10 * MAX_PARTS:
        raise ValueError(_("its graph is too large"))
    values = dict(outer) | {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.output:
            for each in node.attribute:
                if each.name == "value":
                    values[node.output[0]] = each.t
        elif node.op_type == "Identity" and node.input and node.output and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]]
        else:
            yield node, values
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _walk(attribute.g, values, depth + 1)


def _read_node(onnx: Any, node: Any, values: Mapping[str, Any], found: Found) -> None:
    name = node.name or (node.output[0] if node.output else "") or node.op_type
    name = name if name not in found.layers else f"{name}#{len(found.layers)}"
    inputs = {key: given for key, given in zip(_INPUTS, node.input, strict=False) if given}
    try:
        arrays = {key: _as_array(onnx, inputs[key], values) for key in _WEIGHTS if key in inputs}
        options = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
        direction = _text(options.pop("direction", b"forward"))
        if direction not in _SIDES:
            raise ValueError(_("direction is {given!r}").format(given=direction))
        sides = _SIDES[direction]
        options = {key: value for key, value in options.items() if key not in ("layout", "output_sequence")}
        notes = [
            _("{input} is given by the model and not shown here: the run starts from zeros.").format(
                input=key
            )
            for key in ("initial_h", "initial_c")
            if key in inputs
        ]
        for number, side in enumerate(sides):
            if any(array.shape[:1] != (len(sides),) for array in arrays.values()):
                raise ValueError(
                    _("its weights are not those of {count} directions").format(count=len(sides))
                )
            parts = {key: array[number : number + 1] for key, array in arrays.items()}
            own = _one_side(options, number, len(sides))
            is_back = bool(side) or direction == "reverse"
            found.layers[name + side] = Layer(
                "onnx",
                _FAMILIES[node.op_type],
                parts,
                own,
                notes=(*notes, *([say_backward()] if is_back else [])),
                reads=Reads(reverse=is_back),
            )
    except Exception as error:  # attributes of other types than they should have
        found.skipped[name] = str(error) or type(error).__name__


def _as_array(onnx: Any, name: str, values: Mapping[str, Any]) -> np.ndarray:
    if name not in values:
        raise ValueError(_("its weights {name} are computed by the model or given to it").format(name=name))
    tensor = values[name]
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise ValueError(
            _("its weights are in another file, which is not opened; save the model with its weights inside")
        )
    array: np.ndarray = onnx.numpy_helper.to_array(tensor)
    if array.dtype.kind != "f":
        raise ValueError(_("its weights are {type}, no floating-point numbers").format(type=array.dtype.name))
    return array


def _one_side(options: Mapping[str, Any], number: int, sides: int) -> dict[str, Any]:
    """The options of one of the directions: the operator lists the functions of both, one direction's after the other's."""
    own = {key: _text(value) if isinstance(value, bytes) else value for key, value in options.items()}
    names = [_text(name) for name in own.get("activations", ())]
    if not names:
        own.pop("activations", None)
        return own
    count = len(names) // sides
    own["activations"] = names[number * count : (number + 1) * count]
    for place, key in enumerate(("activation_alpha", "activation_beta")):
        if key in own:
            takes = [ONNX_DEFAULTS.get(name.lower(), (None, None))[place] is not None for name in names]
            first, last = sum(takes[: number * count]), sum(takes[: (number + 1) * count])
            own[key] = list(own[key])[first:last]
    return own


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
