"""What a viewer picked: the state of the page, and the address that holds it."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from lstmviz import cells, sequences
from lstmviz.cells import KINDS, Kind, Option, OptionValue
from lstmviz.language import LANGUAGES, _
from lstmviz.layouts import LAYOUTS
from lstmviz.web import words
from lstmviz.web.cost import Cost, estimate
from lstmviz.web.limits import (
    MAX_BUILD,
    MAX_INPUT_SIZE,
    MAX_LINES,
    MAX_MEMORY,
    MAX_RECORDED,
    MAX_RUN,
    MAX_STEPS,
    MAX_UNITS,
    MAX_WEIGHTS,
)

MAX_SEED = 2**31 - 1
LARGEST = 1e30  # of an option's number; float32 ends at 3.4e38
MAX_TEXT = 2_000  # characters: what an address can carry everywhere

TEXT, NUMBERS, CSV = "text", "numbers", "csv"
SEQUENCES = (*sequences.GENERATORS, TEXT, NUMBERS, CSV)
ENCODINGS = ("character", "byte")
VALUES = ("activations", "preactivations")
DTYPES = ("float32", "float64")
STARTS = ("file", "zeros")
"""From which states a layer of a file starts: its file's own, or zeros."""
TOLERANCES = ("0", "1e-7", "1e-6", "1e-5", "1e-4", "1e-3", "1e-2", "1e-1")
COMPARED = ("cell", "num_units", "seed", "initial_weights", "dtype", "device")
"""What may differ in a compared setting, beside the options of its kind; both read the same sequence."""
_B = "b."  # before a parameter of the compared setting
_MOST_NAMES = 5  # of unknown parameters that are told one by one
_DEVICE = re.compile(r"[A-Za-z]{1,8}:[0-9]{1,4}")


@dataclass(frozen=True)
class View:
    """Everything that decides what the page shows, but for an uploaded file; each field is a parameter of the address.

    `options` holds the options of the cell's kind by name, `signal` those of the sequence; `t`, `gate` and `unit` are what is
    pinned: a step, a gate or a state, and a unit of it. `versus` holds what differs in the setting that this one is compared
    with, as its address would have it. `layer` names the layer of the viewer's own file that is shown, and `model` is the
    file's ticket, which no address holds: without it the file is not here. `reverse` and `initial_state` are how that layer
    is run where it is not as its file says. `engine` is "numpy" where NumPy's run is to be drawn for the time being, and empty
    for the run at rest; no address holds it either, and nothing that is taken along is made of such a view.
    """

    cell: str = "BasicLSTMCell"
    num_units: int = 8
    input_size: int = 4
    options: tuple[tuple[str, OptionValue], ...] = ()
    initial_weights: str = "glorot_uniform"
    seed: int = 0
    sequence: str = "sunspots"
    time_steps: int = 60
    signal: tuple[tuple[str, float], ...] = ()
    text: str = "hello world"
    encoding: str = "character"
    numbers: str = "0 1 0 -1 0 1 0 -1"
    standardise: bool = True
    device: str = ""
    values: str = "activations"
    units: tuple[int, ...] = ()
    linear: bool = False
    gradients: bool = False
    contrast: bool = False
    layout: str = ""
    tables: bool = False
    dtype: str = "float32"
    t: int | None = None
    gate: str = ""
    unit: int | None = None
    versus: tuple[tuple[str, str], ...] = ()
    tolerance: str = "1e-5"
    lang: str = "en"
    model: str = ""
    layer: str = ""
    reverse: bool | None = None
    initial_state: str = "file"
    engine: str = ""

    @property
    def unpinned(self) -> View:
        """The same pictures with nothing pinned in them, and nothing to compare them with."""
        return replace(
            self,
            t=None,
            gate="",
            unit=None,
            versus=(),
            tolerance=View.tolerance,
            gradients=View.gradients,
            contrast=View.contrast,
            layout=View.layout,
            tables=View.tables,
        )

    @property
    def pin(self) -> tuple[int, str, int]:
        """The step, the gate and the unit that are looked at: those pinned, else the first ones."""
        return self.t or 0, self.gate or self.recorded[0], self.unit or 0

    @property
    def kind(self) -> Kind:
        """The declaration of the cell's kind."""
        return KINDS[self.cell]

    @property
    def recorded(self) -> tuple[str, ...]:
        """The names of what a run records, as they are computed: the gates, then the states."""
        return (*(gate.name for gate in self.kind.gates), *self.kind.states)

    @property
    def is_generated(self) -> bool:
        """Whether the sequence can have any number of features, rather than those of its data."""
        return self.sequence in sequences.GENERATORS


