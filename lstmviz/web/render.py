"""Everything that a view shows, computed once for all viewers who look at it."""

from __future__ import annotations

import logging
import secrets
import sys
from collections.abc import Callable
from dataclasses import astuple, dataclass, field, replace
from functools import partial
from threading import Lock
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import numpy as np

from lstmviz import language, plot, sequences
from lstmviz.cells import Cell, Linear, build, build_linear, fold
from lstmviz.formats.found import Reads
from lstmviz.language import _
from lstmviz.layouts import Proof, prove
from lstmviz.plot.gradients import draw_curves
from lstmviz.run import gradients, has_tensorflow, run
from lstmviz.run.atlas import Atlas, atlas
from lstmviz.run.compare import compare, largest_difference
from lstmviz.run.ledger import list_ledgers
from lstmviz.run.order import STORED, Ranked, list_orders, rank_units
from lstmviz.run.silence import Silenced, silence
from lstmviz.run.trace import Trace
from lstmviz.run.turns import OutOfMemory
from lstmviz.sequences import MAX_STEPS, Sequence
from lstmviz.sequences.text import count_steps
from lstmviz.web import limits, metrics, models, orders, parameters, server, trained
from lstmviz.web import view as views
from lstmviz.web.cost import estimate
from lstmviz.web.shelf import Shelf
from lstmviz.web.view import View

_log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]

_Picture = TypeVar(
    "_Picture",
    "KernelPicture",
    "RunPicture",
    "SummaryPicture",
    "StepPicture",
    "ComparisonPicture",
    "GradientsPicture",
    "ContrastPicture",
    "LedgerPicture",
    "LayoutPicture",
)

_QUICK = 0.1  # seconds
NUMPY = "numpy"

_shelf = Shelf(max_entries=512, max_bytes=20 * 2**20)
# Large cells and long runs are kept as they are, for as long as somebody looks at them closely.
_spare = Shelf(max_entries=8, max_bytes=limits.MAX_KEPT, seconds=60)
_LARGE = 2**20  # weights
_building = (
    Lock()
)  # large cells are made one after the other: at once they would take their memory at once too
# A moved slider asks for its cell five times within a moment.
_cells = Shelf(max_entries=64, max_bytes=8 * 2**20, seconds=5)
# So does a view of its run; and TensorFlow's is laid beside NumPy's, which was drawn a moment before.
_runs = Shelf(max_entries=64, max_bytes=8 * 2**20, seconds=10)
for _name, _each in {"pictures": _shelf, "large": _spare, "cells": _cells, "runs": _runs}.items():
    metrics.watch(
        "kept_bytes", "Bytes of what is kept for all viewers", partial(getattr, _each, "bytes"), cache=_name
    )
_MOST_GRADIENTS = 400_000
_PROVED = 60  # steps


@dataclass(frozen=True)
class Upload:
    """A file from the viewer and what to take from it.

    `shelf` holds what was computed of it, for as long as the viewer's session holds the upload; `ticket` names it on the
    routes, and nobody guesses it.
    """

    name: str
    content: bytes
    columns: tuple[str, ...] = ()
    shelf: Shelf = field(default_factory=lambda: Shelf(32, 256 * 2**20), compare=False, repr=False)
    ticket: str = field(default_factory=lambda: secrets.token_urlsafe(16), compare=False, repr=False)

    def __post_init__(self) -> None:
        _uploads[self.ticket] = self


_uploads: WeakValueDictionary[str, Upload] = WeakValueDictionary()


def find_upload(ticket: str) -> Upload | None:
    """The upload of that ticket, if its viewer's session still holds it."""
    return _uploads.get(ticket)


@dataclass(frozen=True)
class KernelPicture:
    """What the weights alone tell: needs no TensorFlow."""

    figure: bytes
    alternative: str


@dataclass(frozen=True)
class RunPicture:
    """What a run tells. `fold_difference` is the largest difference between the two ways to compute a linear layer."""

    figure: bytes
    alternative: str
    device: str
    seconds: float
    steps: int
    first_nonfinite: int | None
    fold_difference: float | None


@dataclass(frozen=True)
class SummaryPicture:
    """How open and how saturated each gate was."""

    figure: bytes
    alternative: str


@dataclass(frozen=True)
class StepPicture:
    """What one step of one unit tells, and the others of it."""

    figure: bytes
    alternative: str
    frames: bytes


@dataclass(frozen=True)
class ComparisonPicture:
    """What two runs tell beside each other."""

    figure: bytes
    alternative: str


