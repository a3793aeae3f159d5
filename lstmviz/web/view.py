"""What a viewer picked: the state of the page, and the address that holds it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qsl

from lstmviz import cells, sequences
from lstmviz.cells import KINDS, Kind, OptionValue
from lstmviz.language import _
from lstmviz.run.order import STORED, why_no_order
from lstmviz.run.trace import RANGES
from lstmviz.web import parameters, trained, words
from lstmviz.web.cost import Cost, estimate
from lstmviz.web.limits import (
    MAX_BUILD,
    MAX_INPUT_SIZE,
    MAX_MEMORY,
    MAX_RECORDED,
    MAX_RUN,
    MAX_STEPS,
    MAX_WEIGHTS,
)
from lstmviz.web.parameters import (
    CSV,
    DTYPES,
    ENCODINGS,
    LARGEST,
    MAX_SEED,
    MAX_TEXT,
    NUMBERS,
    SEQUENCES,
    STARTS,
    TEXT,
    TEXT_FILE,
    TOLERANCES,
    VALUES,
    Hold,
    changed,
    own_options,
    write,
)
from lstmviz.web.paths import names

__all__ = [
    "COMPARED", "CSV", "DTYPES", "ENCODINGS", "LARGEST", "MAX_INPUT_SIZE", "MAX_SEED", "MAX_TEXT", "NUMBERS", "PARAMETERS",
    "SEQUENCES", "STARTS", "TEXT", "TEXT_FILE",
    "TOLERANCES", "VALUES", "View", "affordable_steps", "bound", "compare_with", "compared",
    "contrast", "follow", "hold_within", "home", "kept", "other", "own_options", "parse", "pin_within", "pinned", "to_query",
]  # fmt: skip

COMPARED = ("cell", "num_units", "seed", "initial_weights", "dtype", "device", "clamp", "edit")
"""What may differ in a compared setting, beside the options of its kind; both read the same sequence."""
WHAT_IFS = ("clamp", "edit")
"""Those of them that only a link says: what a run holds, and which weights are others."""
_B = parameters.OTHER
_MOST_EDITED = 4  # weights that a sentence names
_MOST_PARAMETERS = 100
FOLLOWING = frozenset({"room", "lang", "hide", "lock", "note"})
"""What an address says of who is shown what a presenter shows."""
_MOST_NAMES = 5  # of unknown parameters that are told one by one


@dataclass(frozen=True)
class View:
    """Everything that decides what the page shows, but for an uploaded file; `parameters` has a row for each field.

    `options` holds the options of the cell's kind by name, `signal` those of the sequence; `t`, `gate` and `unit` are what is
    pinned: a step, a gate or a state, and a unit of it. `versus` holds what differs in the setting that this one is compared
    with, as its address would have it. `layer` names the layer of the viewer's own file that is shown, and `model` is the
    file's ticket, which no address holds: without it the file is not here. `reverse` and `initial_state` are how that layer
    is run where it is not as its file says. `step` is the lesson's step that is open, `lesson` its number where no name says
    it. `hide` and `lock` are what a link takes away and what it holds at its value, `note` is its own sentence. `room` is the room
    whose presenter can be followed, and `follows` says that all the rest is the presenter's to say. `engine` is
    "numpy" where NumPy's run is to be drawn for the time being, and empty for the run at rest; no address holds it either,
    and nothing that is taken along is made of such a view.
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
    alphabet: str = ""
    numbers: str = "0 1 0 -1 0 1 0 -1"
    standardise: bool = True
    device: str = ""
    values: str = "activations"
    units: tuple[int, ...] = ()
    order: str = STORED
    clamp: str = parameters.NOTHING
    edit: str = parameters.NOTHING
    linear: bool = False
    gradients: bool = False
    contrast: bool = False
    pattern: str = ""
    threshold: float = 0.3
    around: bool = True
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
    step: str = ""
    show: str = parameters.STRIPS
    colour: str = ""
    lesson: int | None = None
    hide: tuple[str, ...] = ()
    lock: tuple[str, ...] = ()
    note: str = ""
    room: str = ""
    follows: bool = False

    @property
    def unpinned(self) -> View:
        """The same pictures with nothing pinned in them, and nothing to compare them with."""
        return parameters.without(self, "gates")

    @property
    def pin(self) -> tuple[int, str, int]:
        """The step, the gate and the unit that are looked at: those pinned, else the first ones."""
        return self.t or 0, self.gate or self.recorded[0], self.unit or 0

    @property
    def holds(self) -> tuple[Hold, ...]:
        """What a run of it holds: first what all units of a gate or a state are held at, so that one by itself counts."""
        read = parameters.Holds(self.sizes).find
        found = [hold for part in self.clamp.split(",") if (hold := read(part))]
        return tuple(sorted(found, key=lambda hold: hold.unit is not None))

    @property
    def held(self) -> dict[str, Any]:
        """What a run of it holds, as `lstmviz.run` takes it."""
        found: dict[str, Any] = {}
        for hold in self.holds:
            units = found.setdefault(hold.name, {})
            place = range(self.sizes[hold.name]) if hold.unit is None else hold.unit
            if hold.steps is None:
                units[place] = hold.value
            else:
                units.setdefault(place, {})[range(hold.steps[0], hold.steps[1] + 1)] = hold.value
        alone = {hold.name: hold for hold in self.holds if hold.unit is None and hold.steps is None}
        return found | {name: hold.value for name, hold in alone.items() if len(found[name]) == 1}

    def say_held(self) -> str:
        """What a run of it holds, in words; empty where nothing."""
        if not self.holds:
            return ""
        said = _("held: {names}").format(names=", ".join(map(_say_hold, self.holds)))
        beyond = ", ".join(_say_place(hold) for hold in self._beyond())
        if not beyond:
            return said
        drawn = _("beyond what a gate can be, so drawn at the end of its scale: {names}").format(names=beyond)
        return f"{said} · {drawn}"

    def _beyond(self) -> Iterator[Hold]:
        """What is held of gates beyond the ends of their scales: sigmoids are drawn from 0 to 1."""
        equation = self.kind.equation(dict(self.options))
        for hold in self.holds:
            is_gate = hold.name in equation.gates
            bounds = RANGES.get(equation.activation_of(hold.name)) if is_gate else None
            if bounds == (0.0, 1.0) and not 0 <= hold.value <= 1:
                yield hold

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the weights that it shows, by their names."""
        options = dict(self.options)
        is_folded = self.linear and not self.model and cells.can_fold(self.kind, options)
        return cells.weight_shapes(
            self.kind, self.num_units, self.input_size, cells.with_bias(options) if is_folded else options
        )

    @property
    def edited(self) -> dict[str, dict[tuple[int, ...], float]]:
        """The weights that are others than the cell's own, as `Cell.with_weights` takes them."""
        found: dict[str, dict[tuple[int, ...], float]] = {}
        if self.edit == parameters.NOTHING:
            return found
        edits = parameters.Edits(self.shapes)
        for part in self.edit.split(";"):
            if edit := edits.find(part):
                name, place, value = edit
                found.setdefault(name, {})[place] = value
        return found

    def say_edited(self) -> str:
        """Which weights are others than the cell's own, in words; empty where none is."""
        edited = [
            f"{name}[{', '.join(map(str, place))}] = {value:g}"
            for name, numbers in self.edited.items()
            for place, value in numbers.items()
        ]
        if len(edited) > _MOST_EDITED:
            more = _("{count:,} more").format(count=len(edited) - _MOST_EDITED)
            edited = [*edited[:_MOST_EDITED], more]
        return _("edited: {names}").format(names=", ".join(edited)) if edited else ""

    @property
    def kind(self) -> Kind:
        """The declaration of the cell's kind."""
        return KINDS[self.cell]

    @property
    def recorded(self) -> tuple[str, ...]:
        """The names of what a run records, as they are computed: the gates, then the states."""
        return (*(gate.name for gate in self.kind.gates), *self.kind.states)

    @property
    def sizes(self) -> dict[str, int]:
        """How many units each of these has."""
        sizes = dict.fromkeys(self.recorded, self.num_units)
        return sizes | {"h": int(dict(self.options).get("num_proj") or self.num_units)}

    @property
    def is_uploaded(self) -> bool:
        """Whether the sequence is a file of the viewer's, which no address holds."""
        return self.sequence in parameters.FILES

    @property
    def is_generated(self) -> bool:
        """Whether the sequence can have any number of features, rather than those of its data."""
        return self.sequence in sequences.GENERATORS