def parse(
    query: Mapping[str, str], language: str = "en", repeated: Iterable[str] = ()
) -> tuple[View, list[str]]:
    """The valid view nearest to an address, and a sentence for each thing in it that was wrong.

    An address is written by strangers: it is read in a time that grows with its length alone, and a sentence quotes what it
    says, shortened.

    Args:
        query: The address's parameters.
        language: The language of a viewer whose address names none.
        repeated: The names that the address gives more than once; `query` has the last value.
    """
    problems: list[str] = []
    read = _Reader(dict(query), problems)
    input_size = read.whole("input_size", 1, MAX_INPUT_SIZE, View.input_size)
    steps = sequences.longest(View.sequence, input_size)
    view = View(
        cell=read.choice("cell", tuple(KINDS), View.cell),
        num_units=read.whole("num_units", 1, MAX_UNITS, View.num_units),
        input_size=input_size,
        initial_weights=read.choice("initial_weights", tuple(cells.INITIAL_WEIGHTS), View.initial_weights),
        seed=read.whole("seed", 0, MAX_SEED, View.seed),
        # An address that names no sequence gets one that is long enough.
        sequence=read.choice(
            "sequence", SEQUENCES, "sine" if steps is not None and steps < View.time_steps else View.sequence
        ),
        time_steps=read.whole("time_steps", 1, MAX_STEPS, View.time_steps),
        text=read.text("text", View.text),
        encoding=read.choice("encoding", ENCODINGS, View.encoding),
        numbers=read.text("numbers", View.numbers),
        standardise=read.flag("standardise", View.standardise),
        device=read.device(),
        values=read.choice("values", VALUES, View.values),
        linear=read.flag("linear", View.linear),
        gradients=read.flag("gradients", View.gradients),
        contrast=read.flag("contrast", View.contrast),
        layout=read.choice("layout", ("", *LAYOUTS), View.layout),
        tables=read.flag("tables", View.tables),
        dtype=read.choice("dtype", DTYPES, View.dtype),
        tolerance=read.choice("tolerance", TOLERANCES, View.tolerance),
        lang=read.choice("lang", tuple(LANGUAGES), language),
        layer=read.text("layer", View.layer),
        reverse=read.reverse(),
        initial_state=read.choice("initial_state", STARTS, View.initial_state),
    )
    view = _without_idle(replace(view, units=read.units(view.num_units)))
    view = replace(view, **read.pin(view))
    view = replace(view, options=tuple((o.name, read.option(o)) for o in own_options(view.kind)))
    if view.is_generated:
        view = replace(view, signal=read.signal(view.sequence))
    else:
        read.drop_signals()
    view, dropped = _drop_unmet(view)
    problems += dropped
    versus = {name.removeprefix(_B): read.given.pop(name) for name in list(read.given) if name.startswith(_B)}
    other_options = {option.name for kind in KINDS.values() for option in own_options(kind)}
    for name in [name for name in read.given if name in other_options]:
        del read.given[name]
        problems.append(
            _("{name} is no option of {kind}; it was left out.").format(name=name, kind=view.cell)
        )
    problems += _tell_names(
        list(read.given), _("In the address, {name} is not a parameter of this page; it was left out.")
    )
    problems += _tell_names(
        list(repeated), _("In the address, {name} stands more than once; the last one counts.")
    )
    view, bounded = bound(view)
    view, misread = compare_with(view, versus)
    return view, [*problems, *bounded, *misread]


def own_options(kind: Kind) -> tuple[Option, ...]:
    """A kind's options that the address can hold; one that is called as another parameter is stays as it is by default."""
    return tuple(option for option in kind.options if option.name not in _TAKEN)


def _tell_names(names: list[str], sentence: str) -> list[str]:
    """The sentence about each of a stranger's names; the first few of them, and how many others there are."""
    told = [sentence.format(name=words.quote(name)) for name in names[:_MOST_NAMES]]
    if more := len(names) - len(told):
        told.append(_("The same holds for {count:,} more of its names.").format(count=more))
    return told


