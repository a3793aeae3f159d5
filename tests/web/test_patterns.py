"""The search for patterns on Memory, beside the library's own and a loop over all stretches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.run.search import Found, Place
from lstmviz.web import limits, patterns, render
from lstmviz.web.view import View, parse, to_query

TEXT = "(ab)c(ab)(a)cc(ab)"
QUERY = {"sequence": "text", "text": TEXT, "num_units": "8", "seed": "7", "threshold": "0.05"}


def _fit(**query: str):
    view, problems = parse(QUERY | query)
    sequence, view, more = render.fit(view, None)
    assert problems == more == []
    return sequence, view


def test_an_address_says_which_pattern_is_searched_for():
    _sequence, view = _fit(pattern="1-3", around="false")
    query = to_query(view)
    assert (query["pattern"], query["threshold"], query["around"]) == ("1-3", "0.05", "false")
    assert parse(query)[0].pattern == "1-3" and parse(query)[0].around is False


@pytest.mark.parametrize("given", ["3-1", "a-b", "1-", "-1", "-1-2", "1-99999999", "1-2-3", "²-3"])
def test_a_pattern_that_is_no_steps_is_left_out_and_told(given):
    view, problems = parse(QUERY | {"pattern": given})
    assert view.pattern == "" and problems[0].startswith("pattern was ") and "20-24" in problems[0]


def test_one_step_is_a_pattern_too():
    assert parse(QUERY | {"pattern": "3"})[0].pattern == "3-3"


def test_the_page_finds_what_the_library_finds():
    for around in ("true", "false"):
        sequence, view = _fit(pattern="4-4", around=around)
        done = patterns.find(view, sequence, None)
        trace = lv.run(render.load_cell(view), sequence, engine="numpy")
        expected = lv.search(trace, (4, 5), threshold=0.05, around=around == "true")
        assert done.found.units and done.found.places and done.found == expected
        table = patterns.table(done, len(sequence))
        assert table["from step"] == [place.start for place in expected.places]


def _stretches(h: np.ndarray, units: tuple[int, ...], threshold: float) -> dict[tuple[int, int], set[int]]:
    found: dict[tuple[int, int], set[int]] = {}
    for unit in units:
        on, start = h[:, unit] >= threshold, None
        for t in range(len(h) + 1):
            if t < len(h) and on[t]:
                start = t if start is None else start
            elif start is not None:
                found.setdefault((start, t), set()).add(unit)
                start = None
    return found


def test_a_further_text_is_searched_exactly_and_apart_from_the_sequence(monkeypatch):
    monkeypatch.setattr(patterns, "_CHUNK", 7)  # some pieces
    sequence, view = _fit(pattern="4-4")
    further = "ab)(ab)cca(b(ab)ab" * 3
    done = patterns.find(view, sequence, None, further)
    cell = render.load_cell(view)
    alphabet = "".join(sequence.features)
    one = lv.run(cell, sequence, engine="numpy").states["h"]
    other = lv.run(cell, lv.sequences.from_text(further, alphabet=alphabet), engine="numpy").states["h"]
    expected = {
        (start + first, stop + first): units
        for first, h in ((0, one), (len(one) + 1, other))
        for (start, stop), units in _stretches(h, done.found.units, 0.05).items()
    }
    own = expected.pop(done.found.steps)
    assert set(done.found.units) <= own
    assert done.found.total == len(expected)
    for place in done.found.places:
        assert expected[place.start, place.stop] == set(place.units)
    table = patterns.table(done, len(sequence))
    for where, start, quoted in zip(table["in"], table["from step"], table["there"], strict=True):
        text = TEXT if where == "this sequence" else further
        assert quoted.partition("⟦")[2][:1] == text[start]
    assert "the further text" in table["in"] and "this sequence" in table["in"]


def test_a_further_text_of_other_characters_or_too_many_is_refused(monkeypatch):
    sequence, view = _fit(pattern="1-2")
    with pytest.raises(ValueError, match=r"characters that this sequence has not: 'x' 'é'\. It is"):
        patterns.find(view, sequence, None, "abxéx")
    monkeypatch.setattr(limits, "MAX_SEARCH", 5)
    with pytest.raises(ValueError, match="has 6 characters; with 8 units at most 5 are searched"):
        patterns.find(view, sequence, None, "ababab")


def test_where_units_are_on_around_the_steps_too_they_are_told():
    sequence, view = _fit(pattern="4-5")
    h = render.load_trace(view, sequence, None).states["h"]
    every = float(h.min()) - 1  # at this all units are on everywhere, so none is off around any steps
    asked = patterns.find(replace(view, threshold=every), sequence, None)
    assert asked.found.units == () and asked.on == tuple(range(view.num_units))
    assert patterns.find(replace(view, threshold=2.0), sequence, None).on == ()  # no h is


@pytest.mark.parametrize(
    ("held", "picked"), [((0, 0), ""), ((0, 1), "0-1"), ((2, 0), "0-2"), ((None, 0), "")]
)
def test_what_stands_in_the_fields_is_no_pick_until_it_is_another(monkeypatch, held, picked):
    _sequence, view = _fit(pattern="")
    state = {"view": view, "pattern_first": held[0], "pattern_last": held[1], "pattern_drawn": (0, 0)}
    monkeypatch.setattr(patterns.st, "session_state", state)
    patterns._pick()
    assert state["view"].pattern == picked


def test_a_run_that_takes_too_long_is_not_begun(monkeypatch):
    sequence, view = _fit(pattern="1-2")
    monkeypatch.setattr(limits, "MAX_RUN", 1e-6)
    with pytest.raises(ValueError, match="takes about"):
        patterns.find(view, sequence, None, "ababab")


def test_steps_that_a_sequence_has_not_are_said():
    sequence, view = _fit(pattern="50-60")
    with pytest.raises(ValueError, match="The pattern is 50-60; the sequence has the steps 0 to 17"):
        patterns.find(view, sequence, None)
    assert patterns.read("15-60", 18) == (15, 18)
    assert patterns.read("0-5000", 9000) == (0, 200)


def test_a_pattern_that_ends_behind_the_sequence_or_is_too_long_is_said_to_be_cut():
    assert patterns.cut("15-60", 18) == "pattern was 15-60; showing 15-17: the sequence has 18 steps."
    assert (
        patterns.cut("0-5000", 9000) == "pattern was 0-5000; showing 0-199: a pattern has at most 200 steps."
    )
    assert patterns.cut("15-17", 18) == patterns.cut("0-199", 9000) == ""
    assert patterns.cut("50-60", 18) == "", "of which nothing is left: the search says so"


def test_a_step_at_which_two_places_begin_is_offered_once_and_leads_to_the_better():
    better, other, further = (
        Place(3, 5, (0, 1)),
        Place(3, 9, (1,)),
        Place(40, 42, (0,)),
    )
    done = patterns.Searched(Found((1, 3), (0, 1), (better, other, further), 3), 31, ("",) * 60, 0.1)
    assert patterns.starts(done, 30) == {3: better}


def test_years_are_told_by_their_names():
    view, _problems = parse({"pattern": "3-4"})
    sequence, view, _more = render.fit(view, None)
    done = patterns.find(view, sequence, None)
    assert not patterns.is_text(sequence)
    if done.found.places:
        assert "⟦" not in patterns.table(done, len(sequence))["there"][0]


def test_the_run_over_a_further_text_is_kept_while_the_threshold_moves_and_only_the_last(monkeypatch):
    ran = []
    monkeypatch.setattr(
        patterns,
        "_run_on",
        lambda view, trace, text: ran.append(text) or iter([np.zeros((len(text), 8), np.float32)]),
    )
    kept: dict = {}
    for threshold in ("0.05", "0.06"):
        sequence, view = _fit(pattern="4-4", threshold=threshold)
        patterns.find(view, sequence, None, "abab", kept)
    assert ran == ["abab"]
    patterns.find(view, sequence, None, "baba", kept)
    assert ran == ["abab", "baba"] and len(kept) == 1


def test_a_text_by_bytes_has_no_further_text():
    view, _problems = parse(QUERY | {"text": "aä", "encoding": "byte"})
    sequence, _view, _more = render.fit(view, None)
    assert not patterns.is_text(sequence)


def test_what_is_held_is_held_over_the_further_text_too(monkeypatch):
    monkeypatch.setattr(patterns, "_CHUNK", 4)
    sequence, view = _fit(pattern="4-4", clamp="h.4:0.5", threshold="0.4", around="false")
    done = patterns.find(view, sequence, None, "abcabcabc")
    assert done.found.units == (4,) and done.found.total == len(sequence) - 1 + 9


def test_a_further_text_may_have_every_character_that_the_sequence_has():
    text = "a\r\nb\tc\x00 x\u0301\u3000" * 3
    sequence = lv.sequences.from_text(text)
    assert patterns.is_text(sequence)
    trace = lv.run(lv.build("BasicRNNCell", 3, sequence.input_size), sequence, engine="numpy")
    (h,) = patterns._run_on(View(), trace, text)
    np.testing.assert_array_equal(h, trace.states["h"])
