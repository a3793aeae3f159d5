"""Random runs, over every kind with its options: a strategy, and what it stands for."""

import numpy as np
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz import cells

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}

# A gate without bounds, or exp, would let a run of twenty steps overflow.
_CHOICES = {
    "activation": [name for name in cells.ACTIVATIONS if name != "exponential"],
    "recurrent_activation": [name for name, activation in cells.ACTIVATIONS.items() if activation.bounds],
}


_KINDS = tuple(sorted(lv.KINDS))


@st.composite
def runs(draw, kinds=_KINDS, choices=_CHOICES, fixed=()):
    """A kind, its options, and the sizes, type and seed of a run.

    `choices` are the values for the options of names, `fixed` the names of those that stay at their defaults.
    """
    kind = draw(st.sampled_from(kinds))
    options = {}
    for option in lv.KINDS[kind].options:
        if option.name in fixed:
            continue
        if option.name in choices:
            options[option.name] = draw(st.sampled_from(choices[option.name]))
        elif option.name == "num_proj":
            options[option.name] = draw(st.none() | st.integers(1, 5))
        elif option.choices:
            options[option.name] = draw(st.sampled_from(option.choices))
        elif option.type is bool:
            options[option.name] = draw(st.booleans())
        elif option.default is None:
            options[option.name] = draw(st.none() | st.sampled_from([0.0, 0.05, 0.5]))
        else:
            options[option.name] = draw(st.sampled_from([1.0, 0.0, -0.75]))
    if options.get("num_proj") is None:
        options.pop("proj_clip", None)
    sizes = draw(st.integers(1, 7)), draw(st.integers(1, 6)), draw(st.integers(0, 20))
    return kind, options, *sizes, draw(st.sampled_from(sorted(TOLERANCE))), draw(st.integers(0, 2**32))


def make_run(kind, options, num_units, input_size, steps, dtype, seed):
    """A cell with random weights, a sequence and an initial state."""
    rng = np.random.default_rng(seed)
    values = cells.check_options(lv.KINDS[kind], options)
    weights = {
        # Random recurrent weights of large norm make a chaotic system, in which rounding grows.
        name: rng.normal(size=shape) / np.sqrt(num_units + input_size)
        for name, shape in cells.weight_shapes(lv.KINDS[kind], num_units, input_size, values).items()
    }
    cell = lv.build(kind, num_units, input_size, weights=weights, dtype=dtype, **options)
    x = rng.normal(size=(steps, input_size)).astype(dtype)
    state = {name: rng.normal(size=cell.state_size(name)).astype(dtype) for name in cell.kind.states}
    return cell, x, state
