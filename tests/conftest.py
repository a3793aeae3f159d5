"""Checks types and shapes, as the annotations in lstmviz state them, while the tests run."""

import os

from hypothesis import settings
from jaxtyping import install_import_hook

import tests.annotations  # noqa: F401  # the hook looks it up by name

# Before any test imports lstmviz: what is imported earlier goes unchecked.
install_import_hook("lstmviz", "tests.annotations.check")

# How long an example takes is the benchmarks' matter. What must pass before a change lands draws the same examples each time.
settings.register_profile("lstmviz", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("lstmviz")
