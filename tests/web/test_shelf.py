"""The bounded cache that all viewers share."""

from __future__ import annotations

import threading
import time

import pytest

from lstmviz.web.shelf import Shelf


def test_what_is_kept_is_made_once():
    shelf, made = Shelf(4, 100), []
    for _time in range(3):
        assert shelf.get("a", lambda: made.append(1) or "value", len) == "value"
    assert made == [1]


def test_entries_are_bounded_and_the_one_unused_for_longest_goes():
    shelf = Shelf(2, 100)
    for key in ("a", "b", "a", "c"):
        shelf.get(key, lambda: "x", len)
    made = []
    shelf.get("a", lambda: made.append("a") or "x", len)
    shelf.get("b", lambda: made.append("b") or "x", len)
    assert made == ["b"]
    assert len(shelf) == 2


def test_bytes_are_bounded():
    shelf = Shelf(100, 10)
    for key in range(8):
        shelf.get(key, lambda: "xxxx", len)
    assert shelf.bytes <= 10
    assert len(shelf) == 2


def test_what_is_larger_than_the_bound_is_returned_and_not_kept():
    shelf = Shelf(100, 10)
    shelf.get("small", lambda: "x", len)
    assert shelf.get("large", lambda: "x" * 11, len) == "x" * 11
    assert len(shelf) == 1 and shelf.bytes == 1


def test_an_error_reaches_its_caller_and_nothing_is_kept():
    shelf = Shelf(4, 100)
    with pytest.raises(ZeroDivisionError):
        shelf.get("a", lambda: 1 / 0, len)
    assert shelf.get("a", lambda: "fine", len) == "fine"


def test_viewers_who_ask_at_once_wait_for_one_of_them():
    shelf, made, got = Shelf(4, 100), [], []

    def make():
        made.append(1)
        time.sleep(0.05)
        return "value"

    threads = [threading.Thread(target=lambda: got.append(shelf.get("a", make, len))) for _viewer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]
    assert got == ["value"] * 8
