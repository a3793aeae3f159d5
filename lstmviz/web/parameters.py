"""The parameters of the page's address, one row each; whatever is done with all of them goes over the rows.

A row says what may stand in the address, when it matters, which widget shows it, and which of the kept pictures are the same
whatever it is. What it is by default its field of `View` says, but for the two whose default depends.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from lstmviz import sequences
from lstmviz.cells import KINDS, OPTIONS, Kind, Option, OptionValue
from lstmviz.language import LANGUAGES, _
from lstmviz.layouts import LAYOUTS
from lstmviz.run.order import list_orders, why_no_order
from lstmviz.sequences.generators import SignalOption
from lstmviz.web import trained, words
from lstmviz.web.limits import MAX_INPUT_SIZE, MAX_LINES, MAX_STEPS, MAX_UNITS
from lstmviz.web.paths import names
from lstmviz.web.rooms.record import NAME_LENGTH, find_name

if TYPE_CHECKING:
    from lstmviz.web.view import View

MAX_SEED = 2**31 - 1
LARGEST = 1e30  # of an option's number; float32 ends at 3.4e38
MAX_HELD = 32  # numbers
MAX_EDITED = 32  # weights
NOTHING = "none"
"""What an address holds that holds nothing: an empty parameter would get lost."""
MAX_TEXT = 2_000  # characters: what an address can carry everywhere

TEXT, NUMBERS, CSV, TEXT_FILE = "text", "numbers", "csv", "text_file"
FILES = (CSV, TEXT_FILE)
"""Sequences that are files of the viewer's, which no address holds."""
SEQUENCES = (*sequences.GENERATORS, *trained.SEQUENCES, TEXT, NUMBERS, CSV, TEXT_FILE)
STRIPS, LIT = "strips", "text"
"""What of a run is shown of a text: its strips, or the text itself, lit up."""
LEDGER = "ledger"
ENCODINGS = ("character", "byte")
VALUES = ("activations", "preactivations")
DTYPES = ("float32", "float64")
STARTS = ("file", "zeros")
"""From which states a layer of a file starts: its file's own, or zeros."""
TOLERANCES = ("0", "1e-7", "1e-6", "1e-5", "1e-4", "1e-3", "1e-2", "1e-1")
_DEVICE = re.compile(r"[A-Za-z]{1,8}:[0-9]{1,4}")
STEP = re.compile(r"[a-z0-9_-]{1,40}")
"""A step's name in a lesson."""
_CLOSE = 0.7  # how alike a name has to be, from 0 to 1, to be told as one that was meant
_ASKED = 3  # names that are looked for, and told, where one is none of them
MAX_NOTE = 200  # characters of a link's own sentence: a line or two above the page
PATHS_BAR, MORE, SENTENCE = "paths", "more", "sentence"
PARTS = (PATHS_BAR, MORE, SENTENCE)
"""What a link can hide beside controls: the bar of the paths, the button "More", the sentence about num_units."""


def changed(name: str, given: Any, shown: Any, cause: str) -> str:
    """The sentence about a parameter that is shown otherwise than asked for; `shown` is "" or None where it is left out."""
    if shown in ("", None):
        return _("{name} was {given}, and is left out: {cause}.").format(name=name, given=given, cause=cause)
    return _("{name} was {given}; showing {shown}: {cause}.").format(
        name=name, given=given, shown=shown, cause=cause
    )


