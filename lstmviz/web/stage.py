"""The stage on the page: its numbers, for the route that the browser asks for them, and its component.

While a control is held the browser asks the route alone; the page's script hears of it when the control rests.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Sequence as Sequence_
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from lstmviz import language, plot
from lstmviz.language import _
from lstmviz.plot import stage as stages
from lstmviz.plot.stage_words import player_words, stage_words
from lstmviz.run.ledger import list_ledgers
from lstmviz.run.trace import Trace
from lstmviz.sequences import Sequence
from lstmviz.web import (
    draft,
    fixed,
    limits,
    orders,
    parameters,
    pictures,
    render,
    server,
    trained,
    unmade,
    words,
)
from lstmviz.web import view as views
from lstmviz.web.cost import estimate
from lstmviz.web.draft import Drawn
from lstmviz.web.pictures import Asked
from lstmviz.web.render import Upload
from lstmviz.web.rooms import words as room_words
from lstmviz.web.view import View

_OWN = ("t", "unit", "name", "select")
_HEARD = "stage_heard"  # in the session's state: the number of what the browser said last, as it counts
_LONGEST_NAME = 80
_LONGEST_RUN = 5.0  # seconds


@dataclass(frozen=True)
class Wanted:
    """Numbers that the route can make.

    Attributes:
        key: A name in `NUMBERS`.
        asked: The view that they are of.
        t: The step.
        unit: The unit.
        name: The gate or the state.
        select: Which steps are meant: from one to another, `12-40`, or all that are called so, `=(`.
        more: What else the stage is to be told.
    """

    key: str
    asked: Asked
    t: int
    unit: int
    name: str
    select: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """What it takes, by estimate: the run too, where it is no quick one."""
        cost = estimate(self.asked.view, self.asked.view.time_steps)
        own = orders.seconds(self.asked.view, self.asked.view.time_steps) if self.key == "stage" else 0
        return cost.build + cost.run + (own if own <= orders.LONGEST else 0)

    def make(self) -> bytes | None:
        """The numbers as the browser reads them; None where only the page's script can make them."""
        with language.use(self.asked.view.lang):
            try:
                sequence, view, problems = render.fit(self.asked.view, self.asked.upload)
                if problems or not pictures.can_run(view) or not len(sequence):
                    return None
                if not can_show(view, len(sequence)):
                    return None
                trace = render.dressed_trace(view, sequence, self.asked.upload)
                return NUMBERS[self.key](self, view, sequence, trace)
            except (KeyError, ValueError) as error:
                unmade.note(self.key, error)
                return None

    def within(self, trace: Trace) -> tuple[int, int]:
        """The step and the unit; the last ones where there are not so many."""
        return min(self.t, len(trace) - 1), min(self.unit, trace.cell.num_units - 1)


def read(key: str, query: Mapping[str, str], repeated: Iterable[str] = ()) -> Wanted | None:
    """What an address asks for; None where there is no such view. See `pictures.read`; also `t`, `unit` and `name`."""
    own = {name: query[name] for name in _OWN if name in query}
    asked = pictures.read(
        "gates", {name: value for name, value in query.items() if name not in own}, repeated
    )
    t, unit = (words.read_whole(own.get(name, "0")) for name in ("t", "unit"))
    if asked is None or t is None or unit is None or t < 0 or unit < 0:
        return None
    name, select = (own.get(each, "")[:_LONGEST_NAME] for each in ("name", "select"))
    return Wanted(key, asked, t, unit, name, select)


