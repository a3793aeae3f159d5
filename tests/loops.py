"""The engine's compiled loops, for tests that count them."""

from functools import cache

import pytest

from lstmviz.run import engine


def forget_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new process no loop is known, until the test ends; those that were known are kept for later tests."""
    for name in ("_compiled", "_compiled_backward"):
        monkeypatch.setattr(engine, name, cache(getattr(engine, name).__wrapped__))
