"""How open and how saturated each gate was, in small histograms."""

from __future__ import annotations

from typing import Any

from lstmviz.language import _
from lstmviz.plot import theme as themes
from lstmviz.run.trace import GateSummary, Trace

_ACROSS = 2  # histograms in a row: what a phone can show
_HEIGHT, _TITLE, _TOP = 90, 92, 0  # pixels


def draw_summary(trace: Trace) -> dict[str, Any]:
    """The plain dictionary of the summary's figure."""
    gates = trace.cell.kind.gates
    lines = -(-len(gates) // _ACROSS)
    height = lines * (_HEIGHT + _TITLE)
    layout = themes.base_layout("", height + _TOP + 24) | {
        "margin": {"l": 8, "r": 8, "t": _TOP, "b": 24},
        "bargap": 0.06,
        "annotations": [],
    }
    data = []
    for index, (gate, summary) in enumerate(zip(gates, trace.summary().values(), strict=True)):
        line, column = divmod(index, _ACROSS)
        top = 1 - (line * (_HEIGHT + _TITLE) + _TITLE) / height
        left = column / _ACROSS + (0.02 if column else 0)
        right = (column + 1) / _ACROSS - (0.02 if column < _ACROSS - 1 else 0)
        number = "" if not index else str(index + 1)
        layout[f"xaxis{number}"] = themes.axis(domain=[left, right], anchor=f"y{number}", nticks=4, ticks="outside",
                                               fixedrange=True)  # fmt: skip
        layout[f"yaxis{number}"] = themes.axis(
            domain=[top - _HEIGHT / height, top],
            anchor=f"x{number}",
            showticklabels=False,
            rangemode="tozero",
            fixedrange=True,
        )
        middles = (summary.edges[:-1] + summary.edges[1:]) / 2
        data.append(
            {"type": "bar", "x": middles, "y": summary.counts.tolist(), "xaxis": f"x{number}", "yaxis": f"y{number}",
             "marker": {"color": themes.GATES[index % len(themes.GATES)]},
             "hovertemplate": f"<b>{gate.name}</b> %{{x:.2f}}: %{{y:,}}<extra></extra>"}
        )  # fmt: skip
        layout["annotations"].append(
            {"text": f"<b>{gate.name}</b> {_(gate.title)}<br>{_say(summary)}", "showarrow": False, "xref": "paper",
             "yref": "paper", "x": left, "y": top, "xanchor": "left", "yanchor": "bottom", "align": "left", "yshift": 2}
        )  # fmt: skip
    return {"data": data, "layout": layout}


def _say(summary: GateSummary) -> str:
    if not summary.counts.any():
        return _("no values")
    mean = _("mean {mean:.2f}").format(mean=round(summary.mean, 2) + 0.0)  # never -0.00
    if summary.low is None or summary.high is None:
        return mean
    return f"{mean}<br>" + _("saturated: {low:.0%} low, {high:.0%} high").format(
        low=summary.low, high=summary.high
    )