@dataclass(frozen=True)
class GradientsPicture:
    """How far back a cell remembers."""

    figure: bytes
    alternative: str


@dataclass(frozen=True)
class ContrastPicture:
    """How far back the other kind of cell remembers, and in `curves` how far each of the two does."""

    figure: bytes
    alternative: str
    kind: str
    curves: str


@dataclass(frozen=True)
class LedgerPicture:
    """Which step wrote what of one unit's state."""

    figure: bytes
    alternative: str


@dataclass(frozen=True)
class LayoutPicture:
    """Where a framework stores which block of the weights."""

    figure: bytes
    alternative: str


def load_sequence(view: View, upload: Upload | None) -> tuple[Sequence, str | None]:
    """The sequence a view asks for, cut to what the page can show, and a sentence if it was cut.

    Raises:
        ValueError: what was typed or uploaded is no sequence.
    """
    if view.is_generated:
        made = sequences.make(
            view.sequence,
            time_steps=view.time_steps,
            input_size=view.input_size,
            seed=view.seed,
            **dict(view.signal),
        )
        return made, None
    whole = 0  # steps of a file that is longer than any sequence here
    if view.sequence == views.TEXT:
        sequence = sequences.from_text(view.text, encoding=view.encoding, alphabet=view.alphabet or None)
    elif view.sequence in trained.SEQUENCES:
        sequence = trained.load_sequence(view.sequence)
    elif view.sequence == views.NUMBERS:
        sequence = sequences.from_numbers(view.numbers, standardise=view.standardise)
    elif upload is None:
        told = {
            views.CSV: _("There is no CSV file yet; upload one, or pick another sequence."),
            views.TEXT_FILE: _("There is no text file yet; upload one, or pick another sequence."),
        }
        raise ValueError(told[view.sequence])
    elif view.sequence == views.TEXT_FILE:
        sequence, whole = _read_text(upload, view.encoding, view.alphabet)
    else:
        sequence = _read_upload(upload, view.standardise)
    whole = whole or len(sequence)
    per_step = view.num_units * (len(view.kind.gates) + len(view.kind.states)) + sequence.input_size
    affordable = views.affordable_steps(replace(view, input_size=sequence.input_size))
    longest = max(1, min(affordable, limits.MAX_RECORDED // per_step))
    if len(sequence) <= longest:
        cut = _("The text has {given:,} steps; the page shows the first {most:,}.")
        return sequence, cut.format(given=whole, most=len(sequence)) if whole > len(sequence) else None
    problem = _(
        "The sequence has {given} steps; with {num_units} units the page shows the first {longest}."
    ).format(given=whole, num_units=view.num_units, longest=longest)
    return replace(sequence, values=sequence.values[:longest], labels=sequence.labels[:longest]), problem


def _read_upload(upload: Upload, standardise: bool) -> Sequence:
    """The table of an upload, read once: a large one takes seconds, in which the interpreter does little else."""

    def make() -> Sequence:
        return sequences.from_csv(
            upload.content, columns=list(upload.columns) or None, standardise=standardise
        )

    key = ("sequence", standardise, language.current())
    kept: Sequence = upload.shelf.get(key, make, lambda made: made.values.nbytes + 64 * len(made))
    return kept


def decode(content: bytes) -> str:
    """The text of a file, its lines' ends as Python reads them.

    Raises:
        UnicodeDecodeError: it is none in UTF-8.
    """
    return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


def _read_text(upload: Upload, encoding: str, alphabet: str) -> tuple[Sequence, int]:
    """The text of an upload, read once, as far as the page shows it, with a column for each character of the whole; and its steps.

    The columns are those of the alphabet, where one is given.

    Raises:
        ValueError: it is no text, an empty one, or one of too many different characters.
    """

    def make() -> tuple[Sequence, int]:
        try:
            text = decode(upload.content)
        except UnicodeDecodeError as error:
            raise ValueError(
                _("{name} is no text in UTF-8: byte {place:,} does not belong to it.").format(
                    name=upload.name, place=error.start
                )
            ) from error
        steps, most = count_steps(text, encoding), min(limits.MAX_STEPS, MAX_STEPS)
        made = sequences.from_text(
            text, encoding=encoding, alphabet=alphabet or None, time_steps=most if steps > most else None
        )
        return replace(made, title=upload.name), steps

    key = ("text", encoding, alphabet, language.current())
    kept: tuple[Sequence, int] = upload.shelf.get(
        key, make, lambda made: made[0].values.nbytes + 64 * len(made[0])
    )
    return kept


def fit(view: View, upload: Upload | None) -> tuple[Sequence, View, list[str]]:
    """The sequence a view asks for, the view with what the sequence decides, and a sentence for each thing that gave way.

    Raises:
        ValueError: what was typed or uploaded is no sequence.
    """
    sequence, cut = load_sequence(view, upload)
    if view.model and sequence.input_size != view.input_size:
        raise ValueError(_say_other_features(view, sequence))
    view, bounded = views.bound(replace(view, input_size=sequence.input_size))
    sequence = _arrange(view, sequence)
    view, edited = views.edit_within(view)
    view, held = views.hold_within(view, len(sequence))
    view, moved = views.pin_within(view, len(sequence))
    return sequence, view, [*([cut] if cut else []), *bounded, *edited, *held, *moved]


def _say_other_features(view: View, sequence: Sequence) -> str:
    """That a model does not take a sequence's features, and what helps."""
    if view.sequence in (views.TEXT, views.TEXT_FILE) and view.encoding == "character":
        told = _(
            "The text has {given} features, one for each character of its alphabet; {layer} takes {allowed}: type the characters "
            "that it was trained on, in their order, as the alphabet under “{more}”, or pick another sequence."
        )
    else:
        told = _("The sequence has {given} features; {layer} takes {allowed}: pick another sequence.")
    return told.format(given=sequence.input_size, layer=view.layer, allowed=view.input_size, more=_("More"))


def _arrange(view: View, sequence: Sequence) -> Sequence:
    """The steps that the view's layer takes of a sequence, in its order, each with its own label.

    Raises:
        ValueError: it takes none of them.
    """
    if not view.model:
        return sequence
    order = _reads(view).order(sequence.values)
    if not len(order):
        raise ValueError(
            _(
                "{layer} takes none of the {steps:,} steps of this sequence: they are masked or padding. Pick another "
                "sequence."
            ).format(layer=view.layer, steps=len(sequence))
        )
    return sequence.take(order)


def _reads(view: View) -> Reads:
    """How the view's layer takes its sequence."""
    return replace(models.facts(view).reads, reverse=models.is_reversed(view))


def told_reading(view: View, upload: Upload | None) -> list[str]:
    """What of the sequence the view's layer takes, and what it starts from, where that is not every step in turn and zeros."""
    if not view.model:
        return []
    sequence, _cut = load_sequence(view, upload)
    reads, told = _reads(view), []
    if reads.reverse:
        told.append(_("Turned round: the last step of the sequence comes first."))
    if reads.steps is not None and reads.steps < len(sequence):
        told.append(
            _("Steps {first:,} to {last:,} are padding: not run.").format(
                first=reads.steps, last=len(sequence) - 1
            )
        )
    passed = len(sequence.values[: reads.steps]) - len(reads.order(sequence.values))
    if passed:
        told.append(
            _("{count:,} steps are passed over, for their features are all {value:g}: masked.").format(
                count=passed, value=reads.mask_value
            )
        )
    if reads.initial_state:
        told.append(
            _("It starts from the initial state in the file.")
            if view.initial_state == "file"
            else _("It starts from zeros, not from the initial state in the file.")
        )
    return told


def _initial_state(view: View) -> dict[str, np.ndarray] | None:
    """What the view's run starts from; None for zeros."""
    state = models.facts(view).reads.initial_state if view.model else {}
    return dict(state) if state and view.initial_state == "file" else None


def load_cell(view: View) -> Cell:
    """The cell a view shows: with the linear layer in front folded in, where that is switched on, and its edited weights."""
    _alone, shown = _load_cells(view)
    return shown


def load_unfolded(view: View) -> Cell:
    """The cell behind the linear layer of a view that has one."""
    alone, _shown = _load_cells(view)
    return alone


def told_edits(view: View) -> list[dict[str, Any]]:
    """Which weights of a view are edited: the weight's name, its place, what it is, and what it was."""
    if not view.edited:
        return []
    before = load_cell(views.unedited(view)).weights
    return [
        {"name": name, "place": list(place), "value": value, "was": float(before[name][place])}
        for name, numbers in view.edited.items()
        for place, value in numbers.items()
    ]


def say_edits(view: View) -> list[str]:
    """The same, a line for each."""
    return [
        _("{name}{place} = {value:g}, edited; it was {was:.9g}").format(**edit) for edit in told_edits(view)
    ]


def load_trace(
    view: View, sequence: Sequence, upload: Upload | None = None, progress: Progress | None = None
) -> Trace:
    """The run a view shows; it is kept for a moment, a long one for a while, one over an upload as long as its viewer has it.

    Raises:
        ValueError: the device is not there.
    """

    def make() -> Trace:
        cell, start = load_cell(view), _initial_state(view)
        try:
            trace = _run(view, cell, sequence, start, progress)
            _no_memory.pop(run_key(view, sequence), None)
            return trace
        except OutOfMemory as error:
            _log.warning("%s", error)
            return _run_elsewhere(view, cell, sequence, start, progress)

    is_unknown = view.is_uploaded and upload is None  # a view does not tell one viewer's file from another's
    if is_unknown:
        return make()
    kept: Trace = _run_shelf(view, sequence, upload).get(run_key(view, sequence), make, _trace_bytes)
    return kept


def _run(
    view: View,
    cell: Cell,
    x: Sequence | np.ndarray,
    initial_state: dict[str, np.ndarray] | None = None,
    progress: Progress | None = None,
) -> Trace:
    """A run by the view's engine; while NumPy stands in for TensorFlow it is not asked for a device."""
    device = None if view.engine == NUMPY else view.device or None
    engine = engine_of(view)
    with metrics.timed_run(engine):
        return run(cell, x, device, initial_state, progress, engine, clamp=view.held or None)


_MOST_NOTED = 4096
# Of runs that had to move, the device that had no memory for them, and what computed them.
_no_memory: dict[tuple[object, ...], tuple[str, str]] = {}


def _run_elsewhere(
    view: View, cell: Cell, sequence: Sequence, start: dict[str, np.ndarray] | None, progress: Progress | None
) -> Trace:
    """The same run where there is memory: on the CPU, and where that was it, by NumPy."""
    from lstmviz.run import devices  # TensorFlow has run

    asked = devices.find(view.device or None)
    place, engine = ("CPU:0", "tensorflow") if asked.is_gpu else (None, NUMPY)
    with metrics.timed_run(engine):
        trace = run(cell, sequence, place, start, progress, engine, clamp=view.held or None)
    if len(_no_memory) >= _MOST_NOTED:
        _no_memory.clear()
    _no_memory[run_key(view, sequence)] = asked.name, trace.device
    return trace


def name_device(view: View, sequence: Sequence, trace: Trace) -> str:
    """What computed a view's run, and why another than was asked."""
    return say_moved(view, sequence) or trace.device


def say_moved(view: View, sequence: Sequence) -> str:
    """What computed a view's run because the device that was asked had no memory for it; empty where that did not happen."""
    asked, device = _no_memory.get(run_key(view, sequence), ("", ""))
    if not asked:
        return ""
    return _("{device}, since {asked} had no memory left for this").format(device=device, asked=asked)


def engine_of(view: View) -> str:
    """Whose run of a view is drawn: NumPy's where the view says so, and where there is no TensorFlow."""
    return NUMPY if view.engine == NUMPY or server.has_failed() else "tensorflow"


def difference(view: View, sequence: Sequence, upload: Upload | None) -> float | None:
    """How far TensorFlow's run of a view and NumPy's lie apart at most; None where not both have run.

    NumPy runs for it where that is a moment's work; else it must have run for the page, and its run be there still.
    """
    ours, draft = replace(view, engine=""), replace(view, engine=NUMPY)
    if engine_of(ours) == NUMPY:
        return None
    own = _own_shelf(view, upload)
    shelf = _shelf if own is None else own

    def make() -> float:
        return largest_difference(load_trace(ours, sequence, upload), load_trace(draft, sequence, upload))

    key = (*_key(ours, "difference"), len(sequence))
    if not is_quick(view, len(sequence)):
        found: float | None = shelf.find(key)
        drafts = _run_shelf(view, sequence, upload)
        if found is not None or drafts.find(run_key(draft, sequence)) is None:
            return found
    kept: float = shelf.get(key, make, sys.getsizeof)
    return kept


def _run_shelf(view: View, sequence: Sequence, upload: Upload | None) -> Shelf:
    """Where a view's run is kept."""
    own = _own_shelf(view, upload)
    if own is not None:
        return own
    return _runs if is_quick(view, len(sequence)) else _spare


def run_key(view: View, sequence: Sequence) -> tuple[object, ...]:
    """What tells a view's run from another's; beside another view, one reads as many steps as that."""
    return (*_key(view, "trace"), len(sequence))


def dressed_cell(view: View) -> Cell:
    """The cell that the pictures show: a file's layer by its framework's name."""
    return models.dress(view, load_cell(view))


def dressed_trace(
    view: View, sequence: Sequence, upload: Upload | None = None, progress: Progress | None = None
) -> Trace:
    """The run that the pictures show: of a file's layer by its framework's name."""
    trace = load_trace(view, sequence, upload, progress)
    return replace(trace, cell=models.dress(view, trace.cell)) if view.model else trace


def sweep() -> None:
    """Gives up the cells and runs that nobody has looked at for a while."""
    _spare.sweep()
    _cells.sweep()
    _runs.sweep()


def device_names() -> list[str]:
    """The devices that TensorFlow sees; waits for TensorFlow where it is not there yet. None without TensorFlow."""
    if server.has_failed():
        return []
    from lstmviz.run import devices  # the page is there before TensorFlow is

    return [device.name for device in devices.list_devices()]


def is_quick(view: View, steps: int) -> bool:
    """Whether a run takes less than about a tenth of a second, so that nobody need be told of it or wait to end it."""
    return estimate(view, steps).run < _QUICK


def kernel_picture(view: View) -> KernelPicture:
    """The kernel figure of a view, kept for all viewers."""

    def make() -> KernelPicture:
        cell = dressed_cell(view)
        return KernelPicture(plot.kernel_json(cell).encode(), plot.describe_kernel(cell))

    return _keep(_key(view, "kernel"), make, _own_shelf(view, None))


def run_picture(
    view: View, sequence: Sequence, upload: Upload | None, progress: Progress | None = None
) -> RunPicture:
    """The gates figure of a view and what else a run tells, kept for all viewers; what is of an upload, with the upload."""

    def make() -> RunPicture:
        trace = dressed_trace(view, sequence, upload, progress)
        order, _why_not = unit_order(view, sequence, upload)
        return RunPicture(
            figure=plot.gates_json(
                trace, values=view.values, units=list(view.units) or None, order=order
            ).encode(),
            alternative=plot.describe_gates(trace),
            device=name_device(view, sequence, trace),
            seconds=trace.seconds,
            steps=len(trace),
            first_nonfinite=trace.first_nonfinite(),
            fold_difference=fold_difference(view, sequence, trace)
            if view.linear and not view.edited
            else None,
        )

    return _keep(_key(view, "gates"), make, _own_shelf(view, upload))


def summary_picture(view: View, sequence: Sequence, upload: Upload | None) -> SummaryPicture:
    """How open each gate was over the run, kept as the run is."""

    def make() -> SummaryPicture:
        trace = dressed_trace(view, sequence, upload)
        return SummaryPicture(plot.summary_json(trace).encode(), plot.describe_summary(trace))

    return _keep(_key(view, "summary"), make, _own_shelf(view, upload))


def saturation_picture(view: View, sequence: Sequence, upload: Upload | None) -> SummaryPicture:
    """Which units' gates sit at their ends, kept as the run is.

    Raises:
        ValueError: no gate has any.
    """

    def make() -> SummaryPicture:
        trace = dressed_trace(view, sequence, upload)
        return SummaryPicture(plot.saturation_json(trace).encode(), plot.describe_saturation(trace))

    return _keep(_key(view, "saturation"), make, _own_shelf(view, upload))


def step_picture(view: View, sequence: Sequence, upload: Upload | None) -> StepPicture:
    """The pinned unit at the pinned step, and what changes from step to step; kept as the run is."""
    t, _gate, unit = view.pin

    def make() -> StepPicture:
        trace = dressed_trace(view, sequence, upload)
        return StepPicture(
            figure=plot.step_json(trace, t, unit).encode(),
            alternative=plot.describe_step(trace, t, unit),
            frames=plot.to_json(plot.step_frames(trace, unit, t)).encode(),
        )

    return _keep(_key(view, "step"), make, _own_shelf(view, upload))


def ranked_units(view: View, sequence: Sequence, upload: Upload | None) -> tuple[Atlas, Silenced]:
    """What can be said of each unit of a view's run, and what hangs on each: a trained cell's loss or answer, else h."""

    def make() -> tuple[Atlas, Silenced]:
        trace = load_trace(view, sequence, upload)
        asked = trained.asked(trained.find(view), sequence)
        return atlas(trace), silence(trace.cell, sequence, initial_state=_initial_state(view), **asked)

    def size(found: tuple[Atlas, Silenced]) -> int:
        return found[1].answers.nbytes + sum(response.h.nbytes for response in (found[0].step, found[0].sine))

    kept: tuple[Atlas, Silenced] = _run_shelf(view, sequence, upload).get(
        (*run_key(view, sequence), "units"), make, size
    )
    return kept


def unit_order(view: View, sequence: Sequence, upload: Upload | None) -> tuple[Ranked | None, str]:
    """The order that a view's units are drawn in, None for that in which they are stored; and why it is not the one picked."""
    if view.order == STORED or not len(sequence):
        return None, ""
    if why := orders.why_not(view, len(sequence)):
        return None, why

    def make() -> Ranked:
        trace, asked = load_trace(view, sequence, upload), trained.asked(trained.find(view), sequence)
        return rank_units(trace, view.order, initial_state=_initial_state(view), **asked)

    key = (*run_key(view, sequence), "order", view.order)
    try:
        kept: Ranked = _run_shelf(view, sequence, upload).get(key, make, lambda made: 10 * made.order.nbytes)
    except ValueError as error:
        return None, str(error)
    return kept, ""


def comparison_picture(view: View, sequence: Sequence, upload: Upload | None) -> ComparisonPicture:
    """A view beside the setting it is compared with, both over `sequence`; kept as the run is.

    Raises:
        ValueError: there is nothing to compare with, or its device is not there.
    """
    beside = other_over(view, sequence)

    def make() -> ComparisonPicture:
        made = compare(
            dressed_trace(view, sequence, upload), dressed_trace(beside, sequence), float(view.tolerance)
        )
        order = _order_of_both(view, beside, sequence, upload)
        return ComparisonPicture(
            plot.compare_json(made, values=view.values, order=order).encode(),
            plot.describe_compare(made, values=view.values),
        )

    return _keep(_key(view, "compare"), make, _own_shelf(view, upload))


def beside_picture(view: View, sequence: Sequence, upload: Upload | None) -> SummaryPicture:
    """Every gate of the setting that a view is compared with, over `sequence`; kept as the run is.

    Raises:
        ValueError: as `comparison_picture`.
    """
    beside = other_over(view, sequence)

    def make() -> SummaryPicture:
        trace = dressed_trace(beside, sequence)
        order = _order_of_both(view, beside, sequence, upload)
        figure = plot.gates_json(trace, values=view.values, order=order).encode()
        return SummaryPicture(figure, plot.describe_gates(trace))

    return _keep(_key(view, "beside"), make, _own_shelf(view, upload))


def _order_of_both(view: View, beside: View, sequence: Sequence, upload: Upload | None) -> Ranked | None:
    """The view's order for another setting too, where that has as many units: rows beside each other are the same unit's."""
    ranked = unit_order(view, sequence, upload)[0] if beside.num_units == view.num_units else None
    return ranked and replace(ranked, whose="a")


def other_over(view: View, sequence: Sequence) -> View:
    """The setting that a view is compared with, over the same features.

    Raises:
        ValueError: there is none.
    """
    beside = views.other(view)
    if beside is None:
        raise ValueError(_("There is nothing to compare with."))
    return replace(beside, input_size=sequence.input_size)


def gradients_picture(view: View, sequence: Sequence, upload: Upload | None) -> GradientsPicture:
    """The gradients of the pinned unit at the pinned step, else at the last one; kept as the run is.

    Raises:
        ValueError: there are too many of them to be shown, or none; or there is no cell to show them beside.
    """
    t, unit = asked_gradient(view, sequence)

    def make() -> GradientsPicture:
        _demand_gradients()
        found = [gradients(load_trace(view, sequence, upload), unit, t)]
        if view.contrast:
            found.append(gradients(load_trace(contrasted(view, sequence), sequence), unit, t))
        if view.model:
            found = [
                replace(one, trace=replace(one.trace, cell=models.dress(view, one.trace.cell)))
                for one in found
            ]
        order, _why_not = unit_order(view, sequence, upload)
        return GradientsPicture(
            plot.gradients_json(*found, order=order).encode(), plot.describe_gradients(*found)
        )

    return _keep(_key(view, "gradients"), make, _own_shelf(view, upload))


def contrast_picture(view: View, sequence: Sequence, upload: Upload | None) -> ContrastPicture:
    """The same gradients of the kind of cell that has what a view's has not, or has it not; kept as the run is.

    Raises:
        ValueError: as `gradients_picture`.
    """
    t, unit = asked_gradient(view, sequence)

    def make() -> ContrastPicture:
        _demand_gradients()
        own = gradients(load_trace(view, sequence, upload), unit, t)
        beside = contrasted(view, sequence)
        other = gradients(load_trace(beside, sequence), unit, t)
        has_order = view.order in list_orders(beside.kind, dict(beside.options))
        order, _why_not = (
            unit_order(replace(beside, order=view.order), sequence, None) if has_order else (None, "")
        )
        return ContrastPicture(
            plot.gradients_json(other, order=order).encode(),
            plot.describe_gradients(other),
            other.trace.cell.kind.name,
            "; ".join(curve.words for curve in draw_curves((own, other))),
        )

    return _keep(_key(view, "contrast"), make, _own_shelf(view, upload))


def ledger_states(view: View) -> tuple[str, ...]:
    """The states of the view's cell of which there is a ledger."""
    return list_ledgers(load_cell(view))


def ledger_picture(
    view: View, sequence: Sequence, upload: Upload | None, state: str | None = None
) -> LedgerPicture:
    """The ledger of the pinned unit's state after the pinned step, else after the last one; kept as the run is.

    Args:
        view: What is shown.
        sequence: What its cell runs over.
        upload: The viewer's file.
        state: The state; by default the first that has a ledger.

    Raises:
        ValueError: it has none, and the sentence says why.
    """
    t, unit = len(sequence) - 1 if view.t is None else view.t, min(view.unit or 0, view.num_units - 1)

    def make() -> LedgerPicture:
        trace = dressed_trace(view, sequence, upload)
        return LedgerPicture(
            plot.ledger_json(trace, unit, t, state).encode(), plot.describe_ledger(trace, unit, t, state)
        )

    return _keep((*_key(view, "ledger"), state), make, _own_shelf(view, upload))


def _demand_gradients() -> None:
    """Raises ValueError where TensorFlow is there and cannot be started."""
    if server.has_failed() and has_tensorflow():
        raise ValueError(
            _("Gradients need TensorFlow, which cannot be started on this server; its log says why.")
        )


def contrasted(view: View, sequence: Sequence) -> View:
    """The view with the other kind of cell; beside random weights its are random too.

    Raises:
        ValueError: with that kind something else would have to give way; beside this view it would mislead.
    """
    weights = view.initial_weights if trained.base(view) else trained.drawn_as(view)
    asked = {"cell": views.contrast(view), "initial_weights": weights, "edit": parameters.NOTHING}
    other, _problems = views.parse(parameters.in_full(view.unpinned) | asked)
    if (other.num_units, other.initial_weights) != (view.num_units, weights):
        raise ValueError(
            _(
                "A {kind} of {num_units} units with {weights} weights is more than this page makes; take fewer units, or show "
                "the gradients alone."
            ).format(kind=other.cell, num_units=view.num_units, weights=weights)
        )
    return replace(other, input_size=sequence.input_size)


def asked_gradient(view: View, sequence: Sequence) -> tuple[int, int]:
    """The step and the unit of h whose gradient a view shows.

    Raises:
        ValueError: its picture would be too large.
    """
    t = len(sequence) - 1 if view.t is None else view.t
    outputs = dict(view.options).get("num_proj") or view.num_units
    unit = min(view.unit or 0, int(outputs) - 1)
    numbers = (t + 1) * (view.num_units * len(view.kind.states) + sequence.input_size)
    if numbers > _MOST_GRADIENTS:
        raise ValueError(
            _(
                "The gradients of step {t} are {numbers:,} numbers; the page shows at most {most:,}. Click an earlier step, or "
                "take fewer units."
            ).format(t=t, numbers=numbers, most=_MOST_GRADIENTS)
        )
    return t, unit


def layout_picture(view: View) -> LayoutPicture:
    """The weights of a view's cell in its layout, kept for all viewers; nothing of a viewer's own model is.

    Raises:
        ValueError: the framework has no such cell.
    """

    def make() -> LayoutPicture:
        cell, stored = load_cell(view), models.facts(view).stored
        name = stored.title if stored else ""
        return LayoutPicture(
            plot.layout_json(cell, view.layout, name).encode(), plot.describe_layout(cell, view.layout, name)
        )

    return _keep(_key(view, "layout"), make, _own_shelf(view, None))


def proof(view: View, sequence: Sequence, upload: Upload | None) -> Proof:
    """The weights in the view's layout, run in that framework's equations over the beginning of the sequence.

    Raises:
        ValueError: the framework has no such cell, or the device is not there.
    """
    view = replace(view, clamp=View.clamp)  # no framework's equations hold a gate
    if len(sequence) <= _PROVED:
        return prove(load_trace(view, sequence, upload), view.layout)
    first = replace(sequence, values=sequence.values[:_PROVED], labels=sequence.labels[:_PROVED])
    return prove(_run(view, load_cell(view), first, _initial_state(view)), view.layout)


def load_linear(view: View) -> Linear:
    """The linear layer in front of the view's cell: as many features out as in."""
    return build_linear(view.input_size, view.input_size, seed=view.seed)


def _load_cells(view: View) -> tuple[Cell, Cell]:
    """The cell behind a linear layer, and the cell that the page shows; kept for a while, large ones for longer."""

    def make() -> tuple[Cell, Cell]:
        if not is_large:
            return _build_cells(view)
        with _building:
            return _build_cells(view)

    is_large = view.num_units * (view.num_units + view.input_size) * len(view.kind.gates) >= _LARGE
    if view.model:
        return _build_cells(view) if not view.edited else _edit_own(view)
    shelf = _spare if is_large else _cells
    kept: tuple[Cell, Cell] = shelf.get(_key(view, "cells"), make, _cells_bytes)
    return kept


def _build_cells(view: View) -> tuple[Cell, Cell]:
    cell = _find_model(view).cells[view.layer] if view.model else _build_cell(view)
    shown = fold(load_linear(view), cell) if view.linear else cell
    cell, shown = cell.astype(view.dtype), shown.astype(view.dtype)
    if view.edited:
        shown = shown.with_weights(view.edited)
        return (cell if view.linear else shown), shown  # the one without is not kept for nothing
    return cell, shown


def _edit_own(view: View) -> tuple[Cell, Cell]:
    """A layer of a viewer's file with edited weights, kept with the file."""
    shelf = _find_model(view).shelf
    kept: tuple[Cell, Cell] = shelf.get(_key(view, "cells"), lambda: _build_cells(view), _cells_bytes)
    return kept


def _build_cell(view: View) -> Cell:
    options: dict[str, Any] = dict(view.options)
    sizes: dict[str, Any] = {"num_units": view.num_units, "input_size": view.input_size}
    if example := trained.base(view):
        return build(view.cell, **sizes, weights=example.cell.weights, **options)
    return build(view.cell, **sizes, seed=view.seed, initial_weights=trained.drawn_as(view), **options)


def _find_model(view: View) -> models.Model:
    model = models.find(view.model)
    if model is None:
        raise ValueError(_("The model file is not here any more; upload it again."))
    return model


def fold_difference(view: View, sequence: Sequence, folded: Trace) -> float:
    """How far the outputs of a cell behind a linear layer, and of the one that the layer is folded into, are apart at most."""
    cell, _shown = _load_cells(view)
    apart = _run(view, cell, load_linear(view)(sequence.values))
    return float(np.max(np.abs(apart.states["h"] - folded.states["h"]), initial=0.0))


def _key(view: View, what: str) -> tuple[object, ...]:
    """What tells a view's `what` from another's: all of the view, but for what a row of `parameters` says does not change it."""
    device = "" if view.engine == NUMPY else view.device
    own = replace(view, engine=engine_of(view), device=device)
    return (what, *parameters.key(own, what), language.current())


def _own_shelf(view: View, upload: Upload | None) -> Shelf | None:
    """Where things of a viewer's own files are kept: nowhere that another viewer's view could come to."""
    if upload is not None:
        return upload.shelf
    return _find_model(view).shelf if view.model else None


def _keep(key: tuple[object, ...], make: Callable[[], _Picture], own: Shelf | None) -> _Picture:
    kept: _Picture = (_shelf if own is None else own).get(key, make, _bytes)
    return kept


def _cells_bytes(made: tuple[Cell, Cell]) -> int:
    cells = {id(cell): cell for cell in made}.values()
    return sum(weight.nbytes for cell in cells for weight in cell.weights.values())


def _trace_bytes(trace: Trace) -> int:
    recorded = (trace.preactivations, trace.gates, trace.states)
    return sum(values.nbytes for part in recorded for values in part.values())


def _bytes(
    picture: KernelPicture
    | RunPicture
    | SummaryPicture
    | StepPicture
    | ComparisonPicture
    | GradientsPicture
    | ContrastPicture
    | LedgerPicture
    | LayoutPicture,
) -> int:
    return sum(len(part) if isinstance(part, bytes) else sys.getsizeof(part) for part in astuple(picture))
