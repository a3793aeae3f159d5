"""One number, two widgets: what a browser sends late is not taken for a move."""

import pytest
import streamlit as st

from lstmviz.web import size

SLIDER, NUMBER = "num_units", "num_units_exact"


class Browser:
    """What a browser knows and sends; the server's half of Streamlit, as far as two widgets need it."""

    def __init__(self, state):
        self.state = state
        self.shown = {}
        self.server = {}

    def run(self, hears=True, **moved):
        """A run of the script after a move; the browser hears what it set, or does not yet."""
        self.shown |= moved
        changed = [name for name, value in self.shown.items() if value != self.server.get(name, value)]
        self.state |= self.shown
        for name in changed:
            size._hear(name)
        found = size.read(8)
        size.write(found)
        self.server = {name: self.state[name] for name in (SLIDER, NUMBER)}
        if hears:
            self.shown = dict(self.server)
        return found


@pytest.fixture
def browser(monkeypatch):
    state = {}
    monkeypatch.setattr(st, "session_state", state)
    browser = Browser(state)
    assert browser.run() == 8
    return browser


def test_each_sets_the_other(browser):
    assert browser.run(**{SLIDER: 9}) == 9
    assert browser.shown == {SLIDER: 9, NUMBER: 9}
    assert browser.run(**{NUMBER: 300}) == 300
    assert browser.shown == {SLIDER: size.SLIDER_UNITS, NUMBER: 300}
    assert browser.run(**{SLIDER: 255}) == 255
    assert browser.run(**{SLIDER: 256}) == 256


def test_quick_moves_are_not_undone_by_what_the_other_widget_showed(browser):
    for units in range(9, 20):
        assert browser.run(hears=False, **{SLIDER: units}) == units


def test_nor_by_what_it_is_told_on_the_way(browser):
    browser.run(hears=False, **{SLIDER: 9})
    browser.run(hears=False, **{SLIDER: 11})
    browser.run(hears=False, **{SLIDER: 20})
    assert browser.run(hears=False, **{NUMBER: 9}) == 20  # what the first of the runs set
    assert browser.run(hears=False, **{NUMBER: 11}) == 20
    assert browser.run(**{NUMBER: 20}) == 20
    assert browser.run(**{NUMBER: 11}) == 11  # typed, since the browser had caught up


def test_back_and_forth_between_the_two(browser):
    assert browser.run(**{SLIDER: 9}) == 9
    assert browser.run() == 9
    assert browser.run(**{NUMBER: 8}) == 8
    assert browser.run() == 8
    assert browser.run(**{SLIDER: 9}) == 9


def test_a_run_that_no_browser_asked_for_tells_nothing_of_the_browser(browser):
    browser.run(hears=False, **{SLIDER: 9})
    browser.state["rerun_from_here"] = True
    browser.state |= browser.server  # what the widgets hold in such a run
    assert size.read(8) == 9
    assert browser.run(hears=False, **{SLIDER: 10}) == 10


def test_what_comes_much_later_is_a_move(browser, monkeypatch):
    browser.run(hears=False, **{SLIDER: 9})
    monkeypatch.setattr(size, "_LATE", 0.0)
    assert browser.run(**{NUMBER: 8}) == 8


@pytest.mark.parametrize(
    ("sent", "picked"),
    [
        ({SLIDER: 9, NUMBER: 8}, 9),
        ({SLIDER: 8, NUMBER: 300}, 300),
        ({SLIDER: 8, NUMBER: 8}, 8),
        ({}, 8),
        ({SLIDER: 10**12, NUMBER: -4}, 8),
    ],
)
def test_a_browser_that_comes_back_has_picked_what_differs_from_the_address(monkeypatch, sent, picked):
    monkeypatch.setattr(st, "session_state", {})
    assert size.come_back(8, sent) == picked


def test_what_a_browser_that_came_back_says_of_its_other_widget_is_late(monkeypatch):
    state = {}
    monkeypatch.setattr(st, "session_state", state)
    size.write(size.come_back(8, {SLIDER: 9, NUMBER: 8}))
    state |= {SLIDER: 9, NUMBER: 8}
    size._hear(NUMBER)
    assert size.read(9) == 9


def test_the_address_beyond_the_slider_is_kept(monkeypatch):
    monkeypatch.setattr(st, "session_state", {})
    assert size.come_back(300, {SLIDER: size.SLIDER_UNITS, NUMBER: 300}) == 300
