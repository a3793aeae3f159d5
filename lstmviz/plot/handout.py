"""The stage of one run as one file that opens without a network: play, hover and what is taken apart, in the browser alone.

The page's own modules stand in it, and what the server would be asked for. How large it may get is bounded: all steps are in it,
and each unit's own numbers for as many units as there is room for.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from lstmviz import plot
from lstmviz.language import _, current
from lstmviz.plot import stage as stages
from lstmviz.plot import theme as themes
from lstmviz.plot.bundle import bundle
from lstmviz.plot.stage import Stage
from lstmviz.plot.stage_words import player_words, stage_words
from lstmviz.run.trace import Trace

MAX_BYTES = 8 * 2**20
"""Of the numbers in a file, as it has them: all that the stage shows, then the units' own as far as there is room."""
MAX_TERMS = 500_000
"""Of the numbers that are taken apart, each by itself; a file of so many is made in seconds."""
_EACH = 100  # terms take as long as what else there is to do for a number

_HERE = Path(__file__).parent
_FOLDERS = (_HERE.parent / "web" / "js", _HERE)


@dataclass(frozen=True)
class Told:
    """What a file says beside its run.

    Attributes:
        link: The address of the view, to return to it; "" for none.
        name: What the layer is called, for the title; "" for nothing.
        notes: What there is to know of the layer or the run, a paragraph each.
        beside: What stands behind the sentence about the sizes: the device, what is held.
    """

    link: str = ""
    name: str = ""
    notes: tuple[str, ...] = ()
    beside: str = ""


def handout_html(
    trace: Trace,
    told: Told | None = None,
    *,
    t: int = 0,
    unit: int = 0,
    gate: str = "",
    dark: bool = False,
    stage: Stage | None = None,
) -> bytes:
    """The stage of a run as one HTML file: kernel, cell and strips, played and pointed at as on the page, at one `num_units`.

    Args:
        trace: The run.
        told: What the file says beside it.
        t: The step that it opens at.
        unit: The unit that it opens at.
        gate: The gate or the state that is taken apart at first; "" for none.
        dark: In the dark theme.
        stage: The run's stage, where it has more than `make_stage` tells.

    Raises:
        ValueError: there is no such step or unit, or the run has no steps.
    """
    if not len(trace):
        raise ValueError(_("The sequence has no steps: there is nothing to play."))
    told = told or Told(beside=trace.device)
    made = stage or stages.make_stage(trace, t, unit)
    packed = stages.pack(
        replace(made, head={"errors": {}, "look": "", **made.head}),
        told=told.beside,
        linear=False,
        difference=None,
        dtype=trace.cell.dtype.name,
        hasLedger=False,
        isText=False,
        alternatives={
            "kernel": plot.describe_kernel(trace.cell),
            "step": plot.describe_step(trace, t, unit),
            "gates": plot.describe_gates(trace),
        },
    )
    parts = {"lv-stage": _pack(packed)}
    units = _add_units(parts, trace, unit)
    missing = _say_units(units, trace.cell.num_units)
    contents = {
        "firsts": _firsts(trace, unit) if units else [],
        "names": list(_names(trace)),
        "units": units,
        "missing": missing,
        "told": _tell_stage(trace, {"t": t, "unit": unit, "gate": gate}),
    }
    return _write(trace, told, contents, parts, missing if len(units) < trace.cell.num_units else "", dark)


# --- What is in it


def _names(trace: Trace) -> Iterator[str]:
    """What can be taken apart."""
    yield from dict.fromkeys([*trace.gates, *trace.states])


def _firsts(trace: Trace, unit: int) -> list[int]:
    return [made.head["step"]["first"] for made in _steps(trace, unit)]


