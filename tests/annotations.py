"""The type checker that stands behind every annotation of lstmviz while the tests run."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import is_dataclass
from importlib.machinery import SourceFileLoader
from types import CodeType, FunctionType, ModuleType
from typing import Any, get_args, get_type_hints
from unittest.mock import patch

import jaxtyping
from beartype import BeartypeConf, beartype
from jaxtyping import AbstractArray, TypeCheckError, _import_hook

# As for mypy and in Python's own words (PEP 484), a whole number will do where a float is asked for. What is refused is a
# TypeError, as it is where Python itself meets the wrong type: readers of strangers' files catch that.
check = beartype(conf=BeartypeConf(is_pep484_tower=True, violation_type=TypeCheckError))
_by_jaxtyping = jaxtyping.jaxtyped
_HELD = "__beartype_func"  # how beartype's checks hold the function that they are for
# What was found out of a function's code: its annotations, whether there is an array among them, and its checks, which
# are kept for functions inside others alone.
_known: dict[CodeType, tuple[dict[str, Any], bool, FunctionType | None]] = {}


def checked(made: Any = None, *, typechecker: object = None) -> Any:
    """Checks what `jaxtyping.jaxtyped` does, in less of its time; jaxtyping's import hook finds it by that name.

    That one binds the arguments of each call and has them checked twice, and makes the checks of a function inside another
    one anew at each call: nine tenths of what drawing a step then takes. Here a call is checked once, a function inside
    another one shares its checks, and axes have names only where an array is annotated.
    """
    if made is None:
        return checked
    if isinstance(made, (classmethod, staticmethod)):
        return type(made)(checked(made.__func__))
    if isinstance(made, property):
        return property(*(each and checked(each) for each in (made.fget, made.fset, made.fdel)))
    if inspect.isclass(made):
        if is_dataclass(made) and "__init__" in vars(made) and not hasattr(made.__init__, "__wrapped__"):
            made.__init__ = checked(made.__init__)
        return made
    if not isinstance(made, FunctionType) or made.__code__.co_flags & _AWAITED:
        return _by_jaxtyping(made, typechecker=check)
    return _check_function(made)


_AWAITED = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def _check_function(function: FunctionType) -> Callable[..., Any]:
    code = function.__code__
    hints, has_array, call = _known.get(code) or _find_out(function)
    if call is None:
        own = _copy(function)
        own.__annotations__ = hints
        # A generator is checked where it is called, and not where its first value is asked for.
        own.__code__ = code.replace(co_flags=code.co_flags & ~inspect.CO_GENERATOR)
        call = check(own)
        if call is own:
            return function
        if "<locals>" in function.__qualname__:
            _known[code] = hints, has_array, _hold(call, None)
    call = _hold(call, function)
    return functools.wraps(function)(_with_axes(call) if has_array else call)


def _find_out(function: FunctionType) -> tuple[dict[str, Any], bool, None]:
    hints = _read(function)
    return hints, any(map(_has_array, hints.values())), None


def _hold(call: FunctionType, function: FunctionType | None) -> FunctionType:
    """The same checks, for a function of the same arguments."""
    made = _copy(call)
    made.__kwdefaults__[_HELD] = function
    return made


def _copy(function: FunctionType) -> FunctionType:
    made = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    made.__kwdefaults__ = function.__kwdefaults__ and dict(function.__kwdefaults__)
    made.__qualname__, made.__module__ = function.__qualname__, function.__module__
    return made


def _with_axes(call: Callable[..., Any]) -> Callable[..., Any]:
    def with_axes(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        with _by_jaxtyping("context"):
            return call(*args, **kwargs)

    return with_axes


def _read(function: FunctionType) -> dict[str, Any]:
    """The annotations, which stand there as text; anything will do where one names what only a type checker imports."""
    found = {}
    for name, hint in function.__annotations__.items():
        try:
            found |= get_type_hints(_Annotated({name: hint}), function.__globals__, include_extras=True)
        except Exception:
            found[name] = Any
    return found


class _Annotated:
    def __init__(self, hints: dict[str, Any]) -> None:
        self.__annotations__ = hints


def _has_array(hint: Any) -> bool:
    return (inspect.isclass(hint) and issubclass(hint, AbstractArray)) or any(map(_has_array, get_args(hint)))


class _Loader(_import_hook._JaxtypingLoader):
    """jaxtyping's own, which names the bytecode of what a module imports as it names the module's.

    TensorFlow's thousands of modules are then compiled anew, as if nobody had ever imported them.
    """

    def get_code(self, fullname: str) -> CodeType | None:
        name = functools.partial(_import_hook._optimized_cache_from_source, self._typechecker.get_hash())
        with patch("importlib._bootstrap_external.cache_from_source", name):
            return SourceFileLoader.get_code(self, fullname)

    def exec_module(self, module: ModuleType) -> None:
        SourceFileLoader.exec_module(self, module)


def install() -> None:
    """Has what is imported of lstmviz from here on checked."""
    jaxtyping.jaxtyped = checked  # what the hook puts before each function and class, by its name
    _import_hook._JaxtypingLoader = _Loader
    jaxtyping.install_import_hook("lstmviz", "tests.annotations.check")