def compare_with(view: View, versus: Mapping[str, str]) -> tuple[View, list[str]]:
    """The view compared with the setting in which `versus` differs, and a sentence for each thing in it that was wrong."""
    if not versus:
        return replace(view, versus=()), []
    beside, misread = parse(_beside(view, versus))
    problems = [f"{_B} {said}" for said in misread]
    known = {*COMPARED, *dict(beside.options)}
    problems += _tell_names(
        [f"{_B}{name}" for name in versus if name not in known],
        _("In the address, {name} cannot be compared; it was left out."),
    )
    own, others = _told(view), _told(beside)
    apart = {
        name: others[name]
        for name in versus
        if name in known and others.get(name) not in (None, own.get(name))
    }
    return replace(view, versus=tuple(apart.items())), problems


def contrast(view: View) -> str:
    """The kind whose memory a view's is shown beside: one that has a gate for it, or one that has none."""
    return "BasicRNNCell" if len(view.kind.gates) > 1 else "BasicLSTMCell"


def compared(view: View) -> tuple[str, ...]:
    """What may differ in a setting compared with this one; a layer from a file has the weights it has."""
    return ("dtype", "device") if view.model else COMPARED


def other(view: View) -> View | None:
    """The setting that a view is compared with."""
    if not view.versus:
        return None
    beside, _problems = parse(_beside(view, dict(view.versus)))
    return replace(beside, model=view.model, layer=view.layer)


def _beside(view: View, versus: Mapping[str, str]) -> dict[str, str]:
    """The address of the compared setting; an option that its kind does not have is left out."""
    kind = KINDS.get(versus.get("cell", view.cell), view.kind)
    foreign = {option.name for each in KINDS.values() for option in own_options(each)}
    foreign -= {option.name for option in own_options(kind)}
    changed = {
        name: value for name, value in versus.items() if name in COMPARED or name in dict(view.options)
    }
    changed |= {o.name: versus[o.name] for o in own_options(kind) if o.name in versus}
    own = _told(view.unpinned)
    return {name: value for name, value in (own | changed).items() if name not in foreign and value}


def _told(view: View) -> dict[str, str]:
    """The address with what it leaves out where it is as usual."""
    return to_query(view) | {"dtype": view.dtype, "device": view.device}


def to_query(view: View) -> dict[str, str]:
    """The address's parameters: all that matter to this view, so that a link keeps its meaning if a default changes."""
    query: dict[str, Any] = {
        "cell": view.cell,
        "num_units": view.num_units,
        "input_size": view.input_size,
        "sequence": view.sequence,
        "time_steps": view.time_steps,
        "seed": view.seed,
        "initial_weights": view.initial_weights,
        **dict(view.options),
        **dict(view.signal),
        "lang": view.lang,
    }
    if not view.is_generated:
        del query["time_steps"], query["input_size"]  # the data decide
    if view.sequence == TEXT:
        query |= {"text": view.text, "encoding": view.encoding}
    if view.sequence == NUMBERS:
        query |= {"numbers": view.numbers, "standardise": view.standardise}
    if view.sequence == CSV:
        query |= {"standardise": view.standardise}
    if view.device:
        query["device"] = view.device
    if view.units:
        query["units"] = ",".join(map(str, view.units))
    for name in ("t", "gate", "unit"):
        if getattr(view, name) != getattr(View, name):
            query[name] = getattr(view, name)
    query |= {f"{_B}{name}": value for name, value in view.versus}
    usual = ("values", "linear", "gradients", "contrast", "layout", "tables", "dtype", "tolerance")
    for name in (*usual, "reverse", "initial_state"):
        if getattr(view, name) != getattr(View, name):
            query[name] = getattr(view, name)
    if view.layer:
        query["layer"] = view.layer[:MAX_TEXT]
    return {name: _written(value) for name, value in query.items() if value is not None}


