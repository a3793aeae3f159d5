"""The link that Take along writes says what was ticked, and opens it again."""

from __future__ import annotations

from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
import streamlit as st

from lstmviz.web import address, parameters, share
from lstmviz.web import view as views


@pytest.fixture(autouse=True)
def _on_take_along(monkeypatch):
    context = SimpleNamespace(url="https://cells.example/lab/take_along?seed=1#top", locale="en-US")
    monkeypatch.setattr(st, "context", context)
    monkeypatch.setattr(st, "session_state", {address._PATH: "take_along", address._LANGUAGE: ""})


def _read(link: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(link)
    return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}


def test_the_link_of_what_was_ticked_opens_it_again():
    view = views.parse({"num_units": "5", "seed": "1", "tables": "true", "t": "3"})[0]
    path, query = _read(
        share.write(view, ["seed", "paths"], ["num_units", "t"], 7, "Which gate\n forgets? & <b>")
    )
    assert path == "/lab/learn"
    opened, problems = views.parse(query)
    assert not problems
    assert (opened.hide, opened.lock) == (("seed", "paths"), ("num_units", "t"))
    assert (opened.lesson, opened.note) == (7, "Which gate forgets? & <b>")
    assert (opened.num_units, opened.seed, opened.t) == (5, 1, 3)
    assert not opened.tables  # which Learn does not show


def test_without_a_step_the_link_opens_explore_and_says_no_more_than_was_ticked():
    view = views.parse({"num_units": "5", "seed": "1", "step": "memory"})[0]
    path, query = _read(share.write(view, [], [], 0, ""))
    assert (path, query) == ("/lab/", {"num_units": "5", "seed": "1"})


def test_a_sentence_that_is_too_long_is_cut_as_the_link_would_be_read():
    _path, query = _read(share.write(views.View(), [], [], 0, "word " * 1000))
    assert views.parse(query)[1] == [] and len(query["note"]) <= parameters.MAX_NOTE
