"""The trained cells that come with the package, as a view picks them: by its sequence, its kind of cell and its size.

A view wishes for trained weights; where there are none of its kind and size it has random ones, and says so.
"""

from __future__ import annotations

from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from lstmviz import cells, examples, sequences
from lstmviz.examples import Example, shipped
from lstmviz.language import _, _mark
from lstmviz.run.trace import Trace
from lstmviz.sequences import Sequence

if TYPE_CHECKING:
    from lstmviz.web.models import Model
    from lstmviz.web.view import View

TRAINED = "trained"
"""The initial weights of a view that shows a trained cell where there is one."""
SEQUENCES = tuple(name for name in examples.names() if name not in sequences.GENERATORS)
"""The sequences that only an example has."""


# Cells that were trained here, each in a model of its viewer's own.
_made_here: WeakKeyDictionary[Model, Example] = WeakKeyDictionary()
_MADE_HERE = "trained here: "


def name_made_here(task: str) -> str:
    """What the layer is called that was trained here for a task; the address says it, so that it is in no language."""
    return f"{_MADE_HERE}{task}"


def is_made_here(view: View) -> bool:
    """Whether a view, or the address that it came from, is of a cell that was trained here."""
    return view.layer.startswith(_MADE_HERE)


def keep_made_here(model: Model, example: Example) -> None:
    """Keeps what a cell was trained for as long as the model is kept that holds it."""
    _made_here[model] = example


def of_model(model: Model) -> Example | None:
    """What the cell of a model was trained for, where it was trained here."""
    return _made_here.get(model)


def _find_made_here(view: View) -> Example | None:
    from lstmviz.web import models  # which knows views, and they this module

    model = models.find(view.model)
    found = _made_here.get(model) if model else None
    return found if found and found.name == view.sequence else None


def weights(sequence: str) -> tuple[str, ...]:
    """How weights can start beside a sequence."""
    return (TRAINED, *cells.INITIAL_WEIGHTS) if sequence in examples.names() else tuple(cells.INITIAL_WEIGHTS)


def sizes(view: View) -> tuple[int, ...]:
    """The sizes in which a view's kind was trained on its sequence; none where it was not, or the features are others."""
    if view.sequence not in examples.names() or view.model:
        return ()
    there = examples.cells(view.sequence).get(view.cell, ())
    return there if there and _features(view, there[0]) == view.input_size else ()


def _features(view: View, num_units: int) -> int:
    return examples.load(view.sequence, view.cell, num_units).cell.input_size


_TRAINED_WITH = frozenset(
    {
        # What decides which trained cell it is, what it runs over and on what, and in which numbers.
        *("cell", "num_units", "input_size", "options", "initial_weights", "seed"),
        *("sequence", "time_steps", "signal", "text", "encoding", "alphabet", "numbers", "standardise"),
        *("device", "dtype", "engine", "model", "layer", "reverse", "initial_state"),
        # What is held and edited of it: the page says so wherever it says that it is trained.
        *("clamp", "edit"),
        # How it is shown, and to whom.
        *("values", "units", "order", "gradients", "contrast", "pattern", "threshold", "around"),
        *("layout", "tables", "t", "gate", "unit", "versus", "tolerance"),
        *("lang", "step", "show", "colour", "lesson", "hide", "lock", "note", "room", "follows"),
    }
)
"""What may be otherwise than a view has it of itself, and a trained cell's weights are still as they were trained."""


def find(view: View) -> Example | None:
    """The trained cell that a view shows; None where it shows another, as one with something in front that nobody trained."""
    found = base(view)
    is_other = (
        found is not None
        and not view.model
        and any(
            getattr(view, field.name) != field.default
            for field in fields(view)
            if field.name not in _TRAINED_WITH
        )
    )
    return None if is_other else found


def base(view: View) -> Example | None:
    """The trained cell whose weights a view's cell is made of; None where it is made of others."""
    if view.model:
        return _find_made_here(view)
    if view.initial_weights != TRAINED or view.num_units not in sizes(view):
        return None
    found = examples.load(view.sequence, view.cell, view.num_units)
    # Some options bring weights of their own, or take some away.
    shapes = cells.weight_shapes(view.kind, view.num_units, view.input_size, dict(view.options))
    return found if shapes.keys() == found.cell.weights.keys() else None


def answers(found: Example, trace: Trace) -> tuple[np.ndarray, np.ndarray]:
    """What a trained cell answers at each step of a run, and the right answers; NaN where there is none, or it is not known."""
    return found.answers(trace), targets(found, trace.sequence)


def targets(found: Example, sequence: Sequence) -> np.ndarray:
    """The right answer to each step of a sequence; NaN where there is none, or it is not known."""
    labels, own = tuple(sequence.labels), tuple(found.sequence.labels)
    if labels == own[: len(labels)]:
        truth = found.targets[: len(labels)]
    else:  # other years than those that are shown first; a character would not tell its step
        right = dict(zip(own, found.targets, strict=True)) if len(set(own)) == len(own) else {}
        truth = np.array([right.get(label, np.nan) for label in labels])
    return np.asarray(truth, np.float64)


