"""Random runs, over every kind with its options: a strategy, and what it stands for."""

import os
import random

import numpy as np
from hypothesis import strategies as st

import lstmviz as lv
from lstmviz import cells

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}

# A gate without bounds, or exp, would let a run of twenty steps overflow.
CHOICES = {
    "activation": [name for name in cells.ACTIVATIONS if name != "exponential"],
    "recurrent_activation": [name for name, activation in cells.ACTIVATIONS.items() if activation.bounds],
}


def count(steps, units):
    """How a title says how many there are, one of them in the singular."""
    return f"{steps} step{'s' * (steps != 1)} × {units} unit{'s' * (units != 1)}"


_KINDS = tuple(sorted(lv.KINDS))
# The loop that runs a cell is compiled for each structure: the kind, its options and the type, a number counting only by
# being there. That takes longer than all else a test does with a run, so a session draws from so many of each kind.
# Which these are changes from session to session, and with them goes every combination in the end.
_STRUCTURES = 4
_SESSION = os.environ["LSTMVIZ_STRUCTURES"]


def _forms(option, choices):
    """Strategies for an option's values, one for each way in which it is compiled."""
    if option.name in choices and option.type is not float:
        return [st.just(value) for value in choices[option.name]]
    if option.name == "num_proj":
        return [st.none(), st.integers(1, 5)]
    if option.choices:
        return [st.just(value) for value in option.choices]
    if option.type is bool:
        return [st.just(False), st.just(True)]
    if option.default is None:
        return [st.none(), st.sampled_from([0.0, 0.05, 0.5])]
    return [st.sampled_from(choices.get(option.name, [1.0, 0.0, -0.75]))]


def _structures(kind, forms):
    """Some of the ways to choose a form for each name: every form once before one comes twice, over all kinds."""
    columns = {}
    for name, each in forms.items():
        order, first = list(each), _STRUCTURES * _KINDS.index(kind)
        random.Random(f"{_SESSION} {name}").shuffle(order)
        columns[name] = [order[(first + number) % len(order)] for number in range(_STRUCTURES)]
        random.Random(f"{_SESSION} {name} {kind}").shuffle(columns[name])
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@st.composite
def runs(draw, kinds=_KINDS, choices=CHOICES, fixed=(), compiled=True):
    """A kind, its options, and the sizes, type and seed of a run.

    `choices` are the values for the options of names, `fixed` the names of those that stay at their defaults. What is not
    `compiled`, no loop of TensorFlow's being run, may have any structure.
    """
    kind = draw(st.sampled_from(kinds))
    forms = {o.name: _forms(o, choices) for o in lv.KINDS[kind].options if o.name not in fixed}
    forms["dtype"] = [st.just(name) for name in sorted(TOLERANCE)]
    structure = (
        draw(st.sampled_from(_structures(kind, forms)))
        if compiled
        else {name: st.one_of(each) for name, each in forms.items()}
    )
    options = {name: draw(form) for name, form in structure.items()}
    dtype = options.pop("dtype")
    if options.get("num_proj") is None:
        options.pop("proj_clip", None)
    sizes = draw(st.integers(1, 7)), draw(st.integers(1, 6)), draw(st.integers(0, 20))
    return kind, options, *sizes, dtype, draw(st.integers(0, 2**32))


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


def make_trace(*case):
    """What a run records, by NumPy: for what is claimed of a trace, whichever engine made it. No loop is compiled for it."""
    cell, x, state = make_run(*case)
    return lv.run(cell, x, initial_state=state, engine="numpy")
