"""What a notebook shows of a value in place of its `repr`."""

from __future__ import annotations

import importlib
from collections.abc import Container
from typing import Any


class Shown:
    """A value that has a picture.

    The pictures stand above, in `lstmviz.plot`, which knows what each value looks like. It is asked for by name when a notebook
    asks, so that cells and traces need no Plotly.
    """

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, Any]:
        bundle: dict[str, Any] = importlib.import_module("lstmviz.plot.notebook").show(self)
        return bundle

    def _repr_html_(self) -> str:
        return str(importlib.import_module("lstmviz.plot.notebook").show_html(self))
