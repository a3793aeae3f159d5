"""A kind of cell: its equation, and the gates, variables and options that follow from it."""

from __future__ import annotations

import inspect
import math
import re
import runpy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from unicodedata import normalize

from lstmviz.cells.options import OPTIONS, Option, OptionValue, is_on
from lstmviz.equation import Equation, Node, define
from lstmviz.equation.definition import Place, Step
from lstmviz.equation.nodes import summands_of
from lstmviz.language import _

KINDS: dict[str, Kind] = {}
"""The kinds of cell by name."""

_OF_BUILD = ("kind", "num_units", "input_size", "seed", "initial_weights", "weights", "dtype")


@dataclass(frozen=True)
class Gate:
    """What an equation calls by a name.

    Attributes:
        name: The letter, `i`.
        title: What it is called; empty where the equation does not say.
        role: What it does, in a sentence without its subject.
        activation: A name in `ACTIVATIONS`: the one that it has with the kind's default options.
    """

    name: str
    title: str
    role: str
    activation: str


@dataclass(frozen=True)
class Variable:
    """One of the arrays that a cell stores.

    Attributes:
        name: TensorFlow's variable name, `gates/kernel`.
        shape: Its axes as sums and products of `input_size`, `num_units` and `output_size`, `("4 * num_units",)`.
        gates: The gates whose columns it holds, in order; empty for weights that belong to no block.
        initial: The constant it starts as; None for the initial weights that were asked for.
        when: The option that has to be on for the variable to exist.
        meets: Whose rows a kernel holds, x's above h's, an empty name being nobody's alone; for a bias those of the kernel that
            it goes with.
        touches: The gates whose pre-activation a vector takes part in, unit by unit, where it is no bias.
    """

    name: str
    shape: tuple[str, ...]
    gates: tuple[str, ...] = ()
    initial: float | None = None
    when: str | None = None
    meets: tuple[str, ...] = ("x", "h")
    touches: tuple[str, ...] = ()

    @property
    def is_kernel(self) -> bool:
        """Whether it holds rows of gates' columns."""
        return bool(self.gates) and len(self.shape) == 2

    @property
    def is_bias(self) -> bool:
        """Whether it holds gates' biases."""
        return bool(self.gates) and len(self.shape) == 1

    @property
    def is_hidden(self) -> bool:
        """Whether states alone meet it, or the kernel that it goes with."""
        return not {"x", ""} & set(self.meets)


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of cell: everything about it is read from its equation.

    Attributes:
        name: TensorFlow's name where it has one, else the paper's.
        title: What it is called.
        step: The equation, a function of x, the states, the weights and the options.
        states: The states' names; h is the output.
        options: What can be chosen beside the sizes.
        purpose: What it is for, in a sentence.
        source: Where it comes from.
        state_titles: What states are called, of those that the equation says it of.
    """

    name: str
    title: str
    step: Step
    states: tuple[str, ...]
    options: tuple[Option, ...]
    purpose: str = ""
    source: str = ""
    state_titles: Mapping[str, str] = field(default_factory=dict)
    _equations: dict[tuple[tuple[str, Any], ...], Equation] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        return f"KINDS[{self.name!r}]"

    def equation(self, options: Mapping[str, OptionValue]) -> Equation:
        """The equation with its options chosen: a number's value is left open.

        Raises:
            ValueError: it is no equation of a cell.
        """
        key = structure_of(options)
        if key not in self._equations:
            try:
                self._equations[key] = define(self.step, self.states, dict(key))
            except ValueError as error:
                usual = structure_of({option.name: option.default for option in self.options})
                others = [f"{name}={value!r}" for name, value in key if (name, value) not in usual]
                if not others:
                    raise
                words = _("with {options}: {cause}")
                raise ValueError(words.format(options=", ".join(others), cause=error)) from error
        return self._equations[key]

    @cached_property
    def gates(self) -> tuple[Gate, ...]:
        """What the equation calls by a name, in the order of the kernel's columns."""
        equation = self.equation({option.name: option.default for option in self.options})
        return tuple(
            Gate(name, node.value.title, node.value.role, equation.activation_of(name))
            for name, node in equation.gates.items()
        )

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """The arrays that a cell stores, those of all options among them."""
        every = {option.name: option.switched_on for option in self.options}
        equation = self.equation(every)
        found = {name: tuple(map(str, axes)) for name, axes in equation.shapes.weights.items()}
        without = {
            option.name: set(self.equation({**every, **_switch_off(self, option)}).weights)
            for option in self.options
            if option.can_be_off
        }
        return tuple(
            Variable(
                name=name,
                shape=found[name],
                gates=_blocks(equation, name),
                initial=equation.initial[name],
                when=next((option for option, left in without.items() if name not in left), None),
                meets=_meets(equation, name),
                touches=_touches(equation, name),
            )
            for name in equation.weights
        )

    @property
    def blocks(self) -> tuple[tuple[str, ...], ...]:
        """The gates that share variables, `(("r", "u"), ("c",))`, in the order of the kernel's columns."""
        return tuple(dict.fromkeys(variable.gates for variable in self.variables if variable.gates))

    @property
    def is_ours(self) -> bool:
        """Whether lstmviz brings it; else it was declared by who uses lstmviz."""
        return str(self.step.__module__).startswith("lstmviz.")

    def gate(self, name: str) -> Gate:
        """The gate called `name`.

        Raises:
            ValueError: the kind has no such gate.
        """
        for gate in self.gates:
            if gate.name == name:
                return gate
        raise ValueError(
            _("gate is {given!r}; {kind} has the gates {allowed}.").format(
                given=name, kind=self.name, allowed=", ".join(gate.name for gate in self.gates)
            )
        )


