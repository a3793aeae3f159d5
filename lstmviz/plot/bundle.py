"""Several JavaScript modules as one, so that a browser asks once, and not again for what each module names.

It understands what our own modules do: named imports from `./name.js`, and exports of a function, a class or a constant. The
modules themselves stay as they are written; Node and TypeScript read them one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w.]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (default )?(function|async function|class|const) (\w+)", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def bundle(entry: str, read: Callable[[str], str]) -> str:
    """The module `entry` with all that it imports, each module evaluated once, before those that import it.

    Args:
        entry: A module's file name.
        read: Gives the text of a module by its file name.

    Raises:
        ValueError: a module imports or exports in a way that is not understood, or two import each other.
    """
    parts = ["const modules = {};\n", *(_wrap(name, read(name)) for name in _order(entry, read, ()))]
    names = [exported for exported, _local in _exports(read(entry))]
    parts += [
        f'export default modules["{entry}"].default;\n'
        if name == "default"
        else f'export const {name} = modules["{entry}"].{name};\n'
        for name in names
    ]
    return "".join(parts)


def _order(entry: str, read: Callable[[str], str], within: tuple[str, ...]) -> Iterator[str]:
    """The modules that `entry` needs, each behind what it needs itself."""
    if entry in within:
        raise ValueError(
            f"{' imports '.join((*within, entry))}: modules that import each other make no bundle."
        )
    found: dict[str, None] = {}
    for _names, other in _IMPORT.findall(read(entry)):
        found |= dict.fromkeys(_order(other, read, (*within, entry)))
    yield from found
    yield entry


def _exports(code: str) -> list[tuple[str, str]]:
    return [("default" if default else name, name) for default, _what, name in _EXPORT.findall(code)]


def _wrap(name: str, code: str) -> str:
    exports = ", ".join(f"{exported}: {local}" for exported, local in _exports(code))
    code = _IMPORT.sub(
        lambda found: f'const {{{found[1].replace(" as ", ": ")}}} = modules["{found[2]}"];', code
    )
    code = _EXPORT.sub(r"\2 \3", code)
    if other := _OTHER.search(code):
        raise ValueError(f"{name}: {other[0]!r} is no import or export that a bundle has.")
    return f'modules["{name}"] = (() => {{\n{code}\nreturn {{ {exports} }};\n}})();\n'