def bound(view: View) -> tuple[View, list[str]]:
    """The nearest view whose pictures a browser can carry, and what had to give way."""
    problems = []
    longest = sequences.longest(view.sequence, view.input_size) if view.is_generated else None
    if (
        longest is not None and longest < 1 and view.model
    ):  # a file's layer takes as many features as it takes
        cause = _("it is too short for {features} features").format(features=view.input_size)
        problems.append(_changed("sequence", view.sequence, "sine", cause))
        view = replace(view, sequence="sine", signal=_default_signal("sine"))
        longest = None
    if longest is not None and longest < 1:
        fitting = max(
            size for size in range(1, view.input_size) if (sequences.longest(view.sequence, size) or 0) >= 1
        )
        problems.append(
            _changed("input_size", view.input_size, fitting, _("the sequence is too short for more features"))
        )
        view = replace(view, input_size=fitting)
        longest = sequences.longest(view.sequence, fitting)
    if longest is not None and view.time_steps > longest:
        problems.append(
            _changed("time_steps", view.time_steps, longest, _("the sequence is no longer than that"))
        )
        view = replace(view, time_steps=longest)
    gates = len(view.kind.gates)
    if not view.model and _weights(view, view.num_units) > MAX_WEIGHTS:
        # gates * (n² + input_size n) <= MAX_WEIGHTS
        half = view.input_size / 2
        fitting = max(1, int(math.sqrt(half**2 + MAX_WEIGHTS / gates) - half))
        cause = _("the page shows at most {number:,} weights").format(number=MAX_WEIGHTS)
        problems.append(_changed("num_units", view.num_units, fitting, cause))
        view = replace(view, num_units=fitting, units=tuple(unit for unit in view.units if unit < fitting))
    if view.linear and not cells.can_fold(view.kind, dict(view.options)):
        cause = _("{kind} has no bias beside each product with x").format(kind=view.cell)
        problems.append(_changed("linear", "true", "false", cause))
        view = replace(view, linear=False)
    view, dear = _afford(view)
    problems += dear
    per_step = view.num_units * (gates + len(view.kind.states)) + view.input_size
    if view.is_generated and view.time_steps * per_step > MAX_RECORDED:
        fitting = max(1, MAX_RECORDED // per_step)
        cause = _("the page shows at most {number:,} recorded values").format(number=MAX_RECORDED)
        problems.append(_changed("time_steps", view.time_steps, fitting, cause))
        view = replace(view, time_steps=fitting)
    if view.is_generated and view.time_steps > (fitting := affordable_steps(view)):
        cause = _("a longer run takes more than {seconds:,} s or {megabytes:,} MB").format(
            **_allowed(MAX_RUN)
        )
        problems.append(_changed("time_steps", view.time_steps, fitting, cause))
        view = replace(view, time_steps=fitting)
    if view.unit is not None and view.unit >= view.num_units:
        view = replace(view, unit=view.num_units - 1)
    return view, problems


def _afford(view: View) -> tuple[View, list[str]]:
    """The nearest view whose weights are made within the server's bounds, and what had to give way."""
    problems: list[str] = []
    cause = _("together the weights take more than {seconds:,} s or {megabytes:,} MB to make").format(
        **_allowed(MAX_BUILD)
    )
    if not _is_dear(view):
        return view, problems
    plainer: dict[str, Any] = {"linear": False, "initial_weights": View.initial_weights, "dtype": View.dtype}
    plainer = {name: value for name, value in plainer.items() if getattr(view, name) != value}
    if view.model:  # the file says the rest
        plainer = {name: value for name, value in plainer.items() if name == "dtype"}
    # What is enough by itself goes alone.
    enough = [name for name, value in plainer.items() if not _is_dear(replace(view, **{name: value}))]
    for name in enough[:1] or plainer:
        problems.append(_changed(name, _written(getattr(view, name)), _written(plainer[name]), cause))
        view = replace(view, **{name: plainer[name]})
        if not _is_dear(view):
            return view, problems
    if view.model:
        return view, problems
    fitting = _largest(lambda number: not _is_dear(replace(view, num_units=number)), view.num_units)
    problems.append(_changed("num_units", view.num_units, fitting, cause))
    return replace(
        view, num_units=fitting, units=tuple(unit for unit in view.units if unit < fitting)
    ), problems


def _is_dear(view: View) -> bool:
    cost = estimate(view, 1)
    return cost.build > MAX_BUILD or cost.bytes > MAX_MEMORY


def affordable_steps(view: View) -> int:
    """The steps over which a view's cell can run within the server's bounds; at least one."""
    return _largest(lambda steps: _can_run(estimate(view, steps)), MAX_STEPS)


def _can_run(cost: Cost) -> bool:
    return cost.run <= MAX_RUN and cost.bytes <= MAX_MEMORY


def _largest(is_good: Callable[[int], bool], most: int) -> int:
    """The largest number up to `most` that is good, where all below a good one are; 1 where none is."""
    if is_good(most):
        return most
    good, bad = 1, most
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if is_good(middle) else (good, middle)
    return good


def _allowed(seconds: int) -> dict[str, int]:
    return {"seconds": seconds, "megabytes": MAX_MEMORY // 10**6}


def _default_signal(sequence: str) -> tuple[tuple[str, float], ...]:
    return tuple((option.name, option.default) for option in sequences.GENERATORS[sequence].options)


def pinned(view: View, sent: Mapping[str, Any]) -> View:
    """The view with what a browser says was pinned; what is none of its steps, names or units is left out."""

    def index(name: str, length: int) -> int | None:
        value = sent.get(name)
        return (
            value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < length else None
        )

    gate = sent.get("gate")
    return replace(
        view,
        t=index("t", MAX_STEPS),
        gate=gate if isinstance(gate, str) and gate in view.recorded else "",
        unit=index("unit", view.num_units),
    )


def pin_within(view: View, steps: int) -> tuple[View, list[str]]:
    """The view with its pin on a step that there is."""
    if view.t is None or view.t < steps:
        return view, []
    shown = max(0, steps - 1)
    cause = _("the sequence has {steps} steps").format(steps=steps)
    return replace(view, t=shown), [_changed("t", view.t, shown, cause)]


def _weights(view: View, num_units: int) -> int:
    return len(view.kind.gates) * num_units * (num_units + view.input_size)


def _without_idle(view: View) -> View:
    """Drops what an address says of sequences that it does not show."""
    used = {
        "text": view.sequence == TEXT,
        "encoding": view.sequence == TEXT,
        "numbers": view.sequence == NUMBERS,
        "standardise": view.sequence in (NUMBERS, CSV),
        "time_steps": view.is_generated,
        "input_size": view.is_generated,
    }
    return replace(view, **{name: getattr(View, name) for name, needed in used.items() if not needed})


def _drop_unmet(view: View) -> tuple[View, list[str]]:
    """Leaves out options that need another one."""
    values = dict(view.options)
    problems = []
    for option in own_options(view.kind):
        if option.needs and values[option.name] is not None and values[option.needs] is None:
            problems.append(
                _("{name} was left out: it needs {needs}.").format(name=option.name, needs=option.needs)
            )
            values[option.name] = None
    return replace(view, options=tuple(values.items())), problems


def _changed(name: str, given: Any, shown: Any, cause: str) -> str:
    return _("{name} was {given}; showing {shown}: {cause}.").format(
        name=name, given=given, shown=shown, cause=cause
    )


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _read_flag(given: str) -> bool | None:
    """What an address says of something that is or is not; None where it says neither."""
    short = given[: words.MOST].lower()
    if short in ("true", "1", "yes"):
        return True
    return False if short in ("false", "0", "no") else None


class _Reader:
    """Takes parameters out of an address one by one; what is left was not known."""

    def __init__(self, given: dict[str, str], problems: list[str]) -> None:
        self.given = given
        self.problems = problems

    def whole(self, name: str, minimum: int, maximum: int, default: int) -> int:
        given = self.given.pop(name, None)
        if given is None:
            return default
        value = words.read_whole(given)
        if value is None:
            self._report(name, given, default, _("it must be a whole number"))
            return default
        nearest = min(max(value, minimum), maximum)
        if nearest != value:
            allowed = _("it must be from {minimum} to {maximum}").format(minimum=minimum, maximum=maximum)
            self._report(name, given, nearest, allowed)
        return nearest

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        given = self.given.pop(name, None)
        if given is None or given in allowed:
            return given or default
        lowered = {candidate.lower(): candidate for candidate in allowed}
        close = difflib.get_close_matches(given[: words.MOST].lower(), lowered, n=1)
        nearest = lowered[close[0]] if close else default
        self._report(
            name, given, nearest, _("it must be one of {allowed}").format(allowed=", ".join(allowed))
        )
        return nearest

    def device(self) -> str:
        given = self.given.pop("device", View.device)
        if given and not _DEVICE.fullmatch(given):
            self._report("device", given, _("automatic"), _("it must be a name such as CPU:0"))
            return View.device
        return given

    def flag(self, name: str, default: bool) -> bool:
        given = self.given.pop(name, None)
        if given is None:
            return default
        value = _read_flag(given)
        if value is None:
            self._report(name, given, _written(default), _("it must be true or false"))
            return default
        return value

    def reverse(self) -> bool | None:
        """Whether a file's layer is turned round; None for as its file says, also where the address makes no sense."""
        given = self.given.pop("reverse", None)
        value = None if given is None else _read_flag(given)
        if given is not None and value is None:
            self._report("reverse", given, _("what the file says"), _("it must be true or false"))
        return value

    def text(self, name: str, default: str) -> str:
        given = self.given.pop(name, default)
        if len(given) > MAX_TEXT:
            self.problems.append(
                _("{name} has {given} characters; showing the first {maximum}.").format(
                    name=name, given=len(given), maximum=MAX_TEXT
                )
            )
        return given[:MAX_TEXT]

    def option(self, option: Option) -> OptionValue:
        given = self.given.get(option.name)
        if given is None:
            return option.default
        if option.type is bool:
            return self.flag(option.name, bool(option.default))
        if option.type is str:
            return self.choice(option.name, option.choices, str(option.default))
        if option.type is int:
            return self.whole(option.name, int(option.minimum), MAX_UNITS, int(option.minimum))
        # A cell computes in float32 too: a number beyond it would be another one there.
        lowest = max(option.minimum, -LARGEST)
        return self._number(option.name, option.default, lowest, LARGEST)

    def signal(self, sequence: str) -> tuple[tuple[str, float], ...]:
        declared = sequences.GENERATORS[sequence].options
        values = tuple((o.name, self._number(o.name, o.default, o.minimum, o.maximum)) for o in declared)
        self.drop_signals()
        return tuple((name, value) for name, value in values if value is not None)

    def drop_signals(self) -> None:
        """Forgets the options of other sequences: a link edited by hand may well carry them along."""
        for generator in sequences.GENERATORS.values():
            for option in generator.options:
                self.given.pop(option.name, None)

    def pin(self, view: View) -> dict[str, Any]:
        names = view.recorded
        readers: dict[str, Callable[[], int | str]] = {
            "t": lambda: self.whole("t", 0, MAX_STEPS - 1, 0),
            "gate": lambda: self.choice("gate", names, names[0]),
            "unit": lambda: self.whole("unit", 0, view.num_units - 1, 0),
        }
        return {name: read() for name, read in readers.items() if name in self.given}

    def units(self, num_units: int) -> tuple[int, ...]:
        given = self.given.pop("units", "")
        parts = [part for part in map(str.strip, given.split(",")) if part]
        numbers = [words.read_whole(part) for part in parts]
        kept = [*dict.fromkeys(n for n in numbers if n is not None and 0 <= n < num_units)]
        shown = ", ".join(map(str, kept[:MAX_LINES])) or _("all of them")
        if len(kept) != len(set(parts)):
            allowed = _("they must be units from 0 to {last}").format(last=num_units - 1)
            self._report("units", given, shown, allowed)
        elif len(kept) > MAX_LINES:
            self._report("units", given, shown, _("at most {most} can be told apart").format(most=MAX_LINES))
        return tuple(kept[:MAX_LINES])

    def _number(self, name: str, default: Any, minimum: float, maximum: float) -> float | None:
        given = self.given.pop(name, None)
        if given is None:
            return default if default is None else float(default)
        value = words.read_number(given)
        if value is None:
            self._report(name, given, default, _("it must be a finite number"))
            return default if default is None else float(default)
        nearest = min(max(value, minimum), maximum)
        if nearest != value:
            limit = minimum if value < minimum else maximum
            edge = (
                _("it must be at least {limit:g}") if value < minimum else _("it must be at most {limit:g}")
            )
            self._report(name, given, f"{nearest:g}", edge.format(limit=limit))
        return nearest

    def _report(self, name: str, given: str, shown: Any, cause: str) -> None:
        self.problems.append(_changed(name, words.quote(given), shown, cause))


PARAMETERS = tuple(field.name for field in fields(View) if field.name not in ("model", "engine"))
_TAKEN = frozenset(field.name for field in fields(View)) | {
    option.name for generator in sequences.GENERATORS.values() for option in generator.options
}
