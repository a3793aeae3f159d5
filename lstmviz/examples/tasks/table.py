"""Every task that cells were trained for, in the order to offer them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lstmviz.examples.example import Task
from lstmviz.examples.tasks import adding, brackets, characters, echo, latch, parity, sunspots

TASKS: Mapping[str, Task] = MappingProxyType(
    {
        task.name: task
        for task in (
            sunspots.TASK,
            brackets.TASK,
            latch.TASK,
            echo.TASK,
            adding.TASK,
            parity.TASK,
            characters.TASK,
        )
    }
)
"""Every task by its name."""
