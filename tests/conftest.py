"""Checks types and shapes, as the annotations in lstmviz state them, while the tests run."""

import os
import random

import pytest
from hypothesis import settings

from tests import annotations

# Before any test imports lstmviz: what is imported earlier goes unchecked.
annotations.install()

from lstmviz.run import compiled  # noqa: E402

# How long an example takes is the benchmarks' matter. What must pass before a change lands draws the same examples each time.
settings.register_profile("lstmviz", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("lstmviz")

# Which options' structures `tests.runs` draws from: others in each session, the same in all its processes.
os.environ.setdefault("LSTMVIZ_STRUCTURES", "0" if "CI" in os.environ else str(random.randrange(10**6)))

# Which run of many is the first one by a loop of XLA's, whose numbers end in other digits, is up to the clock.
compiled.PRICE = float("inf")


@pytest.fixture(autouse=True)
def own_kinds():
    """The kinds by name; those that a test declares, in whatever way, are gone after it."""
    from lstmviz import KINDS
    from tests.kinds_of_ones_own import apart  # after the hook above

    with apart():
        yield KINDS


@pytest.fixture
def in_this_process(monkeypatch):
    """Reads files in the tests' own process, which is faster; that the other one does the same is `test_sandbox`'s matter."""
    from lstmviz.formats import load, sandbox

    def read(source, name=None, layout=None, max_bytes=load.MAX_FILE_BYTES):
        return load.read(load.read_content(source, name, max_bytes), layout)

    monkeypatch.setattr(sandbox, "read", read)


def pytest_report_header():
    return f"LSTMVIZ_STRUCTURES={os.environ['LSTMVIZ_STRUCTURES']}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from tests.parallel import ByFile

    return ByFile(config, log)