def _steps(trace: Trace, unit: int) -> Iterator[Stage]:
    """All steps of a unit, as many at once as are told at once; each begins behind the one before, or within it."""
    made = stages.make_steps(trace, 0, unit)
    while True:
        yield made
        step = made.head["step"]
        end = step["first"] + step["count"]
        if end >= len(trace):
            return
        made = stages.make_steps(trace, min(len(trace) - 1, end + step["count"] // 2), unit)


def _add_units(parts: dict[str, str], trace: Trace, first: int) -> list[int]:
    """Adds each unit's own parts, and gives the units that there was room for: the one that is opened, then from 0."""
    units: list[int] = []
    room, left = MAX_BYTES - sum(map(len, parts.values())), MAX_TERMS
    each = len(trace) * len([*_names(trace)]) * (trace.cell.input_size + trace.cell.num_units + _EACH)
    for unit in dict.fromkeys([first, *range(trace.cell.num_units)]):
        left -= each
        if left < 0:
            break
        found = _pack_unit(trace, unit)
        room -= sum(map(len, found.values()))
        if room < 0:
            break
        parts |= found
        units.append(unit)
    return units


def _pack_unit(trace: Trace, unit: int) -> dict[str, str]:
    taken = [_take_apart(trace, t, name, unit) for t in range(len(trace)) for name in _names(trace)]
    found = {f"lv-numbers-{unit}": _pack(_json(taken).encode())}
    for place, made in enumerate(_steps(trace, unit)):
        found[f"lv-steps-{unit}-{place}"] = _pack(stages.pack(made))
    return found


def _take_apart(trace: Trace, t: int, name: str, unit: int) -> dict[str, Any] | None:
    """A number taken apart; None where a state has no such unit."""
    if name not in trace.gates and unit >= trace.states[name].shape[1]:
        return None
    return stages.make_number(trace, t, name, unit)


def _say_units(units: list[int], count: int) -> str:
    """Whose numbers are in the file, where not everybody's."""
    if not units:
        return _(
            "The run is too long for this file to hold any unit's own numbers; the strips and the weights are all here."
        )
    # The one that is opened, and those from 0 on.
    last = next(unit for unit in range(count + 1) if unit not in units)
    runs = [f"0\u2013{last - 1}" if last > 2 else ", ".join(map(str, range(last)))] if last else []
    names = ", ".join([*runs, *(str(unit) for unit in units if unit > last)])
    return _(
        "This file holds the own numbers of these units: {names}; of the others, {rest} in all, the strips and the weights alone."
    ).format(names=names, rest=count - len(units))


def _tell_stage(trace: Trace, pin: Mapping[str, Any]) -> dict[str, Any]:
    """What the page's script would tell the stage. Its sizes are printed: nothing computes here what other ones would show."""
    cell = trace.cell
    return {
        "of": f"num_units={cell.num_units}",
        "units": cell.num_units,
        "inputs": {"size": cell.input_size, "most": cell.input_size, "canChange": False},
        "engine": "",
        "most": cell.num_units,
        "canHold": False,
        "pin": dict(pin),
        "words": stage_words(),
        "player": player_words(),
        "lesson": None,
        "fixed": {
            "hide": ["num_units", "input_size", "clamp"],
            "lock": [],
            "kept": {},
            "held": "",
            "would": "",
        },
    }


# --- The file


def _pack(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, 6, mtime=0)).decode()


def _json(told: Any) -> str:
    """As JSON that can stand within a script's element; what is no number stands as its name."""

    def plain(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: plain(each) for name, each in part.items()}
        if isinstance(part, list | tuple):
            return [plain(each) for each in part]
        if isinstance(part, float) and not math.isfinite(part):
            return "NaN" if math.isnan(part) else "Infinity" if part > 0 else "-Infinity"
        return part

    return json.dumps(plain(told), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")


def _write(
    trace: Trace, told: Told, contents: Mapping[str, Any], parts: Mapping[str, str], missing: str, dark: bool
) -> bytes:
    cell = trace.cell
    background, text = themes.PAGE["dark" if dark else "light"]
    sizes = f"{cell.kind.name} · num_units {cell.num_units} · input_size {cell.input_size}"
    title = f"{told.name}: {sizes}" if told.name else sizes
    facts = [html.escape(trace.sequence.title)] if trace.sequence.title else []
    if told.link:
        words = html.escape(_("Open this view"))
        facts.append(f'<a href="{html.escape(told.link)}">{words}</a>')
    notes = [note for note in (*told.notes, missing) if note]
    return f"""<!doctype html>
<html lang="{current()}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>
<style>{_read("stage.css")}
:root {{ --st-background-color: {background}; --st-text-color: {text}; --st-primary-color: {"#ff5fa2" if dark else "#c2185b"};
color-scheme: {"dark" if dark else "light"} }}
body {{ font-family: "Source Sans 3", "Source Sans Pro", "Segoe UI", Roboto, "Hiragino Sans", "Noto Sans", sans-serif; margin: 0;
padding: .5rem 1.5rem 0; background: {background}; color: {text}; overflow-wrap: anywhere }}
a {{ color: inherit }} h1 {{ font-size: 1.3rem; margin: 0 }} header p {{ margin: .1rem 0; font-size: .9rem }}</style></head>
<body><header><h1>{html.escape(title)}</h1>{"".join(f"<p>{fact}</p>" for fact in [" · ".join(facts)] if fact)}
{"".join(f"<p>{html.escape(note)}</p>" for note in notes)}</header>
<main id="lv-here"></main>
<script type="application/json" id="lv-contents">{_json(contents)}</script>
{"".join(f'<script type="text/plain" id="{key}">{part}</script>' for key, part in parts.items())}
<script type="module">{_script()}</script>
</body></html>
""".encode()


@cache
def _read(name: str) -> str:
    (path,) = (folder / name for folder in _FOLDERS if (folder / name).exists())
    return path.read_text(encoding="utf-8")


@cache
def _script() -> str:
    """The stage's modules as one, in the order in which they need each other."""
    return bundle("handout.js", _read)