def kind(
    name: str,
    title: str = "",
    *,
    purpose: str = "",
    source: str = "",
    states: Mapping[str, str] | None = None,
) -> Callable[[Step], Step]:
    """Declares a kind of cell: the function below it is its equation.

    The parameters between `x` and `w` are the states, by name, h being the output; keyword-only parameters are options.
    What the equation calls by a name is a gate.

    Args:
        name: What `build` calls it; a kind of one's own may be declared again, one that lstmviz brings may not.
        title: What it is called in words.
        purpose: What it is for, in a sentence; by default the first paragraph of the function's docstring.
        source: The paper, or wherever it comes from.
        states: What states are called in words, by name, `{"n": "normaliser"}`.

    Raises:
        ValueError: the function is no equation of a cell: it says what is missing.

    >>> import lstmviz as lv
    >>> from lstmviz.equation import concat, sigmoid
    >>> @lv.kind("Leaky")
    ... def leaky(x, h, w):
    ...     f = sigmoid(concat(x, h) @ w("kernel") + w("bias")).called("f", "forget gate")
    ...     return {"h": f * h + (1 - f) * 0.5}
    >>> lv.build("Leaky", num_units=3, input_size=2).kernel.shape
    (5, 3)
    """

    def declare(step: Step) -> Step:
        declared = KINDS.get(name)
        if declared is not None and declared.is_ours:
            raise ValueError(
                _("{name} is a kind that lstmviz brings; call yours by another name.").format(name=name)
            )
        made = make_kind(step, name, title, source, purpose, states)
        made.variables  # noqa: B018  # what is wrong with it is said here, not at its first use
        _check_gates(made)
        KINDS[name] = made
        return step

    if not isinstance(name, str) or not re.fullmatch(r"[^\W\d_][\w-]{0,63}", name):
        raise ValueError(
            _("a kind is called {given!r}; it must be a word of letters and digits.").format(given=name)
        )
    return declare