def write(value: Any) -> str:
    """A value as an address has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)[:MAX_TEXT]


def read_flag(given: str) -> bool | None:
    """What an address says of something that is or is not; None where it says neither."""
    short = given[: words.MOST].lower()
    if short in ("true", "1", "yes"):
        return True
    return False if short in ("false", "0", "no") else None


# --- What may stand in an address: each reads it as the nearest value, and has a sentence where it is none of its own


@dataclass(frozen=True)
class Whole:
    """Whole numbers; `otherwise` is shown for what is none, where the default is to have no number."""

    minimum: int
    maximum: int
    otherwise: int = 0

    def read(self, name: str, given: str, usual: int | None) -> tuple[int, str]:
        """The nearest of them."""
        value = words.read_whole(given)
        if value is None:
            shown = self.otherwise if usual is None else usual
            return shown, changed(name, words.quote(given), shown, _("it must be a whole number"))
        nearest = min(max(value, self.minimum), self.maximum)
        allowed = _("it must be from {minimum} to {maximum}").format(
            minimum=self.minimum, maximum=self.maximum
        )
        if self.maximum == words.BEYOND:
            allowed = _("it must be at least {limit:g}").format(limit=self.minimum)
        return nearest, "" if nearest == value else changed(name, words.quote(given), nearest, allowed)


@dataclass(frozen=True)
class Number:
    """Finite numbers."""

    minimum: float
    maximum: float

    def read(self, name: str, given: str, usual: float | None) -> tuple[float | None, str]:
        """The nearest of them."""
        value = words.read_number(given)
        if value is None:
            return usual, changed(name, words.quote(given), usual, _("it must be a finite number"))
        nearest = min(max(value, self.minimum), self.maximum)
        if nearest == value:
            return value, ""
        edge = (
            _("it must be at least {limit:g}") if value < self.minimum else _("it must be at most {limit:g}")
        )
        return nearest, changed(name, words.quote(given), f"{nearest:g}", edge.format(limit=nearest))


@dataclass(frozen=True)
class Choice:
    """One of a few names; of a name that is none the one that is called nearly so, where names that are alike mean the like."""

    allowed: tuple[str, ...]
    has_likes: bool = True

    def read(self, name: str, given: str, usual: str) -> tuple[str, str]:
        """The one that is called nearly so, else the default."""
        if given in self.allowed:
            return given, ""
        lowered = {candidate.lower(): candidate for candidate in self.allowed}
        likes = [*lowered] if self.has_likes else []
        close = difflib.get_close_matches(given[: words.MOST].lower(), likes, n=1)
        nearest = lowered[close[0]] if close else usual or self.allowed[0]
        cause = _("it must be one of {allowed}").format(allowed=", ".join(filter(None, self.allowed)))
        return nearest, changed(name, words.quote(given), nearest, cause)


@dataclass(frozen=True)
class Flag:
    """True or false; where that is the default, also what a file says."""

    def read(self, name: str, given: str, usual: bool | None) -> tuple[bool | None, str]:
        """The default, where it is neither."""
        value = read_flag(given)
        if value is not None:
            return value, ""
        shown = _("what the file says") if usual is None else write(usual)
        return usual, changed(name, words.quote(given), shown, _("it must be true or false"))


@dataclass(frozen=True)
class Text:
    """Any text that an address can carry."""

    def read(self, name: str, given: str, usual: str) -> tuple[str, str]:
        """As much of it as an address can carry."""
        told = _("{name} has {given} characters; showing the first {maximum}.").format(
            name=name, given=len(given), maximum=MAX_TEXT
        )
        return given[:MAX_TEXT], told if len(given) > MAX_TEXT else ""


@dataclass(frozen=True)
class Device:
    """A device's name; "" lets TensorFlow choose. Which devices there are, the machine alone knows."""

    def read(self, name: str, given: str, usual: str) -> tuple[str, str]:
        """The default, where it is no name."""
        if not given or _DEVICE.fullmatch(given):
            return given, ""
        cause = _("it must be a name such as CPU:0")
        return usual, changed(name, words.quote(given), _("automatic"), cause)


@dataclass(frozen=True)
class StepName:
    """What a step of a lesson can be called; "" is the first one. Which steps there are is known where they are shown."""

    def read(self, name: str, given: str, usual: str) -> tuple[str, str]:
        """The first one, where it is no name."""
        if not given or STEP.fullmatch(given):
            return given, ""
        cause = _("it must be the name of a lesson's step")
        return usual, changed(name, words.quote(given), _("the first one"), cause)


@dataclass(frozen=True)
class RoomName:
    """What a room can be called, however it is typed; "" is none. Which rooms there are only the server's rooms know."""

    def read(self, name: str, given: str, usual: str) -> tuple[str, str]:
        """None, where it is no name."""
        found = find_name(given)
        if found or not given:
            return found, ""
        cause = _("it must be the {count} letters and digits of a room").format(count=NAME_LENGTH)
        return usual, changed(name, words.quote(given), _("none"), cause)


@dataclass(frozen=True)
class Units:
    """Some of a cell's units."""

    num_units: int

    def read(self, name: str, given: str, usual: tuple[int, ...]) -> tuple[tuple[int, ...], str]:
        """Those of them that there are."""
        parts = [part for part in map(str.strip, given.split(",")) if part]
        numbers = [words.read_whole(part) for part in parts]
        known = [*dict.fromkeys(n for n in numbers if n is not None and 0 <= n < self.num_units)]
        kept = tuple(known[:MAX_LINES])
        if len(known) != len(set(parts)):
            cause = _("they must be units from 0 to {last}").format(last=self.num_units - 1)
        elif len(known) > MAX_LINES:
            cause = _("at most {most} can be told apart").format(most=MAX_LINES)
        else:
            return kept, ""
        shown = ", ".join(map(str, kept)) or _("all of them")
        return kept, changed(name, words.quote(given), shown, cause)