def _say_place(hold: Hold) -> str:
    return hold.name if hold.unit is None else f"{hold.name}[{hold.unit}]"


def _say_hold(hold: Hold) -> str:
    said = f"{_say_place(hold)} = {hold.value:g}"
    if hold.steps is None:
        return said
    first, last = hold.steps
    at = (
        _("at step {t}").format(t=first)
        if first == last
        else _("at steps {first}–{last}").format(first=first, last=last)
    )
    return f"{said} {at}"


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
    given = dict(query)
    # Before there were trained cells every address said its seed, and none said that its weights were random.
    if "seed" in given:
        given.setdefault("initial_weights", View.initial_weights)
    # Where no text is read, a `text` is what the link says on top: who writes links by hand calls it so.
    if "text" in given and given.get("sequence") != parameters.TEXT:
        given.setdefault("note", given.pop("text"))
    view, problems = parameters.read(View(), given, language)
    problems += _tell_features(view, query)
    view, dropped = _drop_unmet(view)
    problems += dropped
    versus = {name.removeprefix(_B): given.pop(name) for name in list(given) if name.startswith(_B)}
    other_options = {option.name for kind in KINDS.values() for option in own_options(kind)}
    for name in [name for name in given if name in other_options]:
        del given[name]
        problems.append(
            _("{name} is no option of {kind}; it was left out.").format(name=name, kind=view.cell)
        )
    problems += _tell_names(
        list(given), _("In the address, {name} is not a parameter of this page; it was left out.")
    )
    problems += _tell_names(
        list(repeated), _("In the address, {name} stands more than once; the last one counts.")
    )
    view, bounded = bound(view)
    view, misread = compare_with(view, versus)
    view = replace(view, follows=bool(view.room) and set(query) <= FOLLOWING)
    return view, [*problems, *bounded, *misread]