def _stage(wanted: Wanted, view: View, sequence: Sequence, trace: Trace) -> bytes:
    is_starting = not server.is_warm() and not server.has_failed()
    drawn = (Drawn.WHILE_STARTING if is_starting else Drawn.WHILE_HELD) if view.engine else Drawn.AT_REST
    if "training" in wanted.more:
        drawn = Drawn.WHILE_TRAINED
    apart = None if view.engine else render.difference(view, sequence, wanted.asked.upload)
    told: list[str] = []
    for said in filter(None, (view.say_edited(), view.say_held())):
        told.insert(0, said)
    if weights := trained.tell(view):
        told.insert(0, weights)
    difference = None
    if view.linear:
        if render.is_quick(view, len(sequence)) and not view.edited:
            found = render.fold_difference(view, sequence, trace)
            difference = found if math.isfinite(found) else None
        told.insert(0, _say_folded(difference, is_edited=bool(view.edited)))
    order, why_not = render.unit_order(view, sequence, wanted.asked.upload)
    if why_not:
        title = orders.titles(view)[view.order]
        told.append(_("units as stored, not by {order}: {why}").format(order=title, why=why_not))
    made = stages.make_stage(trace, *wanted.within(trace), order)
    if example := trained.find(view):
        made = stages.with_answers(
            made,
            example.title,
            *trained.answers(example, trace),
            trained.name_answers(example),
            trained.sureness(example, trace),
        )
    return stages.pack(
        made,
        told=" · ".join(told),
        drawn=draft.tell(drawn, render.name_device(view, sequence, trace), apart),
        linear=view.linear,
        difference=difference,
        dtype=view.dtype,
        errors=trained.errors(view),
        look=trained.say_look(view),
        edits=render.told_edits(view),
        hasLedger=bool(list_ledgers(trace.cell)),
        isText=set(sequence.labels) <= set(sequence.features),
        # Who cannot see the pictures hears of them when they rest.
        alternatives={} if view.engine and not is_starting else _describe(trace, *wanted.within(trace)),
        **wanted.more,
    )


def _say_folded(difference: float | None, is_edited: bool) -> str:
    """What has become of the linear layer, and how far h is from what it is where the layer stands in front by itself."""
    folded = _("the linear layer in front is folded into this kernel")
    if is_edited:
        return _(
            "the linear layer in front is folded into this kernel, and its weights are edited after that"
        )
    if difference is None:
        return folded
    apart = _("h is equal to that behind the layer itself")
    if difference:
        apart = _("h differs from that behind the layer itself by at most {most}").format(
            most=draft.round_up(difference)
        )
    return f"{folded} · {apart}"


def _describe(trace: Trace, t: int, unit: int) -> dict[str, str]:
    return {
        "kernel": plot.describe_kernel(trace.cell),
        "step": plot.describe_step(trace, t, unit),
        "gates": plot.describe_gates(trace),
    }


def _steps(wanted: Wanted, _view: View, _sequence: Sequence, trace: Trace) -> bytes:
    return stages.pack(stages.make_steps(trace, *wanted.within(trace)))


def _row(wanted: Wanted, _view: View, _sequence: Sequence, trace: Trace) -> bytes:
    t, unit = wanted.within(trace)
    return stages.pack(stages.make_row(trace, wanted.name, unit, t))


def _number(wanted: Wanted, _view: View, _sequence: Sequence, trace: Trace) -> bytes:
    t, unit = wanted.within(trace)
    return write_json(stages.make_number(trace, t, wanted.name, unit))


def _contrast(wanted: Wanted, _view: View, sequence: Sequence, trace: Trace) -> bytes:
    return write_json(stages.make_contrast(trace, wanted.name, select(wanted.select, sequence.labels)))


def select(asked: str, labels: Sequence_[str]) -> list[int]:
    """The steps that are meant by what an address selects: from one to another, `12-40`, or all that are called so, `=(`."""
    if asked.startswith("="):
        return [t for t, label in enumerate(labels) if label == asked[1:]]
    first, _dash, last = asked.partition("-")
    start, stop = words.read_whole(first), words.read_whole(last)
    if start is None or stop is None:
        return []
    return [*range(max(0, min(start, stop)), min(len(labels), max(start, stop) + 1))]


def write_json(told: Any) -> bytes:
    """As JSON, which has no word for what is no number: there it stands as its name, which `readJson` of `numbers.js` reads."""

    def plain(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: plain(each) for name, each in part.items()}
        if isinstance(part, list):
            return [plain(each) for each in part]
        if isinstance(part, float) and not math.isfinite(part):
            return "NaN" if math.isnan(part) else "Infinity" if part > 0 else "-Infinity"
        return part

    return json.dumps(plain(told), ensure_ascii=False, allow_nan=False).encode()


def can_show(view: View, steps: int) -> bool:
    """Whether a run is short enough for the stage, which shows none on its way and cannot end one."""
    return estimate(view, steps).run < _LONGEST_RUN


NUMBERS: Mapping[str, Callable[[Wanted, View, Sequence, Trace], bytes]] = {
    "stage": _stage,
    "steps": _steps,
    "number": _number,
    "row": _row,
    "contrast": _contrast,
}


# --- The component ----------------------------------------------------------------------------------------------------

