"""Which frameworks store and run a layer in a way that was tried: what the table of layouts says of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lstmviz.detective.readings import ORIENTATIONS, Reading
from lstmviz.detective.search import ACTIVATIONS, RECURRENT, Variant
from lstmviz.layouts import LAYOUTS, Form


@dataclass(frozen=True)
class Known:
    """How one framework stores one family."""

    layout: str
    family: str
    order: tuple[str, ...]
    orientation: str
    rows: str
    biases: tuple[int, ...]
    forget_bias: tuple[float, ...]
    reset_after: tuple[bool, ...]
    activations: tuple[str, ...]
    recurrent: tuple[str, ...]
    apart: bool

    def stores(self, reading: Reading) -> bool:
        """Whether the arrays are shaped as this framework shapes them."""
        return (
            (self.family, self.orientation, self.rows) == (reading.family, reading.orientation, reading.rows)
            and reading.biases in self.biases
            and self.apart == (reading.spread.last is not None)
            and (len(reading.spread.slots) <= 3)
        )

    def runs(self, variant: Variant) -> bool:
        """Whether this framework's cell does what the variant does."""
        return (
            self.order == variant.order
            and variant.activation in self.activations
            and variant.recurrent_activation in (None, *self.recurrent)
            and variant.forget_bias in (None, *self.forget_bias)
            and variant.reset_after in (None, *self.reset_after)
            and variant.update_keeps in (None, True)
        )


def _read_table() -> Iterator[Known]:
    """What the table of layouts says; what lies in one buffer, as cuDNN has it, is not tried."""
    for layout in LAYOUTS.values():
        for form in layout.forms:
            kernels = [slot for slot in form.slots if {"x", "h"} & set(slot.parts)]
            joined = {{"x", "h"} <= set(slot.parts) for slot in kernels}
            if len(joined) > 1 or any("flat" in slot.axes for slot in kernels):
                continue
            biases = [slot for slot in form.slots if {"bias", "hidden_bias"} & set(slot.parts)]
            count = len({part for slot in biases for part in slot.parts})
            yield Known(
                layout=layout.name,
                family=form.family,
                order=form.order,
                orientation=ORIENTATIONS[kernels[0].axes.index("columns") < kernels[0].axes.index("rows")],
                rows="x, h" if joined == {True} else "split",
                biases=(0, count) if biases[0].when else (count,),
                forget_bias=(1.0, 0.0) if layout.adds_forget_bias else (0.0,),
                reset_after=("CudnnCompatibleGRUCell" in form.kinds,),
                activations=_sayable(form, "activation", ACTIVATIONS),
                recurrent=_sayable(form, "recurrent_activation", RECURRENT),
                apart=any(set(slot.gates or form.order) != set(form.order) for slot in kernels),
            )


def _sayable(form: Form, option: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The functions that a framework can be told, or that it always has: the first."""
    told = next((told for told in form.told if told.option == option), None)
    if told is None:
        return names[:1]
    return (
        names if told.values is None else tuple(n for n in names if n in {*told.values, *told.heard.values()})
    )


KNOWN = tuple(_read_table())


def find_layouts(reading: Reading, variant: Variant) -> tuple[str, ...]:
    """The frameworks that store such arrays and run such a cell."""
    return tuple(
        dict.fromkeys(known.layout for known in KNOWN if known.stores(reading) and known.runs(variant))
    )