def _tell_features(view: View, query: Mapping[str, str]) -> list[str]:
    """The sentence where an address asks for other features than its sequence brings."""
    given = words.read_whole(query.get("input_size", ""))
    if given is None or view.is_generated or "layer" in query:
        return []
    brought = _count_features(view)
    if brought in (None, given):
        return []
    return [changed("input_size", given, brought, _("the sequence brings its own features"))]


def _count_features(view: View) -> int | None:
    """How many features a sequence has that brings its own; None where its file says it, or it is none."""
    try:
        if view.sequence == TEXT:
            return sequences.from_text(
                view.text, encoding=view.encoding, alphabet=view.alphabet or None
            ).input_size
        if view.sequence == NUMBERS:
            return sequences.from_numbers(view.numbers).input_size
    except ValueError:
        return None
    return None if view.is_uploaded else trained.fitted(view).input_size


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
    own, others = parameters.in_full(view), parameters.in_full(beside)
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
    """What can be picked to differ in a setting compared with this one; a layer from a file has the weights it has.

    Beside a cell that was trained here stands one of the page's own with other weights: the one that ships, where there is one.
    """
    if view.model:
        return ("initial_weights", "dtype", "device") if trained.is_made_here(view) else ("dtype", "device")
    return tuple(name for name in COMPARED if name not in WHAT_IFS)


def other(view: View) -> View | None:
    """The setting that a view is compared with."""
    if not view.versus:
        return None
    beside, _problems = parse(_beside(view, dict(view.versus)))
    if trained.is_made_here(view) and "initial_weights" in dict(view.versus):
        return replace(beside, model="", layer="")
    return replace(beside, model=view.model, layer=view.layer)


def _beside(view: View, versus: Mapping[str, str]) -> dict[str, str]:
    """The address of the compared setting; an option that its kind does not have is left out."""
    kind = KINDS.get(versus.get("cell", view.cell), view.kind)
    foreign = {option.name for each in KINDS.values() for option in own_options(each)}
    foreign -= {option.name for option in own_options(kind)}
    differing = {
        name: value for name, value in versus.items() if name in COMPARED or name in dict(view.options)
    }
    differing |= {o.name: versus[o.name] for o in own_options(kind) if o.name in versus}
    own = parameters.in_full(view.unpinned)
    found = {name: value for name, value in (own | differing).items() if name not in foreign and value}
    if view.edit != parameters.NOTHING and "edit" not in versus:
        # A cell of other sizes has not the same weight in the same place.
        beside, _problems = parse(found | {"edit": parameters.NOTHING})
        beside = replace(beside, input_size=view.input_size)
        found["edit"] = view.edit if beside.shapes == view.shapes else parameters.NOTHING
    return found


