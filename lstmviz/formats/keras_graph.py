"""Which layers feed which in Keras's description of a model: what is masked, and what starts from computed states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lstmviz.formats.found import Assumption
from lstmviz.language import _

# Layers that hand a mask on. The first leave the numbers as they are, too, once a model is trained.
_KEEP = frozenset((
    "Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout",
    "ActivityRegularization", "Identity"
))  # fmt: skip
_PASS = frozenset((
    "Dense", "Activation", "LeakyReLU", "ReLU", "ELU", "PReLU", "ThresholdedReLU", "Softmax",
    "BatchNormalization", "BatchNormalizationV1", "BatchNormalizationV2", "LayerNormalization",
    "UnitNormalization", "GroupNormalization", "Rescaling", "Normalization", "TimeDistributed", "Add",
    "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"
))  # fmt: skip
_DEEPEST = 32


@dataclass(frozen=True)
class Mask:
    """Steps that are passed over.

    Attributes:
        by: The layer that says which.
        value: A step whose features all equal it is one; None where the numbers of words say so.
        is_seen: Whether the next layer's own input shows it: nothing has changed the numbers since.
    """

    by: str
    value: float | None
    is_seen: bool = False


@dataclass(frozen=True)
class Feed:
    """What a layer gets.

    Attributes:
        mask: The steps that it passes over.
        has_states: Whether it starts from states that the model computes.
        has_own_mask: Whether the model computes a mask for it alone, or it is called several times with other masks.
    """

    mask: Mask | None = None
    has_states: bool = False
    has_own_mask: bool = False

    @property
    def mask_value(self) -> float | None:
        """As `Reads` has it."""
        return self.mask.value if self.mask and self.mask.is_seen else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of it, sentences."""
        if self.mask is None:
            return ()
        if self.mask.value is None:
            text = _(
                "{by}, an Embedding with mask_zero, feeds it: it passes over the steps whose number there is 0."
            )
        elif self.mask.is_seen:
            text = _("{by}, a Masking, feeds it.")  # which steps it passes over, `Reads` tells
        else:
            text = _(
                "{by}, a Masking further up, feeds it: it passes over the steps whose features there are all {value:g}."
            )
        return (text.format(by=self.mask.by, value=self.mask.value),)

    @property
    def assumed(self) -> tuple[Assumption, ...]:
        """What a picture of the layer alone rests on."""
        found = []
        if self.has_states:
            why = _("it starts from states that the model computes, which are not shown")
            found.append(Assumption(_("it starts from zeros"), why))
        if self.has_own_mask:
            why = _(
                "the model gives it a mask that is not shown, or calls it several times with different ones"
            )
            found.append(Assumption(_("every step of its sequence counts"), why))
        return tuple(found)


def read_feeds(layers: Sequence[Any], outer: Feed) -> dict[int, Feed]:
    """What each of a model's layers gets, by its place in the list.

    Args:
        layers: A Sequential's or a Functional's, in Keras's order: each stands after those that feed it.
        outer: What the model itself gets.
    """
    has_graph = any(isinstance(layer, Mapping) and layer.get("inbound_nodes") for layer in layers)
    given: dict[str, Mask | None] = {}
    computed: dict[str, tuple[str, Any]] = {}
    feeds: dict[int, Feed] = {}
    last = outer.mask
    for place, layer in enumerate(layers):
        if not isinstance(layer, Mapping):
            continue
        nodes = layer.get("inbound_nodes") or ()
        sources = list(_sources(nodes))
        if has_graph and layer["class_name"] != "InputLayer":
            masks = list(dict.fromkeys(given.get(name) for name in sources))
            mask = next(filter(None, masks), None)
        else:
            mask = outer.mask if layer["class_name"] == "InputLayer" else last
            masks = [mask]
        computed.update(_compute_mask(layer, sources, computed))
        is_own = len(masks) > 1 or not all(_gets(node, mask, computed) for node in nodes)
        feeds[place] = Feed(None if is_own else mask, any(map(_counts_states, nodes)), is_own)
        last = _pass_on(layer, mask, 0)
        given[name_of(layer)] = last
    return feeds


