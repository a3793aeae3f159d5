"""Random conversions: a layout, and a run of a cell that it can say."""

from hypothesis import strategies as st

import lstmviz as lv
from lstmviz import layouts
from tests.runs import CHOICES, runs

NAMES = tuple(layouts.LAYOUTS)


@st.composite
def conversions(draw, names=NAMES, kinds=tuple(lv.KINDS), forget_bias=(0.0, 1.0, -0.75), compiled=True):
    """The name of a layout and a case for `make_run`."""
    name = draw(st.sampled_from(names))
    pairs = [(f, kind) for f in layouts.LAYOUTS[name].forms for kind in f.kinds if kind in kinds]
    form, kind = draw(st.sampled_from(pairs))
    told = {each.option: each.values for each in form.told}
    shown = {slot.when for slot in form.slots} | {"use_bias", "forget_bias"}
    fixed = [o.name for o in lv.KINDS[kind].options if o.name not in told and o.name not in shown]
    choices = {
        option: [value for value in CHOICES[option] if values is None or value in values]
        for option, values in told.items()
        if option in CHOICES
    }
    return name, draw(runs((kind,), choices | {"forget_bias": list(forget_bias)}, fixed, compiled))


def read_back(converted):
    """The cell from converted arrays."""
    return layouts.from_layout(converted.arrays, converted.layout, converted.family, **converted.options)