def to_query(view: View, language: str = "en") -> dict[str, str]:
    """The address's parameters: what is not as usual, and so what a reader of that language would not see without them."""
    query = parameters.apart(view, language) | {f"{_B}{name}": value for name, value in view.versus}
    if view.room and not view.follows and set(query) <= FOLLOWING:
        query["num_units"] = str(view.num_units)  # else it would say that its reader follows
    return query


def home(query: Mapping[str, str]) -> str:
    """The path that shows what a link to the page's own address asks for; the document, where no single one does."""
    usual = {row.name: write(row.usual(View())) for row in parameters.ROWS}
    asked = [
        paths
        for name, value in query.items()
        if (paths := parameters.paths_of(name)) and value not in ("", usual.get(name))
    ]
    common = frozenset[str]().union(*asked[:1]).intersection(*asked)
    if not asked:
        return names.EXPLORE
    return next(iter(common)) if len(common) == 1 else names.DOCUMENT


def kept(last: View, view: View, path: str) -> View:
    """A view that a path's address asks for, with what the path does not show as it was in the last one."""
    hidden = {name: value for name, value in to_query(last).items() if not parameters.is_shown(name, path)}
    if not hidden:
        return view
    found, _problems = parse(hidden | to_query(view), view.lang)
    return replace(found, lang=view.lang, follows=view.follows)