_mount = st.components.v2.component("lstmviz_stage", js=server.loader("stage.js"), isolate_styles=False)


def draw(
    view: View,
    upload: Upload | None,
    on_moved: Callable[[dict[str, Any]], None],
    lesson: Mapping[str, Any] | None = None,
    mode: str = "",
    training: Mapping[str, Any] | None = None,
    aside: str = "",
) -> None:
    """Shows the stage of a view.

    Args:
        view: What it shows at rest.
        upload: The viewer's file.
        on_moved: Called before the script runs because the viewer has moved something on the stage, with `num_units`,
            `input_size`, `t`, `unit` and `gate`, a lesson's `step`, and what else of the address was `set`; the browser may
            send anything.
        lesson: What stands beside it, see `lessons.tell`.
        mode: "learn" where the lesson is what the path is for, "present" on a presenter's screen.
        training: What is said of training, see `trainer.offer`.
        aside: What the sentence says first of the view, as it is not the one that the address asks for.
    """

    def moved() -> None:
        # A browser that names another page than the one that is open has moved a stage that is gone.
        sent = st.session_state.get("stage", {}).get("moved")
        if isinstance(sent, dict):
            st.session_state[_HEARD] = _count(sent.get("said"))
            on_moved(sent)

    of = pictures.name(replace(view, t=None, unit=None, gate=""))
    _mount(
        key="stage",
        data=[
            {
                "of": f"{of}&upload={upload.ticket}" if upload else of,
                "heard": st.session_state.get(_HEARD, 0),
                "units": view.num_units,
                "inputs": {
                    "size": view.input_size,
                    "most": limits.MAX_INPUT_SIZE,
                    "canChange": view.is_generated and not view.model,
                },
                "orders": list(orders.titles(view).items()),
                "canEdit": True,
                "engine": render.NUMPY if render.engine_of(view) == render.NUMPY else "",
                "most": limits.MAX_UNITS,
                "canHold": not view.model,
                "look": {"show": view.show, "colour": view.colour},
                "pin": {"t": view.t, "unit": view.unit, "gate": view.gate},
                "words": stage_words(),
                "language": language.current(),
                "player": player_words(),
                "lesson": lesson,
                "fixed": fixed.tell(view),
                "mode": mode,
                "room": room_words.tell(view.room, view.follows, st.session_state.get("followed", {})),
                "share": room_words.share(),
                "present": room_words.present() if mode == "present" else None,
                "training": training,
                "aside": aside,
            }
        ],
        on_moved_change=moved,
    )


def moved(view: View, sent: Mapping[str, Any]) -> View:
    """The view with what a browser says was moved; what is no such number is left out.

    Of who follows a presenter it says what the presenter shows; who begins to look around begins there.
    """
    if isinstance(query := sent.get("follow"), str):
        view = views.follow(view, query)
    view = replace(view, follows=False)
    before = view
    units = _size(sent.get("num_units"), limits.MAX_UNITS)
    if units and not view.model:
        view = replace(view, num_units=units, units=tuple(unit for unit in view.units if unit < units))
    inputs = _size(sent.get("input_size"), limits.MAX_INPUT_SIZE)
    if inputs and view.is_generated and not view.model:
        view = replace(view, input_size=inputs)
    if view.shapes != before.shapes:
        view = views.unedited(view)  # a cell of another size has other weights
    view = views.pinned(view, sent)
    step = sent.get("step")
    if isinstance(step, str) and parameters.STEP.fullmatch(step):
        view = replace(view, step=step, lesson=None)
    if given := {name: value for name, value in asked(sent).items() if name not in view.lock}:
        view = views.with_parameters(view, given)
    return replace(view, follows=bool(view.room) and sent.get("follows") is True)


def asked(sent: Mapping[str, Any]) -> dict[str, str]:
    """The parameters of the address that a browser says were set beside those that are moved on every stage."""
    given = sent.get("set")
    if not isinstance(given, dict):
        return {}
    return {name: value for name, value in given.items() if isinstance(name, str) and isinstance(value, str)}


def _count(given: Any) -> int:
    """How often a browser says that it has said something; it may send anything."""
    return given if isinstance(given, int) and 0 <= given < 2**53 else 0


def _size(given: Any, most: int) -> int | None:
    is_whole = isinstance(given, int) and not isinstance(given, bool)
    return min(max(given, 1), most) if is_whole else None