EVERY_UNIT = "all"


@dataclass(frozen=True)
class Hold:
    """Numbers of a run that are held.

    Attributes:
        name: A gate or a state.
        unit: Which unit of it; None for all.
        steps: The first and the last step at which it is held; None for all.
        value: What it is held at.
    """

    name: str
    unit: int | None
    steps: tuple[int, int] | None
    value: float

    def hides(self, other: Hold) -> bool:
        """Whether nothing is left to say to another of the same unit that came before."""
        is_same = (self.name, self.unit) == (other.name, other.unit)
        return is_same and (None in (self.steps, other.steps) or self.steps == other.steps)

    def __str__(self) -> str:
        """As an address has it; see `Holds`."""
        steps = "" if self.steps is None else f".{self.steps[0]}-{self.steps[1]}"
        return f"{self.name}.{EVERY_UNIT if self.unit is None else self.unit}{steps}:{self.value:.9g}"


@dataclass(frozen=True)
class Holds:
    """Numbers of a run that are held: `f.3:1` holds unit 3 of f at 1, at every step.

    `f.3.10-20:1` holds it at the steps 10 to 20, `f.3.10:1` at step 10, `f.all:1` all units; a unit that is held by itself is
    held as that says.

    Attributes:
        sizes: How many units each gate and state has, by their names.
    """

    sizes: Mapping[str, int]

    def read(self, name: str, given: str, usual: str) -> tuple[str, str]:
        """Those of them that there are; of two for the same numbers the last."""
        parts = [part for part in map(str.strip, given.split(",")) if part not in ("", NOTHING)]
        found = [self.find(part) for part in parts[: 2 * MAX_HELD]]
        known: list[Hold] = []
        for each in found:
            if each is not None:
                known = [*(other for other in known if not each.hides(other)), each]
        kept = ",".join(map(str, known[:MAX_HELD])) or usual
        if None in found:
            cause = _(
                "each must be a gate or a state, a unit and a number, as f.3:1, or with steps, as f.3.10-20:1 or f.3.10:1"
            )
        elif len(parts) > MAX_HELD:
            cause = _("at most {most} numbers can be held").format(most=MAX_HELD)
        elif len(known) < len(parts):
            cause = _("of two for the same numbers the last one counts")
        else:
            return kept, ""
        return kept, changed(name, words.quote(given), kept, cause)

    def find(self, part: str) -> Hold | None:
        """What is held, which unit of it, at which steps and at what; None where that makes no sense."""
        place, _colon, number = part.rpartition(":")
        name, which, *at = place.split(".")[:4] if "." in place else (place, "")
        unit, value = words.read_whole(which), words.read_number(number)
        steps = Steps.find(at[0]) if at else None
        if name not in self.sizes or value is None or abs(value) > LARGEST or len(at) > 1:
            return None
        if which != EVERY_UNIT and (unit is None or not 0 <= unit < self.sizes[name]):
            return None
        return None if at and steps is None else Hold(name, unit, steps, value)


@dataclass(frozen=True)
class Edits:
    """Weights that are others than the cell's own: `kernel:3,5:0.25` has 0.25 in row 3 and column 5 of the kernel.

    Attributes:
        shapes: The weights' shapes, by their names.
        is_open: Whether it is not known yet how many features there are, and so how many rows meet them.
    """

    shapes: Mapping[str, tuple[int, ...]]
    is_open: bool = False

    def read(self, name: str, given: str, usual: str) -> tuple[str, str]:
        """Those of them that there are; of two for one weight the last."""
        parts = [part for part in map(str.strip, given.split(";")) if part not in ("", NOTHING)]
        found = [self.find(part) for part in parts]
        known = {edit[:2]: edit for edit in found if edit}
        kept = ";".join(write_edit(*edit) for edit in list(known.values())[:MAX_EDITED]) or usual
        if None in found:
            cause = _("each must be a weight, its place and a number, as {example}; {weights}").format(
                example=self.example, weights=self.say_weights()
            )
        elif len(known) > MAX_EDITED:
            cause = _("at most {most} weights can be edited").format(most=MAX_EDITED)
        elif len(known) < len(parts):
            cause = _("of two for the same numbers the last one counts")
        else:
            return kept, ""
        return kept, changed(name, words.quote(given), kept, cause)

    def find(self, part: str) -> tuple[str, tuple[int, ...], float] | None:
        """Which weight, where in it, and what stands there then; None where that makes no sense."""
        place, _colon, number = part.rpartition(":")
        name, _other, where = place.rpartition(":")
        index, value = [words.read_whole(each) for each in where.split(",")], words.read_number(number)
        shape = self.shapes.get(name)
        if shape is None or value is None or abs(value) > LARGEST or len(index) != len(shape):
            return None
        if self.is_open and len(shape) > 1:
            shape = (MAX_INPUT_SIZE + MAX_UNITS, *shape[1:])
        at = tuple(each for each in index if each is not None)
        is_there = len(at) == len(shape) and all(
            0 <= each < most for each, most in zip(at, shape, strict=True)
        )
        return (name, at, value) if is_there else None

    @property
    def example(self) -> str:
        """How the last weight of one of them is written."""
        name, shape = next(iter(self.shapes.items()))
        last = [str(length - 1) for length in shape]
        if self.is_open and len(shape) > 1:
            last[0] = "0"
        return f"{name}:{','.join(last)}:0.25"

    def say_weights(self) -> str:
        """Which weights there are, with their shapes."""
        sizes = {name: list(map(str, shape)) for name, shape in self.shapes.items()}
        if self.is_open:  # the sequence says how many rows there are, and it is not read yet
            sizes |= {name: ["…", *size[1:]] for name, size in sizes.items() if len(size) > 1}
        return ", ".join(f"{name} [{', '.join(size)}]" for name, size in sizes.items())