def bound(view: View) -> tuple[View, list[str]]:
    """The nearest view whose pictures a browser can carry, and what had to give way."""
    problems = []
    longest = sequences.longest(view.sequence, view.input_size) if view.is_generated else None
    if (
        longest is not None and longest < 1 and view.model
    ):  # a file's layer takes as many features as it takes
        cause = _("it is too short for {features} features").format(features=view.input_size)
        problems.append(changed("sequence", view.sequence, "sine", cause))
        view = replace(view, sequence="sine", signal=_default_signal("sine"))
        longest = None
    if longest is not None and longest < 1:
        fitting = max(
            size for size in range(1, view.input_size) if (sequences.longest(view.sequence, size) or 0) >= 1
        )
        problems.append(
            changed("input_size", view.input_size, fitting, _("the sequence is too short for more features"))
        )
        view = replace(view, input_size=fitting)
        longest = sequences.longest(view.sequence, fitting)
    if longest is not None and view.time_steps > longest:
        problems.append(
            changed("time_steps", view.time_steps, longest, _("the sequence is no longer than that"))
        )
        view = replace(view, time_steps=longest)
    gates = len(view.kind.gates)
    if not view.model and _weights(view, view.num_units) > MAX_WEIGHTS:
        # gates * (n² + input_size n) <= MAX_WEIGHTS
        half = view.input_size / 2
        fitting = max(1, int(math.sqrt(half**2 + MAX_WEIGHTS / gates) - half))
        cause = _("the page shows at most {number:,} weights").format(number=MAX_WEIGHTS)
        problems.append(changed("num_units", view.num_units, fitting, cause))
        view = replace(view, num_units=fitting, units=tuple(unit for unit in view.units if unit < fitting))
    if view.linear and not cells.can_fold(view.kind, dict(view.options)):
        cause = _("{kind} has no bias beside each product with x").format(kind=view.cell)
        problems.append(changed("linear", "true", "false", cause))
        view = replace(view, linear=False)
    view, dear = _afford(view)
    problems += dear
    per_step = view.num_units * (gates + len(view.kind.states)) + view.input_size
    if view.is_generated and view.time_steps * per_step > MAX_RECORDED:
        fitting = max(1, MAX_RECORDED // per_step)
        cause = _("the page shows at most {number:,} recorded values").format(number=MAX_RECORDED)
        problems.append(changed("time_steps", view.time_steps, fitting, cause))
        view = replace(view, time_steps=fitting)
    if view.is_generated and view.time_steps > (fitting := affordable_steps(view)):
        cause = _("a longer run takes more than {seconds:,} s or {megabytes:,} MB").format(
            **_allowed(MAX_RUN)
        )
        problems.append(changed("time_steps", view.time_steps, fitting, cause))
        view = replace(view, time_steps=fitting)
    # Another size or kind has not all that was held.
    kept, _problem = parameters.Holds(view.sizes).read("clamp", view.clamp, View.clamp)
    view = replace(view, clamp=kept)
    if view.colour not in ("", *view.recorded, parameters.LEDGER):
        view = replace(view, colour=View.colour)
    if why := why_no_order(view.kind, view.order, dict(view.options)):
        problems.append(changed("order", words.quote(view.order), View.order, why))
        view = replace(view, order=View.order)
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
        problems.append(changed(name, write(getattr(view, name)), write(plainer[name]), cause))
        view = replace(view, **{name: plainer[name]})
        if not _is_dear(view):
            return view, problems
    if view.model:
        return view, problems
    fitting = _largest(lambda number: not _is_dear(replace(view, num_units=number)), view.num_units)
    problems.append(changed("num_units", view.num_units, fitting, cause))
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


def with_parameters(view: View, given: Mapping[str, str]) -> View:
    """The view with some parameters as an address would have them; what is no such parameter is left out.

    With another kind its options are as usual, for they are others; a file's layer gives way to a cell of the page's own.
    """
    kind = KINDS.get(given.get("cell", view.cell), view.kind)
    foreign = {option.name for each in KINDS.values() for option in own_options(each)}
    foreign -= {option.name for option in own_options(kind)}
    if "cell" in given:
        view = replace(view, model="", layer="", reverse=View.reverse, initial_state=View.initial_state)
    own = {name: value for name, value in to_query(view).items() if name not in foreign}
    found, _problems = parse(own | dict(given), view.lang)
    return replace(found, model=view.model)


def follow(view: View, query: str) -> View:
    """What a presenter shows, as an address says it; to each viewer in their own language, on their own path."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return view
    found, problems = parse({name: value for name, value in pairs if name not in FOLLOWING}, view.lang)
    if problems:
        return view
    return parameters.keep(view, replace(found, lang=view.lang, room=view.room), "gates")


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


def edit_within(view: View) -> tuple[View, list[str]]:
    """The view with those weights edited that there are, now that it is known how many features there are."""
    if view.edit == parameters.NOTHING:
        return view, []
    kept, problem = parameters.Edits(view.shapes).read("edit", view.edit, View.edit)
    return replace(view, edit=kept), [problem] if problem else []


def unedited(view: View) -> View:
    """The view with the cell's own weights."""
    return replace(view, edit=View.edit)


def hold_within(view: View, steps: int) -> tuple[View, list[str]]:
    """The view holding what it holds at steps that there are."""
    kept = ",".join(str(cut) for hold in view.holds if (cut := _cut(hold, steps))) or View.clamp
    if all(hold.steps is None or hold.steps[1] < steps for hold in view.holds):
        return view, []
    cause = _("the sequence has {steps} steps").format(steps=steps)
    return replace(view, clamp=kept), [changed("clamp", words.quote(view.clamp), kept, cause)]


def _cut(hold: Hold, steps: int) -> Hold | None:
    """What is left of it in a sequence of so many steps."""
    if hold.steps is None or hold.steps[1] < steps:
        return hold
    return replace(hold, steps=(hold.steps[0], steps - 1)) if hold.steps[0] < steps else None


def pin_within(view: View, steps: int) -> tuple[View, list[str]]:
    """The view with its pin on a step that there is."""
    if view.t is None or view.t < steps:
        return view, []
    shown = max(0, steps - 1)
    cause = _("the sequence has {steps} steps").format(steps=steps)
    return replace(view, t=shown), [changed("t", view.t, shown, cause)]


def _weights(view: View, num_units: int) -> int:
    return len(view.kind.gates) * num_units * (num_units + view.input_size)


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


PARAMETERS = tuple(field.name for field in fields(View) if field.name not in ("model", "engine", "follows"))
