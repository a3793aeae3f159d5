"""The lesson of the path Learn: steps and questions, read from a file for each language.

The files are written by people who need not know this code, so what is wrong in one is said by file and step.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lstmviz import language
from lstmviz.language import _
from lstmviz.web import parameters
from lstmviz.web import view as views

FOLDER = Path(__file__).parent.parent / "lessons"
QUESTIONS = "questions"
"""What the address calls the questions at the end."""

PLACEHOLDERS = frozenset({
    "num_units", "input_size", "rows", "columns", "weights", "parameters",
    "forget_bias", "step", "steps", "unit", "c", "h",
    "c_before", "i_mean", "f_mean", "o_mean", "c_size", "h_size",
    "bias_low", "bias_high", "column_i", "column_j", "column_f", "column_o",
})  # fmt: skip
"""What a text can have filled in from what is shown; `lesson_facts.js` knows how."""
FIGURES = ("", "layer", "gates", "partner", "stack", "forget_bias", "linear")
PANELS = ("kernel", "step", "gates")
ROWS = ("concat", "matmul", "bias_add", "split", "forget_bias", "c", "h")
"""What can stand below a line of code; `lesson_rows.js` makes them."""

_MOST_BYTES = 256 * 2**10
_MOST_ENTRIES = 30  # steps, and questions
_MOST_CHARACTERS = 2_000  # of a text
_HOLE = re.compile(r"\{([a-z]\w*)\}")  # what c_{t-1} has is no name
_DONE = re.compile(r"changed \w+|is \w+ \S+|picked \w+( \w+)*|figure")


@dataclass(frozen=True)
class Step:
    """One step. The files themselves say what each field is."""

    name: str
    title: str
    text: str
    key: str
    action: str
    done: tuple[str, ...]
    panel: str
    lights: tuple[str, ...]
    figure: str
    source: str
    notes: str
    start: Mapping[str, str]


@dataclass(frozen=True)
class Question:
    """One question, its answer, and what is set to see it."""

    name: str
    ask: str
    answer: str
    panel: str
    lights: tuple[str, ...]
    show: Mapping[str, str]


@dataclass(frozen=True)
class Lesson:
    """All of a language's steps and questions, and where the lines of code come from."""

    steps: tuple[Step, ...]
    questions: tuple[Question, ...]
    source_file: str

    def find(self, name: str) -> Step | None:
        """The step of that name."""
        return next((step for step in self.steps if step.name == name), None)


@cache
def load(lang: str) -> Lesson:
    """The lesson in a language.

    Raises:
        ValueError: something in the file is wrong; the sentence says in which file, where, and what.
    """
    return read(FOLDER / f"{lang}.toml")


