"""A cell's options in a framework's words, and back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lstmviz.cells import Cell
from lstmviz.language import _
from lstmviz.layouts.table import ONNX_DEFAULTS, ONNX_FUNCTIONS, Form, Layout, Told

_NUMBERS = ("activation_alpha", "activation_beta")


def tell_options(cell: Cell, layout: Layout, form: Form, instead: Mapping[str, Any]) -> dict[str, Any]:
    """What a framework has to be told for this cell; `instead` replaces options of ours."""
    ours = {**cell.options, **instead}
    sizes = {"input_size": cell.input_size, "num_units": cell.num_units, "num_proj": ours.get("num_proj")}
    told = {name: sizes[size] for size, name in layout.sizes.items() if sizes[size] is not None}
    listed: dict[int, Any] = {}
    for each in form.told:
        if each.option not in ours:
            continue
        value = ours[each.option] if each.values is None else each.values[ours[each.option]]
        if each.places:
            listed |= dict.fromkeys(each.places, value)
        else:
            told[each.name] = value
    if listed:
        told |= _write_list([listed[place] for place in sorted(listed)])
    return told | dict(form.fixed)


def hear_options(
    layout: Layout, form: Form, given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, int]]:
    """Our options, and sizes, from what a framework was told.

    Raises:
        ValueError: an option that is not known here, or a value that no cell has.
    """
    names = {told.name: told for told in form.told}
    sizes = {name: size for size, name in layout.sizes.items()}
    lists = _NUMBERS if any(told.places for told in form.told) else ()
    heard: dict[str, Any] = {}
    found: dict[str, int] = {}
    for name, value in given.items():
        if name in form.fixed or name in lists:
            continue
        if name in sizes:
            found |= _hear_size(sizes[name], name, value)
        elif name in layout.only:
            _check_only(layout, name, value)
        elif name not in names:
            allowed = [*names, *form.fixed, *lists, *sizes, *layout.only]
            raise ValueError(
                _("{name} is no option of {layout}'s {layer} here; it has {allowed}.").format(
                    name=name, layout=layout.title, layer=form.title, allowed=", ".join(allowed)
                )
            )
        elif names[name].places:
            heard |= _hear_list(form, value, *(given.get(number) or () for number in _NUMBERS))
        else:
            heard[names[name].option] = _hear(layout, names[name], value)
    return heard, found


def _hear(layout: Layout, told: Told, value: Any) -> Any:
    if told.values is None:
        return value
    words = {theirs: ours for ours, theirs in told.values.items()} | dict(told.heard)
    if value not in words:
        raise ValueError(
            _("{name} is {given!r}; of {layout}, this can be {allowed}.").format(
                name=told.name, given=value, layout=layout.title, allowed=", ".join(map(str, words))
            )
        )
    return words[value]


def _hear_size(size: str, name: str, value: Any) -> dict[str, int]:
    if size == "num_proj" and not value:
        return {}  # PyTorch's proj_size is 0 without a projection
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(
            _("{name} is {given!r}; it must be a whole number, at least 1.").format(name=name, given=value)
        )
    return {"output_size" if size == "num_proj" else size: value}


def _check_only(layout: Layout, name: str, value: Any) -> None:
    understood, reason = layout.only[name]
    if value != understood:
        raise ValueError(
            _("{name} is {given!r}, which no cell does: {reason}.").format(
                name=name, given=value, reason=_(reason)
            )
        )


# --- ONNX's lists -----------------------------------------------------------------------------------------------------


def _write_list(functions: Sequence[tuple[str, float | None, float | None]]) -> dict[str, Any]:
    """The operator's attributes: each function takes as many of the two lists' numbers as it needs, in turn."""
    told: dict[str, Any] = {"activations": [name for name, _alpha, _beta in functions]}
    for number, values in zip(_NUMBERS, list(zip(*functions, strict=True))[1:], strict=True):
        taken = [value for value in values if value is not None]
        if taken:
            told[number] = taken
    return told


def _hear_list(
    form: Form, names: Sequence[Any], alphas: Sequence[float], betas: Sequence[float]
) -> dict[str, Any]:
    """Our activations from the operator's lists."""
    expected = sum(len(told.places) for told in form.told)
    if len(names) != expected:
        raise ValueError(
            _("activations is {given}; {layer} in one direction takes {count}.").format(
                given=list(names), layer=form.title, count=expected
            )
        )
    functions = list(_read_list(names, alphas, betas))
    heard: dict[str, Any] = {}
    for told in form.told:
        ours = {functions[place] for place in told.places}
        if len(ours) > 1:
            raise ValueError(
                _("activations is {given}; no cell has two functions for the new input and for c.").format(
                    given=list(names)
                )
            )
        heard[told.option] = ours.pop()
    return heard


def _read_list(names: Sequence[Any], alphas: Sequence[float], betas: Sequence[float]) -> Iterator[str]:
    next_numbers = iter(alphas), iter(betas)
    for given in names:
        name = given.decode() if isinstance(given, bytes) else str(given)
        defaults = ONNX_DEFAULTS.get(name.lower(), (None, None))
        numbers = [
            None if default is None else next(values, default)
            for default, values in zip(defaults, next_numbers, strict=True)
        ]
        yield _find_function(name, numbers)


def _find_function(name: str, numbers: Sequence[float | None]) -> str:
    for ours, (theirs, *expected) in ONNX_FUNCTIONS.items():
        same = all(
            a is b or (a is not None and b is not None and math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9))
            for a, b in zip(numbers, expected, strict=True)
        )
        if theirs.lower() == name.lower() and same:
            return ours
    given = ", ".join(f"{number:g}" for number in numbers if number is not None)
    raise ValueError(
        _("activations has {given}; of ONNX, this can be {allowed}.").format(
            given=name + (f"({given})" if given else ""),
            allowed=", ".join(
                theirs + "".join(f" {number:g}" for number in numbers if number is not None)
                for theirs, *numbers in ONNX_FUNCTIONS.values()
            ),
        )
    )