def asked(found: Example | None, sequence: Sequence) -> dict[str, Any]:
    """What hangs on a unit, as `lv.silence` takes it: a trained cell's loss where right answers are known, else its outputs.

    Nothing for a cell that was not trained: then it is h.
    """
    if found is None:
        return {}
    right = targets(found, sequence)
    loss = None if np.isnan(right).all() else partial(found.loss, targets=right)
    return {"head": found.head.outputs, "loss": loss}


def sureness(found: Example, trace: Trace) -> np.ndarray | None:
    """How sure a trained cell is of each of its answers, from 0 to 1; None where an answer is a plain number."""
    return found.head.sureness(trace.states["h"])


def name_answers(found: Example) -> tuple[str, ...]:
    """What each answer of a trained cell is called, where it is one of the characters that it takes."""
    features, labels = found.sequence.features, found.sequence.labels
    is_one_of_them = found.head.reads == "largest" and found.head.kernel.shape[1] == len(features)
    return tuple(features) if is_one_of_them and set(labels) <= set(features) else ()


def errors(view: View) -> dict[str, list[tuple[str, float]]]:
    """How far off the trained cells of a view's kind are, by their sizes, and what needs no cell.

    Nothing of a single size, and nothing where the view's cell is not run as it was trained: that was not measured.
    """
    if not is_as_trained(view):
        return {}
    facts = shipped.facts(view.sequence).get(view.cell, {}) if sizes(view) else {}
    found = [(size, float(of["rmse"])) for size, of in facts.items() if "rmse" in of]
    if len(found) < 2:
        return {}
    [one, *_others] = facts.values()
    without = [(_(brief), float(one[name])) for name, brief in _BASELINES.items() if name in one]
    return {"sizes": found, "without": without}


_BASELINES = {
    "persistence": _mark("this year again"),
    "ar9": "AR(9)",
    "ar9_roots": _mark("AR(9) of roots"),
}
"""What needs no cell, and what it is called beside a curve."""


def fitted(view: View) -> View:
    """The view with the features that its sequence brings, where only an example has it."""
    if view.sequence not in SEQUENCES:
        return view
    return replace(view, input_size=load_sequence(view.sequence).input_size)


def is_as_trained(view: View) -> bool:
    """Whether a trained cell is run as it was trained: with its options, behind no layer, and nothing of it held or edited."""
    found = find(view)
    return (
        found is not None
        and not view.held
        and not view.edited
        and dict(view.options) == dict(found.cell.options)
    )


def drawn_as(view: View) -> str:
    """How the weights of a view start that shows no trained cell."""
    return type(view).initial_weights if view.initial_weights == TRAINED else view.initial_weights


def is_random(view: View) -> bool:
    """Whether a view wishes for trained weights and there are none."""
    return view.initial_weights == TRAINED and not view.model and base(view) is None


def tell(view: View) -> str:
    """Whose weights a view shows, where it is not plain: a trained cell's, or random ones in place of them."""
    if found := find(view):
        if view.model:
            return _("trained here: {title}").format(title=found.title)
        if dict(view.options) != dict(found.cell.options):
            return _("trained: {title}, with other options than these").format(title=found.title)
        return _("trained: {title}").format(title=found.title)
    if found := base(view):
        return _(
            "not as it was trained: the weights are those for “{title}”, and a linear layer with random ones is in front"
        ).format(title=found.title)
    if not is_random(view):
        return ""
    there = sizes(view)
    if view.num_units in there:
        return _("random weights: with these options a cell has other ones than those that were trained")
    if there:
        is_span = len(there) > 2 and there[-1] - there[0] == len(there) - 1
        span = f"{there[0]}–{there[-1]}" if is_span else ", ".join(map(str, there))
        return _("random weights: trained ones have {sizes} units").format(sizes=span)
    if trained := examples.cells(view.sequence).get(view.cell):
        return _("random weights: trained ones take {features} features").format(
            features=_features(view, trained[0])
        )
    return _("random weights: no such cell was trained on this sequence")


def describe(view: View) -> str:
    """What the trained cell that a view shows was trained for, how well it does it, and where to look; else as in `tell`."""
    found = find(view)
    if found is None:
        return tell(view)
    data = _("Data: {source}; {licence}.").format(source=found.source, licence=found.licence)
    measured = [found.sentence, found.look] if is_as_trained(view) else [tell(view)]
    return " ".join([*filter(None, measured), data])


def say_look(view: View) -> str:
    """What to look at in the trained cell that a view shows; empty where it shows another, or not as it was trained."""
    found = find(view)
    return found.look if found and is_as_trained(view) else ""


def usual(sequence: str) -> tuple[str, int]:
    """The kind and the size in which an example is shown first."""
    cell = examples.load(sequence).cell
    return cell.kind.name, cell.num_units


def title(name: str) -> str:
    """What an example is called."""
    return examples.load(name).title


def load_sequence(name: str) -> Sequence:
    """The sequence of an example, in the reader's language."""
    return examples.load(name).sequence