def read(path: Path) -> Lesson:
    """The lesson in a file.

    Raises:
        ValueError: as `load`.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ValueError(_("it is larger than {most:,} bytes").format(most=_MOST_BYTES))
        given = tomllib.loads(content.decode())
    except (OSError, ValueError) as error:  # a TOMLDecodeError is a ValueError, and so are wrong bytes
        raise ValueError(
            _("The lesson {file} cannot be read: {problem}").format(file=path.name, problem=error)
        ) from error
    at = _Place(path.name, "")
    at.allow(given, {"source_file", "steps", "questions"})
    steps = tuple(_read_step(at, each, index) for index, each in enumerate(at.tables(given, "steps")))
    questions = tuple(
        _read_question(at, each, index) for index, each in enumerate(at.tables(given, "questions"))
    )
    for entries in (steps, questions):
        names = [each.name for each in entries]
        at.demand(len(set(names)) == len(names), _("two of {names} are one").format(names=", ".join(names)))
    at.demand(
        QUESTIONS not in [step.name for step in steps],
        _("no step can be called {name}").format(name=QUESTIONS),
    )
    return Lesson(steps, questions, at.text(given, "source_file"))


@dataclass(frozen=True)
class _Place:
    """Where in a file something is, for the sentences about it."""

    file: str
    entry: str

    def demand(self, is_right: bool, problem: str) -> None:
        if is_right:
            return
        where = f"{self.file}, {self.entry}" if self.entry else self.file
        raise ValueError(_("The lesson {file} cannot be read: {problem}").format(file=where, problem=problem))

    def allow(self, given: Mapping[str, Any], known: set[str]) -> None:
        unknown = sorted(set(given) - known)
        self.demand(
            not unknown,
            _("it knows no {names}; there are {known}").format(
                names=", ".join(name[:40] for name in unknown[:5]), known=", ".join(sorted(known))
            ),
        )

    def tables(self, given: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
        found = given.get(name)
        is_list = isinstance(found, list) and all(isinstance(each, dict) for each in found)
        self.demand(
            is_list and 1 <= len(found or ()) <= _MOST_ENTRIES,
            _("{name} must be 1 to {most} tables").format(name=name, most=_MOST_ENTRIES),
        )
        return list(found or ())

    def text(self, given: Mapping[str, Any], name: str, default: str | None = None) -> str:
        found = given.get(name, default)
        self.demand(
            isinstance(found, str) and len(found) <= _MOST_CHARACTERS,
            _("{name} must be a text of at most {most:,} characters").format(
                name=name, most=_MOST_CHARACTERS
            ),
        )
        unknown = sorted(set(_HOLE.findall(str(found))) - PLACEHOLDERS) if name != "source" else []
        self.demand(
            not unknown,
            _("{name} has {unknown} to be filled in; what can be is {known}").format(
                name=name, unknown=", ".join(unknown), known=", ".join(sorted(PLACEHOLDERS))
            ),
        )
        return str(found).strip()

    def choice(self, given: Mapping[str, Any], name: str, allowed: tuple[str, ...], default: str) -> str:
        found = given.get(name, default)
        self.demand(
            found in allowed,
            _("{name} must be one of {allowed}").format(name=name, allowed=", ".join(filter(None, allowed))),
        )
        return str(found)

    def words(self, given: Mapping[str, Any], name: str) -> tuple[str, ...]:
        found = given.get(name, [])
        is_list = isinstance(found, list) and all(isinstance(each, str) for each in found)
        self.demand(is_list, _("{name} must be a list of texts").format(name=name))
        return tuple(found)

    def setting(self, given: Mapping[str, Any], name: str) -> dict[str, str]:
        """Parameters of the address with their values, as the address writes them."""
        found = given.get(name, {})
        self.demand(
            isinstance(found, dict) and all(isinstance(value, str | int | float) for value in found.values()),
            _("{name} must be a table of parameters of the address").format(name=name),
        )
        written = {key: _write(value) for key, value in found.items()}
        problems = views.parse(written)[1]
        self.demand(not problems, f"{name}: {' '.join(problems)}")
        return written


def _write(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _begin(at: _Place, given: Mapping[str, Any], what: str, index: int) -> _Place:
    name = given.get("name")
    here = _Place(at.file, f"{what} {name if isinstance(name, str) else index + 1}"[:60])
    here.demand(
        isinstance(name, str) and bool(parameters.STEP.fullmatch(name)),
        _("its name must be 1 to 40 small letters, digits, - and _"),
    )
    return here


def _read_step(at: _Place, given: Mapping[str, Any], index: int) -> Step:
    here = _begin(at, given, _("step"), index)
    here.allow(given, set(Step.__dataclass_fields__))
    step = Step(
        name=given["name"],
        title=here.text(given, "title"),
        text=here.text(given, "text"),
        key=here.text(given, "key"),
        action=here.text(given, "action"),
        done=here.words(given, "done"),
        panel=here.choice(given, "panel", PANELS, PANELS[0]),
        lights=here.words(given, "lights"),
        figure=here.choice(given, "figure", FIGURES, ""),
        source=here.text(given, "source", ""),
        notes=here.text(given, "notes", ""),
        start=here.setting(given, "start"),
    )
    _check_lights(here, step.lights)
    here.demand(
        bool(step.done) and all(_DONE.fullmatch(each) for each in step.done),
        _('done must be among "changed NAME", "is NAME VALUE", "picked NAME …" and "figure"'),
    )
    here.demand(
        "figure" not in step.done or step.figure in ("partner", "stack"),
        _("no figure of this step says when it is done"),
    )
    for line in step.source.splitlines():
        row = line.removeprefix(">>>").strip()
        here.demand(
            not line.startswith(">>>") or row in ROWS,
            _("below a line of code can stand {known}").format(known=", ".join(ROWS)),
        )
    return step


def _read_question(at: _Place, given: Mapping[str, Any], index: int) -> Question:
    here = _begin(at, given, _("question"), index)
    here.allow(given, set(Question.__dataclass_fields__))
    question = Question(
        name=given["name"],
        ask=here.text(given, "ask"),
        answer=here.text(given, "answer"),
        panel=here.choice(given, "panel", PANELS, PANELS[0]),
        lights=here.words(given, "lights"),
        show=here.setting(given, "show"),
    )
    _check_lights(here, question.lights)
    return question


def _check_lights(at: _Place, lights: tuple[str, ...]) -> None:
    at.demand(
        set(lights) <= set(PANELS),
        _("{name} must be one of {allowed}").format(name="lights", allowed=", ".join(PANELS)),
    )


# --- For the page -----------------------------------------------------------------------------------------------------


def tell(lesson: Lesson, step: str) -> dict[str, Any]:
    """What the browser draws a lesson from; `step` is where it is opened."""
    is_there = step == QUESTIONS or lesson.find(step)
    return {**asdict(lesson), "step": step if is_there else lesson.steps[0].name, "words": _words()}


def step_of(lesson: Lesson, view: views.View) -> str:
    """The name of the step that a view opens, also where it has its number."""
    if view.step or not view.lesson:
        return view.step
    return lesson.steps[min(view.lesson, len(lesson.steps)) - 1].name


def missing(lesson: Lesson, view: views.View) -> Iterator[str]:
    """A sentence where there is no such step."""
    if view.step and view.step != QUESTIONS and not lesson.find(view.step):
        names = ", ".join([*(each.name for each in lesson.steps), QUESTIONS])
        cause = _("there are {names}").format(names=names)
        yield parameters.changed("step", view.step, lesson.steps[0].name, cause)
    if not view.step and (view.lesson or 0) > len(lesson.steps):
        cause = _("the lesson has {count} steps").format(count=len(lesson.steps))
        yield parameters.changed("lesson", view.lesson, len(lesson.steps), cause)


def start(query: Mapping[str, str]) -> dict[str, str]:
    """What the step that an address opens starts from, and the address does not say; nothing that it holds."""
    lesson = load(language.current())
    asked = {name: query[name] for name in ("step", "lesson", "lock") if name in query}
    view, _problems = views.parse(asked)
    found = lesson.find(step_of(lesson, view))
    given = found.start if found else {}
    return {name: value for name, value in given.items() if name not in query and name not in view.lock}


def _words() -> dict[str, str]:
    return {
        "steps": _("Steps"),
        "back": _("Back"),
        "next": _("Next"),
        "questions": _("Questions"),
        "answer": _("Questions that the stage answers"),
        "find": _("Look for the answer on the stage first; **Show me** sets the stage so that it is seen."),
        "show": _("Show me"),
        "key": _("The key"),
        "done": _("done"),
        "other": _(
            "These steps are about the LSTM. On the stage is {kind}, with other gates or other rules."
        ),
        "return": _("Back to {kind}").format(kind=views.View.cell),
        "nodes": _("nodes of f"),
        "alone": _("Products without a partner: {count}"),
        "paired": _("Every product has its partner."),
        "build": _("× 4, build"),
        "cut": _("÷ 4, use"),
        "stacked": _("one kernel [{rows}, {columns}]"),
        "pieces": _("the sums [1, {columns}], cut in four of [1, {units}]"),
        "apart": _("four layers, each [{rows}, {units}]"),
        "inputs": _("x, input_size {count}"),
        "layer": _("the layer, num_units {count}"),
        "linear": _("linear layer in front"),
        "equal": _(
            "Run both ways over this sequence: h differs by at most {difference}, the rounding of {dtype}."
        ),
        "gate": _("f of unit {unit}"),
    }