@dataclass(frozen=True)
class Steps:
    """Some steps that follow each other: `20-24`, or one, `20`; "" for none. How many there are is known where they are shown."""

    def read(self, name: str, given: str, usual: str) -> tuple[str, str]:
        """None, where they are none."""
        span = self.find(given)
        if not given or span:
            return f"{span[0]}-{span[1]}" if span else "", ""
        cause = _("it must be a first and a last step, as 20-24, or one, as 20")
        return usual, changed(name, words.quote(given), usual or _("none"), cause)

    @staticmethod
    def find(given: str) -> tuple[int, int] | None:
        """The first and the last step."""
        first, dash, last = given.partition("-")
        span = words.read_whole(first), words.read_whole(last if dash else first)
        if span[0] is None or span[1] is None or not 0 <= span[0] <= span[1] < MAX_STEPS:
            return None
        return span[0], span[1]


def write_edit(name: str, place: tuple[int, ...], value: float) -> str:
    """As an address has it; see `Edits`."""
    return f"{name}:{','.join(map(str, place))}:{write(value)}"


@dataclass(frozen=True)
class Names:
    """Some of a few names, in any order."""

    allowed: tuple[str, ...]

    def read(self, name: str, given: str, usual: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
        """Those of them that there are."""
        parts = dict.fromkeys(part for part in map(str.strip, given.split(",")) if part)
        known = set(self.allowed)
        kept = tuple(part for part in parts if part in known)
        if len(kept) == len(parts):
            return kept, ""
        wrong = [part for part in parts if part not in known]
        cause = self._say(wrong)
        if not kept:
            return kept, changed(name, words.quote(given), "", cause)
        left_out = ", ".join(words.quote(part) for part in wrong[:_ASKED])
        said = _("of {name}, {given} is left out: {cause}.").format(name=name, given=left_out, cause=cause)
        return kept, said

    def _say(self, wrong: list[str]) -> str:
        """What the names that are none could have been: there are too many to list them all."""
        parts = [part[: words.MOST] for part in wrong[:_ASKED]]
        close = [
            each for part in parts for each in difflib.get_close_matches(part, self.allowed, _ASKED, _CLOSE)
        ]
        if close:
            names = ", ".join(dict.fromkeys(close))
            return _("each must be the name of a control; nearest: {names}").format(names=names)
        names = ", ".join(self.allowed[:_ASKED])
        return _("each must be the name of a control, as {names}; Take along has them all").format(
            names=names
        )


@dataclass(frozen=True)
class Plain:
    """A sentence on one line, of letters that are seen."""

    maximum: int

    def read(self, name: str, given: str, usual: str) -> tuple[str, str]:
        """As much of it as there is room for."""
        line = words.plain_line(given[:MAX_TEXT])
        if len(given) > MAX_TEXT or len(line) > self.maximum:
            told = _("{name} has {given} characters; showing the first {maximum}.").format(
                name=name, given=len(given), maximum=self.maximum
            )
            return line[: self.maximum].rstrip(), told
        if line != given:
            told = _("{name} is shown on one line, without the letters that cannot be seen.").format(
                name=name
            )
            return line, told
        return line, ""


@dataclass(frozen=True)
class Orders:
    """What the units of a cell of some kind and options can be ordered by."""

    kind: Kind
    options: tuple[tuple[str, OptionValue], ...]

    @property
    def allowed(self) -> tuple[str, ...]:
        """All of these."""
        return list_orders(self.kind, dict(self.options))

    def read(self, name: str, given: str, usual: str) -> tuple[str, str]:
        """The default, where the cell has no such order."""
        why = why_no_order(self.kind, given, dict(self.options))
        return (usual, changed(name, words.quote(given), usual, why)) if why else (given, "")


Values = (
    Whole
    | Number
    | Choice
    | Flag
    | Text
    | Device
    | StepName
    | RoomName
    | Units
    | Holds
    | Edits
    | Steps
    | Orders
    | Names
    | Plain
)


# --- The rows

CELL = frozenset({"cells", "kernel", "layout"})
"""What is kept that the weights alone make, by the names that `key` takes."""
_COMPARED = frozenset({"compare", "beside"})
_REMEMBERED = frozenset({"gradients", "contrast", "ledger"})
RUN = frozenset({"trace", "difference", "gates", "summary", "saturation", "step"}) | _COMPARED | _REMEMBERED
"""What is kept that a run makes."""
_ALL = CELL | RUN


def _always(_view: View) -> bool:
    return True


def _with(view: View, name: str, value: Any) -> View:
    # Most of what an address leaves open is there already.
    return view if getattr(view, name) is value else replace(view, **{name: value})


@dataclass(frozen=True)
class Row:
    """A parameter of the address.

    Attributes:
        name: As the address has it; also its field of the view, unless it is one of a `group`.
        values: What it may be, where that depends on the view, by the rows before this one.
        spares: What it does not change of what is kept. Empty where that is not known: it then changes everything.
        matters: Whether a view shows anything of it. Elsewhere it has its default, and no address says it.
        widget: The widget that holds it; "" where none does by itself.
        depends: The default, where that is not one for all; of the view and of the reader's language.
        group: The field of the view that holds it beside others: `options` or `signal`.
        paths: The paths that show it, where not all do; the document shows everything.
        is_last: Whether what it may be depends on the kind's options too.
    """

    name: str
    values: Values | Callable[[View], Values]
    spares: frozenset[str] = frozenset()
    matters: Callable[[View], bool] = _always
    widget: str = ""
    depends: Callable[[View, str], Any] | None = None
    group: str = ""
    paths: frozenset[str] = frozenset()
    is_last: bool = False

    def usual(self, view: View, language: str = "en") -> Any:
        """The default."""
        return self.depends(view, language) if self.depends else getattr(type(view), self.name)

    def get(self, view: View) -> Any:
        """The view's value; the default where it has none."""
        if self.group:
            return dict(getattr(view, self.group)).get(self.name, self.usual(view))
        return getattr(view, self.name)

    def put(self, view: View, value: Any) -> View:
        """The view with another value."""
        if self.group:
            return _with(view, self.group, (*getattr(view, self.group), (self.name, value)))
        return _with(view, self.name, value)

    def of(self, view: View) -> Values:
        """What it may be in a view."""
        return self.values(view) if callable(self.values) else self.values

    def take(self, view: View, held: object) -> Any:
        """What a widget holds; the view's value where that is no value of this parameter.

        Streamlit tells a choice by its label: after a change of language it may be one that is no choice any more.
        """
        if held is None:
            return None if self.usual(view) is None else self.get(view)
        value, last = tuple(held) if isinstance(held, list) else held, self.get(view)
        again, problem = self.of(view).read(self.name, write(value), last)
        return again if not problem and again == value else last


def _usual_sequence(view: View, _language: str) -> str:
    """An address that names no sequence gets one that is long enough."""
    usual = type(view).sequence
    steps = sequences.longest(usual, view.input_size)
    return "sine" if steps is not None and steps < type(view).time_steps else usual


def _usual_weights(view: View, _language: str) -> str:
    """Trained ones where there are any for the sequence; a seed asks for random ones."""
    is_trained = trained.TRAINED in trained.weights(view.sequence) and view.seed == type(view).seed
    return trained.TRAINED if is_trained else type(view).initial_weights


def _is_generated(view: View) -> bool:
    return view.is_generated


def _is_read(*of: str) -> Callable[[View], bool]:
    return lambda view: view.sequence in of


_MEMORY, _COMPARE, _MODEL, _IN_FIGURES, _LEARN = (
    frozenset({name}) for name in (names.MEMORY, names.COMPARE, names.MODEL, names.TAKE_ALONG, names.LEARN)
)
_PINNED = ("gate", "unit")
"""What is pinned in pictures alone: it can be held where it is, and has no control of its own that could be hidden."""

ROWS: tuple[Row, ...] = (
    Row("cell", lambda _view: Choice(tuple(KINDS)), widget="cell"),
    Row("num_units", Whole(1, MAX_UNITS)),  # `size` has its two widgets
    Row("input_size", Whole(1, MAX_INPUT_SIZE), matters=_is_generated, widget="input_size"),
    # It decides which trained weights there are.
    Row("sequence", Choice(SEQUENCES), widget="sequence", depends=_usual_sequence),
    Row("time_steps", Whole(1, MAX_STEPS), CELL, matters=_is_generated, widget="time_steps"),
    Row("seed", Whole(0, MAX_SEED), widget="seed"),
    Row(
        "initial_weights",
        lambda view: Choice(trained.weights(view.sequence)),
        widget="initial_weights",
        depends=_usual_weights,
    ),
    Row("text", Text(), CELL, matters=_is_read(TEXT), widget="text"),
    Row("encoding", Choice(ENCODINGS), CELL, matters=_is_read(TEXT, TEXT_FILE), widget="encoding"),
    Row("alphabet", Text(), CELL, matters=_is_read(TEXT, TEXT_FILE), widget="alphabet"),
    Row("numbers", Text(), CELL, matters=_is_read(NUMBERS), widget="numbers"),
    Row("standardise", Flag(), CELL, matters=_is_read(NUMBERS, CSV), widget="standardise"),
    Row("device", Device(), CELL, widget="device"),
    Row(
        "values", Choice(VALUES), _ALL - {"gates"} - _COMPARED, widget="values", paths=_IN_FIGURES | _COMPARE
    ),
    Row("units", lambda view: Units(view.num_units), _ALL - {"gates"}, widget="units", paths=_IN_FIGURES),
    Row(
        "order",
        lambda view: Orders(view.kind, view.options),
        _ALL - {"gates", "beside", "compare", "gradients", "contrast"},
        widget="order",
        is_last=True,
    ),
    Row("t", Whole(0, MAX_STEPS - 1), _ALL - {"step"} - _REMEMBERED),
    Row("gate", lambda view: Choice(view.recorded), _ALL, matters=lambda view: bool(view.gate)),
    Row("unit", lambda view: Whole(0, view.num_units - 1), _ALL - {"step"} - _REMEMBERED),
    Row("clamp", lambda view: Holds(view.sizes), CELL, is_last=True),
    Row("linear", Flag(), widget="linear"),
    Row("edit", lambda view: Edits(view.shapes, not view.is_generated or bool(view.model)), is_last=True),
    Row("gradients", Flag(), _ALL, widget="gradients", paths=_MEMORY),
    Row("contrast", Flag(), _ALL - {"gradients"}, widget="contrast", paths=_MEMORY),
    Row("pattern", Steps(), _ALL, paths=_MEMORY),
    Row("threshold", Number(-LARGEST, LARGEST), _ALL, widget="threshold", paths=_MEMORY),
    Row("around", Flag(), _ALL, widget="around", paths=_MEMORY),
    Row("layout", lambda _view: Choice(("", *LAYOUTS)), _ALL - {"layout"}, widget="layout", paths=_MODEL),
    Row("tables", Flag(), _ALL, widget="tables", paths=_IN_FIGURES),
    Row("dtype", Choice(DTYPES), widget="dtype"),
    Row("tolerance", Choice(TOLERANCES), _ALL - {"compare"}, widget="tolerance", paths=_COMPARE),
    Row("show", Choice((STRIPS, LIT)), _ALL),
    Row(
        "colour",
        lambda view: Choice(("", *view.recorded, LEDGER), has_likes=False),
        _ALL,
        matters=lambda view: bool(view.colour),
    ),
    Row("step", StepName(), _ALL),
    # How many steps the lesson has is known where it is shown.
    Row("lesson", Whole(1, words.BEYOND, otherwise=1), _ALL, lambda view: not view.step, paths=_LEARN),
    Row("room", RoomName(), _ALL),
    Row("layer", Text()),  # a file's layers are a list of their own
    Row("reverse", Flag(), CELL),  # its widget shows what the file says, where nobody says more
    Row("initial_state", Choice(STARTS), CELL, widget="initial_state"),
    Row("lang", Choice(tuple(LANGUAGES)), widget="lang", depends=lambda _view, language: language),
    Row("hide", lambda _view: Names((*controls(), *PARTS)), _ALL),
    Row("lock", lambda _view: Names((*controls(), *_PINNED)), _ALL),
    Row("note", Plain(MAX_NOTE), _ALL),
)
"""The parameters that any view may have, those first that others depend on."""

_READ = frozenset(
    {"sequence", "input_size", "time_steps", "text", "encoding", "alphabet", "numbers", "standardise", "lang"}
)
"""What says which sequence is read and how, and in which language that is said: the same for a setting and the one beside it."""

_GROUPS: Mapping[str, frozenset[str]] = {
    "options": frozenset(),
    "signal": CELL,
    "versus": _ALL - _COMPARED,
    "engine": CELL,
    "follows": _ALL,
}
"""What the fields of a view that are no parameter by themselves do not change."""


def options(kind: Kind) -> tuple[Row, ...]:
    """The rows of a kind's options."""
    return tuple(_option(option) for option in own_options(kind))


def own_options(kind: Kind) -> tuple[Option, ...]:
    """A kind's options that the address can hold; one that is called as another parameter is stays as it is by default."""
    return tuple(option for option in kind.options if option.name not in _taken())


def kept_options(kind: Kind) -> tuple[Option, ...]:
    """Those that stay as they are."""
    return tuple(option for option in kind.options if option.name in _taken())


def widget_of(option: str) -> str:
    """The widget of an option: by its name where kinds share it; one of a viewer's own could be called as anything here."""
    return option if option in OPTIONS else f"option_{option}"


def _option(option: Option) -> Row:
    usual = float(option.default) if option.type is float and option.default is not None else option.default
    return Row(
        option.name,
        _values(option),
        widget=widget_of(option.name),
        depends=lambda _view, _language: usual,
        group="options",
    )


def _values(option: Option) -> Values:
    if option.type is bool:
        return Flag()
    if option.type is str:
        return Choice(tuple(option.choices))
    if option.type is int:
        return Whole(int(option.minimum), MAX_UNITS, otherwise=int(option.minimum))
    # A cell computes in float32 too: a number beyond it would be another one there.
    return Number(max(option.minimum, -LARGEST), LARGEST)


def signals(sequence: str) -> tuple[Row, ...]:
    """The rows of a sequence's options; none where the data are the viewer's."""
    if sequence not in sequences.GENERATORS:
        return ()
    return tuple(_signal(option) for option in sequences.GENERATORS[sequence].options)


def _signal(option: SignalOption) -> Row:
    return Row(
        option.name,
        Number(option.minimum, option.maximum),
        CELL,
        widget=option.name,
        depends=lambda _view, _language: float(option.default),
        group="signal",
    )


def rows(view: View) -> tuple[Row, ...]:
    """The parameters that matter to a view, those of its kind and of its sequence too."""
    return (
        *(row for row in ROWS if row.matters(view)),
        *options(view.kind),
        *signals(view.sequence),
    )


def controls() -> tuple[str, ...]:
    """The parameters that a control of the page changes: those that a link can hide, or hold at its value."""
    own = (
        row.name
        for row in ROWS
        if row.widget
        or row.name in ("num_units", "t", "clamp", "edit", "step", "layer", "reverse", "pattern")
    )
    of_kinds = (row.name for kind in KINDS.values() for row in options(kind))
    return tuple(dict.fromkeys([*own, *of_kinds, *sorted(signal_names())]))


@cache
def signal_names() -> frozenset[str]:
    """The options of all sequences."""
    return frozenset(row.name for sequence in sequences.GENERATORS for row in signals(sequence))


@cache
def _taken() -> frozenset[str]:
    """The names that no option may have in an address."""
    return frozenset({row.name for row in ROWS} | {*_GROUPS, "model"}) | signal_names()


# --- What goes over all rows


def read(view: View, given: dict[str, str], language: str) -> tuple[View, list[str]]:
    """The view that an address asks for, and a sentence for each parameter that makes no sense; `given` keeps what is left.

    Args:
        view: Where everything has its default.
        given: The parameters; those that the view has are taken out.
        language: The reader's own.
    """
    problems: list[str] = []

    def pick(row: Row, view: View) -> View:
        usual = row.usual(view, language)
        said = given.pop(row.name, None)
        value, problem = (usual, "") if said is None else row.of(view).read(row.name, said, usual)
        if problem:
            problems.append(problem)
        return row.put(view, value)

    for row in ROWS:
        if not row.is_last:
            view = pick(row, view)
    for row in ROWS:
        if not row.matters(view):
            view = row.put(view, row.usual(view, language))
    for row in (*options(view.kind), *signals(view.sequence), *(row for row in ROWS if row.is_last)):
        view = pick(row, view)
    for name in signal_names():  # a link edited by hand may well carry those of other sequences along
        given.pop(name, None)
    return view, problems


def read_widgets(last: View, held: Mapping[str, object]) -> View:
    """The view that the widgets show; what none shows is as in `last`.

    Args:
        last: The view before.
        held: What the widgets hold, by their keys.
    """
    view = last
    for row in ROWS:
        if row.widget in held:
            view = row.put(view, row.take(view, held[row.widget]))
    view = replace(view, options=(), signal=())
    for row in (*options(view.kind), *signals(view.sequence)):
        view = row.put(view, row.take(last, held[row.widget]) if row.widget in held else row.get(last))
    return _follow(last, view)


def _follow(last: View, view: View) -> View:
    """The view with what goes along with what was picked in it."""
    if view.sequence != last.sequence:
        weights = trained.weights(view.sequence)
        if view.initial_weights == last.initial_weights and (
            trained.TRAINED in weights or view.initial_weights not in weights
        ):
            view = replace(view, initial_weights=_usual_weights(view, view.lang))
        if last.sequence in trained.SEQUENCES and view.is_generated and not view.model:
            # The example brought its own, which means nothing to what is made in any size.
            view = replace(view, input_size=type(view).input_size)
        if view.sequence in trained.SEQUENCES and not trained.base(trained.fitted(view)) and not view.model:
            cell, num_units = trained.usual(view.sequence)  # whoever picks an example wants to see it
            view = replace(view, cell=cell, num_units=num_units, options=())
            for row in options(view.kind):
                view = row.put(view, row.usual(view))
    elif view.seed != last.seed and view.initial_weights == last.initial_weights == trained.TRAINED:
        view = replace(view, initial_weights=type(view).initial_weights)
    return view


def hold(last: View, view: View, held: Collection[str]) -> View:
    """A view with some of its parameters as they were in the last one, by their names."""
    cell, sequence = view.cell, view.sequence
    for row in ROWS:
        if row.name in held:
            view = row.put(view, row.get(last))
    if view.cell != cell:
        view = replace(view, options=last.options)
    if view.sequence != sequence:
        view = replace(view, signal=last.signal)
    for row in (*options(view.kind), *signals(view.sequence)):
        before = dict(getattr(last, row.group))
        if row.name in held and row.name in before:
            own = dict(getattr(view, row.group)) | {row.name: before[row.name]}
            view = _with(view, row.group, tuple(own.items()))
    return view


def widgets(view: View) -> dict[str, Any]:
    """What the widgets that hold a parameter by themselves have to show, by their keys."""
    shown = (*ROWS, *options(view.kind), *signals(view.sequence))
    values = {row.widget: row.get(view) for row in shown if row.widget}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def of_run(view: View) -> tuple[Row, ...]:
    """The parameters that make a view's run another one, but for what says which sequence it reads and in which language."""
    return tuple(
        row
        for row in rows(view)
        if "trace" not in row.spares and row.group != "signal" and row.name not in _READ
    )


def in_full(view: View) -> dict[str, str]:
    """All that an address can say of a view but what it is compared with."""
    values = {row.name: row.get(view) for row in rows(view)}
    return {name: write(value) for name, value in values.items() if value is not None}


def apart(view: View, language: str) -> dict[str, str]:
    """What an address has to say of a view: what is not as usual, to a reader of that language."""
    values = {row.name: (row.get(view), row.usual(view, language)) for row in rows(view)}
    return {name: write(value) for name, (value, usual) in values.items() if value != usual}


OTHER = "b."
"""Before a parameter of the setting that a view is compared with."""


def is_shown(name: str, path: str) -> bool:
    """Whether a path shows anything of a parameter; what it does not show stays as it is while it is open."""
    paths = paths_of(name)
    return not paths or path in paths or path == names.DOCUMENT


def paths_of(name: str) -> frozenset[str]:
    """The paths that show a parameter, beside the document; none where all do."""
    if name.startswith(OTHER):
        return _COMPARE
    return next((row.paths for row in ROWS if row.name == name), frozenset())


def without(view: View, what: str) -> View:
    """The view with the default of everything that does not change `what`, a name in `CELL` or `RUN`."""
    spared = {name: getattr(type(view), name) for name, spares in _spares().items() if what in spares}
    return replace(view, **spared)


def keep(last: View, view: View, what: str) -> View:
    """A view with all that does not change `what` as it was in the last one."""
    spared = {name: getattr(last, name) for name, spares in _spares().items() if what in spares}
    return replace(view, **spared)


def key(view: View, what: str) -> tuple[object, ...]:
    """What tells a view's `what`, a name in `CELL` or `RUN`, from another's: all of the view but what does not change it."""
    spares = _spares()
    return tuple(
        getattr(view, field.name) for field in fields(view) if what not in spares.get(field.name, frozenset())
    )


@cache
def _spares() -> Mapping[str, frozenset[str]]:
    return {**{row.name: row.spares for row in ROWS}, **_GROUPS}