def declare_from(path: str) -> None:
    """Runs a Python file that declares kinds of cell.

    Raises:
        ValueError: it ends with an error.
        OSError: it cannot be read.
    """
    try:
        runpy.run_path(path)
    except OSError:
        raise
    except Exception as error:
        raise ValueError(
            _("{file} ends with an error: {cause}").format(
                file=path, cause=f"{type(error).__name__}: {error}"
            )
        ) from error


def make_kind(
    step: Step,
    name: str,
    title: Any = "",
    source: Any = "",
    purpose: Any = "",
    states: Any = None,
) -> Kind:
    """The kind whose equation is `step`."""
    parameters = list(inspect.signature(step).parameters.values())
    places = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
    others = [str(each) for each in parameters if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    places += others
    if len(places) < 3 or others or places[0] != "x" or places[-1] != "w" or "h" not in places[1:-1]:
        raise ValueError(
            _(
                "the equation of {name} is a function of ({given}); it must be one of x, its states, h among them, and w."
            ).format(name=name, given=", ".join(places))
        )
    options = tuple(_option(each) for each in parameters if each.kind is each.KEYWORD_ONLY)
    purpose = purpose or (inspect.getdoc(step) or "").partition("\n\n")[0].replace("\n", " ")
    _check_words(name, (title, purpose, source), {} if states is None else states)
    states = {normalize("NFKC", state): words for state, words in (states or {}).items()}
    unknown = sorted(set(states) - set(places[1:-1]))
    if unknown:
        raise ValueError(
            _("states has {given}; the equation of {name} has the states {allowed}.").format(
                given=", ".join(unknown), name=name, allowed=", ".join(places[1:-1])
            )
        )
    return Kind(name, title or name, step, tuple(places[1:-1]), options, purpose, source, states)


def _check_words(name: str, words: tuple[Any, ...], states: Any) -> None:
    """Refuses what is said of a kind where it is no text."""
    every = [*words, *states, *states.values()] if isinstance(states, Mapping) else [None]
    if not all(isinstance(each, str) for each in every):
        raise ValueError(
            _(
                "what is said of {name} must be texts: its title, purpose and source, and of each state by its name, as in "
                '{{"n": "normaliser"}}.'
            ).format(name=name)
        )


def _check_gates(kind: Kind) -> None:
    """Refuses a kind that has a gate only where an option is on."""
    every = {option.name: option.switched_on for option in kind.options}
    default = {option.name: option.default for option in kind.options}
    for option in kind.options:
        if option.can_be_off:
            found = [
                kind.equation(each).gates for each in (default, {**every, **_switch_off(kind, option)}, every)
            ]
            differ = {name for gates in found for name in gates if not all(name in each for each in found)}
            if differ:
                raise ValueError(
                    _(
                        "{kind} has the gate {gates} only with the option {option}; a kind has the same gates whatever its "
                        "options: call it by no name, or make a kind of its own."
                    ).format(kind=kind.name, gates=", ".join(sorted(differ)), option=option.name)
                )


def structure_of(options: Mapping[str, OptionValue]) -> tuple[tuple[str, Any], ...]:
    """The options as far as they change the equation: a number only by being there, its value being left open."""
    return tuple(
        (name, type(value)(1) if isinstance(value, int | float) and not isinstance(value, bool) else value)
        for name, value in options.items()
    )


def _option(parameter: inspect.Parameter) -> Option:
    """The option of a keyword of an equation: a usual one by its name, else what its default says."""
    name, default = parameter.name, parameter.default
    if name in _OF_BUILD:
        raise ValueError(
            _("an option is called {name}, as something else that build takes is; call it otherwise.").format(
                name=name
            )
        )
    if default is inspect.Parameter.empty:
        raise ValueError(_("the option {name} has no default; give it one.").format(name=name))
    usual = OPTIONS.get(name)
    if usual is not None and (type(usual.default) is type(default) or default is None):
        return usual.with_default(default)
    return Option.of(name, default)


def _switch_off(kind: Kind, option: Option) -> dict[str, OptionValue]:
    """The option off, and those that need it."""
    needing = {each.name: None for each in kind.options if each.needs == option.name}
    return {option.name: False if option.type is bool else None, **needing}


def _blocks(equation: Equation, weight: str) -> tuple[str, ...]:
    """The gates that have a block of columns in a weight, in their order."""
    found = {
        name: place
        for name, places in equation.places.items()
        for place in places
        if place.weight == weight and (place.met is not None or place.added)
    }
    width = equation.shapes.weights[weight][-1]
    counts = {place.block.count if place.block else 1 for place in found.values()}
    covers = [dict(width.terms) == {"num_units": count} for count in counts]
    if len(counts) != 1 or not all(covers) or len(found) != next(iter(counts)):
        return ()
    return tuple(sorted(found, key=lambda name: block.index if (block := found[name].block) else 0))


def _touches(equation: Equation, weight: str) -> tuple[str, ...]:
    places = equation.places
    touching = (
        name
        for name in equation.gates
        if any(p.weight == weight and p.met is None and not p.added for p in places[name])
    )
    return tuple(touching)


def _meets(equation: Equation, weight: str) -> tuple[str, ...]:
    """Whose rows a kernel has; for a vector those of the kernel that it is added to."""
    found: list[str] = []
    leaf = equation.weights[weight]
    for node in equation.nodes:
        if node.op == "matmul" and node.args[1] is leaf:
            found += [base_of(equation, part) for part in parts_of(node.args[0])]
    if not found:
        for node in _sums_with(equation, leaf):
            found += [base_of(equation, part) for part in parts_of(node.args[0])]
    return tuple(dict.fromkeys(found)) or ("x", "h")


def _sums_with(equation: Equation, leaf: Node) -> Iterator[Node]:
    """The products that a vector is added to."""
    for node in equation.nodes:
        if node.op == "add" and any(each is leaf for each in node.args):
            for each in node.args:
                yield from (inner for inner, _sign in summands_of(each) if inner.op == "matmul")


def parts_of(met: Node) -> tuple[Node, ...]:
    """What a product's vector is put together from."""
    return met.args if met.op == "concat" else (met,)


def base_of(equation: Equation, part: Node) -> str:
    """Whose numbers a part of a product's vector is in the end, unit by unit: "x" or a state; empty where of none alone.

    A gate scales a state, as a GRU's r does, and does not make it another one; what is added to it does.
    """
    found = _bases_of(equation, part)
    return next(iter(found)) if len(found) == 1 else ""


def _bases_of(equation: Equation, node: Node) -> frozenset[str]:
    """What a value is made of unit by unit: x and states, and an empty name for what is none of these."""
    for name, new in equation.new.items():
        if node is new:
            return frozenset({name})
    if node.op in ("x", "state"):
        return frozenset({"x" if node.op == "x" else node.value})
    if node.op in ("matmul", "part", "concat"):
        return frozenset({""})
    scaled = [each for each in node.args if node.op in ("mul", "div") and _is_made_outside_gates(each)]
    return frozenset().union(*(_bases_of(equation, each) for each in scaled or node.args))


def _is_made_outside_gates(node: Node) -> bool:
    """Whether x or a state is in a value other than through a gate."""
    inside = node.op != "called" and any(map(_is_made_outside_gates, node.args))
    return node.op in ("x", "state") or inside


def evaluate(axis: str, sizes: Mapping[str, int]) -> int:
    """The number that an axis like `"input_size + output_size"` or `"4 * num_units"` stands for."""
    return sum(
        math.prod(int(factor) if factor.isdigit() else sizes[factor] for factor in term.split(" * "))
        for term in axis.split(" + ")
    )


__all__ = [
    "KINDS",
    "Gate",
    "Kind",
    "Place",
    "Variable",
    "declare_from",
    "evaluate",
    "is_on",
    "kind",
    "make_kind",
]
