"""The builder of figures of panels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmviz.plot.panels import (
    ABOVE,
    BELOW,
    Margins,
    Note,
    Panel,
    Row,
    Sheet,
    build,
    head,
    measure,
    share_height,
)

MARGINS = Margins(50, 8, 60, 40)
AXIS = {"range": [2.5, -0.5]}
ACROSS = {"range": [-0.5, 4.5]}


def panel(words="", **given):
    return Panel(AXIS, [{"type": "heatmap", "name": words}], head(words) if words else (), **given)


@given(st.lists(st.tuples(st.integers(1, 300), st.integers(0, 90)), min_size=1, max_size=12))
def test_rows_have_their_pixels_and_never_overlap(sizes):
    rows = [Row([panel()], height, gap) for height, gap in sizes]
    total, shares = measure(rows), share_height(rows)
    for (low, high), (height, _gap) in zip(shares, sizes, strict=True):
        assert (high - low) * total == pytest.approx(height)
    for (low, _high), (_low, high), row in zip(shares, shares[1:], rows[1:], strict=False):
        assert (low - high) * total == pytest.approx(row.gap, abs=1e-9)
    assert shares[-1][0] == 0 and shares[0][1] <= 1


def test_panels_that_share_an_axis_come_before_those_with_their_own_wherever_they_stand():
    own = [panel(words, across=ACROSS, span=span) for words, span in (("a", (0, 0.4)), ("b", (0.6, 1)))]
    figure = build(
        Sheet(
            "t", [Row(own, 90), Row([panel("c")], 60, 20), Row([panel("d")], 60, 20)], MARGINS, across=ACROSS
        )
    )
    places = {trace["name"]: (trace.get("xaxis", "x"), trace["yaxis"]) for trace in figure["data"]}
    assert places == {"c": ("x", "y"), "d": ("x", "y2"), "a": ("x2", "y3"), "b": ("x3", "y4")}
    layout = figure["layout"]
    assert layout["xaxis"]["anchor"] == "y2"  # below the last of those that share it
    assert layout["xaxis3"]["domain"] == [0.6, 1] and layout["yaxis4"]["anchor"] == "x3"
    assert layout["yaxis3"]["domain"][0] > layout["yaxis"]["domain"][1]


def test_what_is_different_on_a_phone_names_the_note_that_it_belongs_to():
    above = Note("first", ABOVE)
    notes = head("panel", "bar", {"text": "short"})
    below = Note("last", BELOW, {"font.size": 11})
    one = Panel(AXIS, [], notes)
    layout = build(Sheet("t", [Row([one], 50)], MARGINS, across=ACROSS, above=[above], below=[below]))[
        "layout"
    ]
    assert [note["text"] for note in layout["annotations"]] == ["first", "panel", "bar", "last"]
    assert layout["meta"]["narrow"] == {"annotations[1].text": "short", "annotations[3].font.size": 11}


def test_a_panels_notes_stand_at_its_own_edges():
    rows = [Row([panel("a", across=ACROSS, span=(0.5, 1))], 50), Row([panel("b", across=ACROSS)], 50, 100)]
    upper, lower = build(Sheet("t", rows, MARGINS))["layout"]["annotations"]
    assert (upper["x"], upper["y"]) == (0.5, 1) and (lower["x"], lower["y"]) == (0, 0.25)


def test_a_figure_is_as_high_as_its_panels_and_the_larger_margins_of_a_phone():
    rows = [Row([panel()], 50), Row([panel()], 70, 25)]
    margins = Margins(50, 8, 60, 40, phone_top=90)
    layout = build(Sheet("t", rows, margins, across=ACROSS))["layout"]
    assert layout["height"] == 50 + 25 + 70 + 90 + 40
    assert layout["margin"]["t"] == 60 and layout["meta"]["narrow"] == {"margin.t": 90}


def test_lines_run_before_the_rows_and_columns_that_are_named():
    own = panel(across=ACROSS, rows_apart=[1], columns_apart=[2, 3])
    rows = [Row([panel(rows_apart=[2], level=0.5)], 50), Row([panel()], 50), Row([own], 40)]
    shapes = build(Sheet("t", rows, MARGINS, across=ACROSS, columns_apart=[4]))["layout"]["shapes"]
    down, across, level, grid = shapes
    assert down["path"].startswith("M3.5,") and (down["xref"], down["yref"]) == ("x", "paper")
    assert across["path"] == "M0,1.5H1" and across["yref"] == "y"
    assert (level["y0"], level["yref"]) == (0.5, "y")
    assert grid["path"] == "M1.5,-0.5V2.5M2.5,-0.5V2.5M-0.5,0.5H4.5"
    assert (grid["xref"], grid["yref"]) == ("x2", "y3")


def test_no_shapes_and_no_notes_for_a_phone_are_none_at_all():
    layout = build(Sheet("t", [Row([panel()], 50)], MARGINS, across=ACROSS))["layout"]
    assert "shapes" not in layout and "meta" not in layout
