"""What can be chosen about a kind of cell beside its sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from lstmviz.equation import ACTIVATIONS
from lstmviz.language import _, _mark

OptionValue = bool | int | float | str | None


@dataclass(frozen=True)
class Option:
    """A choice that a kind offers beside its sizes.

    Attributes:
        name: TensorFlow's argument name.
        default: Its default; None stands for "off".
        title: What it is called.
        help: What it does, in a sentence; empty where the equation alone says it.
        type: `bool`, `int`, `float` or `str`.
        choices: The values allowed, where they are few.
        minimum: The smallest number allowed.
        needs: Another option that has to be on for this one to be given.
    """

    name: str
    default: OptionValue
    title: str
    help: str
    type: type
    choices: tuple[str, ...] = ()
    minimum: float = -math.inf
    needs: str | None = None

    @classmethod
    def of(cls, name: str, default: Any) -> Option:
        """The option that a keyword's default says: a truth value, a number, a function's name, or None for a number."""
        if isinstance(default, str):
            if default not in ACTIVATIONS:
                raise ValueError(
                    _(
                        "{name} is {given!r}; a text among the options must be an activation: {allowed}."
                    ).format(name=name, given=default, allowed=", ".join(ACTIVATIONS))
                )
            return cls(
                name, default, name, "", str, choices=(default, *(n for n in ACTIVATIONS if n != default))
            )
        if default is None or isinstance(default, bool | float):
            return cls(name, default, name, "", float if default is None else type(default))
        raise ValueError(
            _(
                "{name} is {given!r}; an option's default is True, False, a number like 1.0, None or an activation."
            ).format(name=name, given=default)
        )

    @property
    def can_be_off(self) -> bool:
        """Whether it may be switched off."""
        return self.type is bool or self.default is None

    @property
    def switched_on(self) -> OptionValue:
        """A value with which it is on."""
        if self.type is bool:
            return True
        return self.default if self.default is not None else {int: 1, float: 1.0}[self.type]

    def with_default(self, default: OptionValue) -> Option:
        """The same with another default."""
        return replace(self, default=default)


def is_on(option: str | None, options: Mapping[str, OptionValue]) -> bool:
    """Whether an option is set, or none is asked for."""
    value = True if option is None else options.get(option)
    return value is not None and value is not False  # a clip at 0 is on


OPTIONS: Mapping[str, Option] = MappingProxyType(
    {
        option.name: option
        for option in (
            Option(
                "forget_bias",
                1.0,
                _mark("forget bias"),
                _mark(
                    "Added to the forget gate when the cell runs, so that an untrained cell remembers. "
                    "It is not stored in the bias."
                ),
                float,
            ),
            Option(
                "activation",
                "tanh",
                _mark("activation"),
                _mark("The function of what is written, and of c where it shows in h."),
                str,
                choices=tuple(ACTIVATIONS),
            ),
            Option(
                "recurrent_activation",
                "sigmoid",
                _mark("recurrent activation"),
                _mark("The function of the gates that open and shut."),
                str,
                choices=("sigmoid", *(name for name in ACTIVATIONS if name != "sigmoid")),
            ),
            Option(
                "beta",
                1.0,
                "beta",
                _mark(
                    "Taken off the forget gate's sum where it is asked how much is written: at 0 as much is written as is "
                    "forgotten, above 0 more."
                ),
                float,
            ),
            Option("use_bias", True, _mark("bias"), _mark("Adds a bias to each gate."), bool),
            Option(
                "use_peepholes",
                False,
                _mark("peepholes"),
                _mark("Lets f, and i where there is one, see the old c, and o the new one."),
                bool,
            ),
            Option(
                "num_proj",
                None,
                _mark("projection size"),
                _mark("Projects h to this many numbers."),
                int,
                minimum=1.0,
            ),
            Option(
                "cell_clip",
                None,
                _mark("clip c at"),
                _mark("Keeps c within plus and minus this value."),
                float,
                minimum=0.0,
            ),
            Option(
                "proj_clip",
                None,
                _mark("clip the projected h at"),
                _mark("Keeps the projected h within plus and minus this value."),
                float,
                minimum=0.0,
                needs="num_proj",
            ),
        )
    }
)
"""The options that kinds share, by name."""