def name_of(entry: Any) -> str:
    """What a layer is called."""
    config = entry["config"]
    own = config.get("name") if isinstance(config, Mapping) else None
    return str(own or entry.get("name") or entry["class_name"])[:200]


def _pass_on(layer: Mapping[str, Any], mask: Mask | None, depth: int) -> Mask | None:
    """The mask that goes with a layer's output."""
    kind, config = str(layer["class_name"]), layer["config"]
    if kind == "Masking":
        value = config.get("mask_value", 0.0)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return Mask(name_of(layer), float(value), is_seen=True) if is_number else None
    if kind == "Embedding":
        return Mask(name_of(layer), None) if config.get("mask_zero") else None
    inner = config.get("layers") if isinstance(config, Mapping) else config
    if isinstance(inner, list) and depth < _DEEPEST:
        for each in inner:
            if isinstance(each, Mapping):
                mask = _pass_on(each, mask, depth + 1)
        return mask
    if mask is None or kind in _KEEP or kind == "InputLayer":
        return mask
    wrapped = config.get("layer") if kind == "Bidirectional" else layer
    gives_sequences = isinstance(wrapped, Mapping) and wrapped["config"].get("return_sequences")
    return replace(mask, is_seen=False) if kind in _PASS or gives_sequences else None


def _sources(nodes: Any) -> Iterator[str]:
    """The names of the layers that a layer's calls take their first input from."""
    for node in nodes:
        if isinstance(node, Mapping):  # Keras 3
            for tensor in _tensors(node.get("args"), 0):
                yield str(tensor["config"]["keras_history"][0])
                break
        elif isinstance(node, list) and node:  # before: [[name, node, tensor, {...}], ...]
            first = node[0] if isinstance(node[0], list) else node
            if first:
                yield str(first[0])


def _counts_states(node: Any) -> bool:
    """Whether a call is given more than a sequence."""
    if isinstance(node, Mapping):
        kwargs = node.get("kwargs") or {}
        states = sum(1 for _tensor in _tensors(kwargs.get("initial_state"), 0))
        return states > 0 or sum(1 for _tensor in _tensors(node.get("args"), 0)) > 1
    if not isinstance(node, list):
        return False
    calls = [call for call in node if isinstance(call, list)]
    told = [call[3] for call in calls if len(call) > 3 and isinstance(call[3], Mapping)]
    return len(calls) > 1 or any(each.get("initial_state") for each in told)


def _compute_mask(
    layer: Mapping[str, Any], sources: Sequence[str], computed: Mapping[str, tuple[str, Any]]
) -> dict[str, tuple[str, Any]]:
    """What a layer's mask, or an operation's result, is computed from: Keras 3 writes its own masks as operations."""
    kind, own = str(layer["class_name"]), name_of(layer)
    if kind in ("Masking", "Embedding") and sources:
        return {own: (sources[0], layer["config"].get("mask_value", 0.0) if kind == "Masking" else 0)}
    if kind == "Any" and sources and sources[0] in computed:
        return {own: computed[sources[0]]}
    if kind == "NotEqual" and sources:
        args = list(layer["inbound_nodes"][0].get("args") or [])
        return {own: (sources[0], args[1])} if len(args) == 2 and isinstance(args[1], int | float) else {}
    return {}


def _gets(node: Any, mask: Mask | None, computed: Mapping[str, tuple[str, Any]]) -> bool:
    """Whether a call is given no mask by name, or the one that goes with its input."""
    if isinstance(node, Mapping):
        masks = _tensors((node.get("kwargs") or {}).get("mask"), 0)
        names = [str(tensor["config"]["keras_history"][0]) for tensor in masks]
        return not names or bool(
            mask and mask.by in computed and all(computed.get(each) == computed[mask.by] for each in names)
        )
    calls = [call for call in node if isinstance(call, list)] if isinstance(node, list) else []
    return not any(len(call) > 3 and isinstance(call[3], Mapping) and call[3].get("mask") for call in calls)


def _tensors(value: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__":
        yield value
    elif isinstance(value, list) and depth < _DEEPEST:
        for each in value:
            yield from _tensors(each, depth + 1)
