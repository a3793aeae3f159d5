"""ONNX: the operators LSTM, GRU and RNN, https://onnx.ai/onnx/operators/onnx__LSTM.html, and ONNX Runtime's quantized LSTM."""

from __future__ import annotations

from collections import Counter
from typing import Any

from lstmviz.formats import protobuf
from lstmviz.formats.budget import MOST_LAYERS, Budget, say_beyond
from lstmviz.formats.found import MAX_PARTS, Content, FormatError, Found, needing
from lstmviz.formats.onnx_constants import Constants
from lstmviz.formats.onnx_graph import (
    RECURRENT,
    Model,
    Scope,
    TooLarge,
    is_recurrent_elsewhere,
    key_of,
    title_of,
)
from lstmviz.formats.onnx_layers import Operator, read_attributes, read_layers
from lstmviz.language import _

_MOST_FIELDS = 600_000  # of the model and all that is in it
_MOST_KINDS = 12  # of other operators that are named

# onnx.proto's ModelProto and GraphProto: the kind of each field.
_V, _B = protobuf.VARINT, protobuf.BYTES
_MODEL_FIELDS = {1: _V, 2: _B, 3: _B, 4: _B, 5: _V, 6: _B, 7: _B, 8: _B, 14: _B, 20: _B, 25: _B, 26: _B}
_GRAPH_FIELDS = dict.fromkeys((1, 2, 5, 10, 11, 12, 13, 14, 15, 16), _B)
_VERSION, _GRAPH, _OPSETS = 1, 7, 8


def knows(content: Content) -> bool:
    """Whether its outermost fields are those of a model: a version, or the operators' versions, and a graph.

    TensorFlow's SavedModel begins with a version too, and its second field is a graph's.
    """
    data, seen = content.data, set()
    try:
        for count, (number, kind, start, end) in enumerate(protobuf.scan(data)):
            if number <= max(_MODEL_FIELDS) and _MODEL_FIELDS.get(number) != kind:
                return False
            if number == _GRAPH and not protobuf.first_field(data, start, end, _GRAPH_FIELDS):
                return False
            seen.add(number)
            if (_GRAPH in seen and seen & {_VERSION, _OPSETS}) or count > MAX_PARTS:
                break
    except ValueError:
        return False
    return _GRAPH in seen and bool(seen & {_VERSION, _OPSETS})


def read(content: Content, layout: str | None) -> Found:  # the operators say what is what
    """The layers in a model's graph, in those inside it, and in its functions at each call."""
    with needing("onnx", "onnx", content.name):
        import onnx
    proto = _parse(onnx, content)
    if not proto.graph.node:
        raise FormatError(_("{name} is no ONNX model: it has no operators.").format(name=content.name))
    try:
        return _Reader(onnx, Model(proto), content).read()
    except TypeError as error:  # protobuf hands out bytes for a name that is no UTF-8
        raise FormatError(
            _("{name} is a damaged ONNX model: a name in it is no text.").format(name=content.name)
        ) from error


def _parse(onnx: Any, content: Content) -> Any:
    """The model as the library's objects, after a count of them."""
    try:
        count = protobuf.count_fields(content.data, onnx.ModelProto, _MOST_FIELDS)
        if count <= _MOST_FIELDS:
            return onnx.ModelProto.FromString(content.data)
    except Exception as error:  # DecodeError, and what protobuf's own libraries raise
        raise FormatError(
            _("{name} is a damaged ONNX model: {cause}").format(name=content.name, cause=error)
        ) from error
    raise FormatError(
        _("{name} is an ONNX model of more than {most:,} parts, which is more than is read.").format(
            name=content.name, most=_MOST_FIELDS
        )
    )


class _Reader:
    """What is found in a model, as the walk over its operators goes on."""

    def __init__(self, onnx: Any, model: Model, content: Content) -> None:
        self._onnx, self._model, self._content = onnx, model, content
        self._constants = Constants(onnx, model, content)
        self._found = Found()
        self._others: Counter[str] = Counter()
        self._budget = Budget(content.allowed)
        self._beyond = 0

    def read(self) -> Found:
        skipped, free = self._found.skipped, self._found.free_title
        try:
            for node, scope in self._model.walk():
                self._take(node, scope)
        except TooLarge as error:
            skipped[free(_("what follows"))] = str(error)
        for title, reason in self._model.refused.items():
            skipped[free(title)] = reason
        for title in self._model.bare_loops[:MOST_LAYERS]:
            skipped[free(title)] = _(
                "it is a loop without an LSTM, GRU or RNN operator in it; a layer that is spelled out in single operators "
                "is not read: export the model so that the layer is one operator"
            )
        if self._beyond:
            title = free(_("{count:,} more recurrent operators").format(count=self._beyond))
            skipped[title] = say_beyond()
        if self._others:
            skipped[free(_("other operators"))] = _say_others(self._others)
        return self._found

    def _take(self, node: Any, scope: Scope) -> None:
        title, found = title_of(node, scope), self._found
        is_function = self._model.function_of(node) is not None
        is_known = key_of(node) in RECURRENT
        if not is_known and (is_function or not is_recurrent_elsewhere(node)):
            self._others[node.op_type[:100]] += 1
        elif self._budget.is_spent or len(found.layers) + len(found.skipped) >= MOST_LAYERS:
            self._beyond += 1
        elif is_known and is_function:
            found.skipped[found.free_title(title)] = _(
                "the model has a function of its own by the name {name}, which is not compared with ONNX's operator"
            ).format(name=node.op_type)
        elif is_known:
            self._read_operator(Operator(node, scope, self._constants), title)
        else:
            found.skipped[found.free_title(title)] = _say_elsewhere(node)

    def _read_operator(self, operator: Operator, title: str) -> None:
        try:
            options = read_attributes(self._onnx, operator)
            layers = list(read_layers(operator, options))
            self._budget.charge((layer for _side, layer in layers), self._constants.read)
        except Exception as error:  # attributes and arrays of other kinds than they should have
            reason = str(error) or type(error).__name__
            self._found.skipped[self._found.free_title(title)] = reason
            return
        for side, layer in layers:
            self._found.layers[self._found.free_title(title + side)] = layer


def _say_elsewhere(node: Any) -> str:
    """Why another framework's recurrent operator is left out."""
    if key_of(node) == ("com.microsoft", "AttnLSTM"):
        return _("it is ONNX Runtime's AttnLSTM, an LSTM with attention, which no cell has")
    return _(
        "it is the operator {operator} of the domain {domain!r}; of recurrent operators, those read are ONNX's own LSTM, GRU "
        "and RNN, and ONNX Runtime's DynamicQuantizeLSTM"
    ).format(operator=node.op_type[:100], domain=node.domain[:100])


def _say_others(others: Counter[str]) -> str:
    """What else is in a model, in one sentence."""
    listed = [
        kind if count == 1 else _("{operator} ({count:,})").format(operator=kind, count=count)
        for kind, count in sorted(others.items())[:_MOST_KINDS]
    ]
    if len(others) > _MOST_KINDS:
        listed.append(_("{count:,} other kinds").format(count=len(others) - _MOST_KINDS))
    return _("the model has them too; recurrent operators alone are shown: {listed}").format(
        listed=", ".join(listed)
    )
