"""How open and how saturated each gate was, in small histograms."""

from __future__ import annotations

from typing import Any

from lstmviz.cells import Gate
from lstmviz.language import _
from lstmviz.plot import theme as themes
from lstmviz.plot.names import gate_title
from lstmviz.plot.panels import Margins, Panel, Row, Sheet, build, head
from lstmviz.run.trace import GateSummary, Trace

_ACROSS = 2  # histograms in a row: what a phone can show
_HEIGHT, _TITLE = 90, 92  # pixels
_APART = 0.02  # of the width, on either side of the middle


def draw_summary(trace: Trace) -> dict[str, Any]:
    """The plain dictionary of the summary's figure."""
    gates = list(zip(trace.cell.kind.gates, trace.summary().values(), strict=True))
    colours = themes.gate_colours([gate.name for gate in trace.cell.kind.gates])
    panels = [_draw_histogram(index, *each, colours[each[0].name]) for index, each in enumerate(gates)]
    rows = [Row(panels[k : k + _ACROSS], _HEIGHT, _TITLE) for k in range(0, len(panels), _ACROSS)]
    return build(Sheet("", rows, Margins(8, 8, 0, 24), layout={"bargap": 0.06}))


def _draw_histogram(index: int, gate: Gate, summary: GateSummary, colour: str) -> Panel:
    column = index % _ACROSS
    left = column / _ACROSS + (_APART if column else 0)
    right = (column + 1) / _ACROSS - (_APART if column < _ACROSS - 1 else 0)
    bars = {
        "type": "bar",
        "x": (summary.edges[:-1] + summary.edges[1:]) / 2,
        "y": summary.counts.tolist(),
        "marker": {"color": colour},
        "hovertemplate": f"<b>{gate.name}</b> %{{x:.2f}}: %{{y:,}}<extra></extra>",
    }
    words = f"<b>{gate.name}</b> {gate_title(gate)}<br>{_say(summary)}"
    return Panel(
        themes.axis(showticklabels=False, rangemode="tozero", fixedrange=True),
        [bars],
        head(words, align="left", yshift=2),
        across=themes.axis(nticks=4, ticks="outside", fixedrange=True),
        span=(left, right),
    )


def _say(summary: GateSummary) -> str:
    if not summary.counts.any():
        return _("no values")
    mean = _("mean {mean:.2f}").format(mean=round(summary.mean, 2) + 0.0)  # never -0.00
    if summary.low is None or summary.high is None:
        return mean
    return f"{mean}<br>" + _("saturated: {low:.0%} low, {high:.0%} high").format(
        low=summary.low, high=summary.high
    )
