"""How the page offers kinds of cell, and what it says of each."""

from __future__ import annotations

from lstmviz.cells import KINDS, Kind, declare_from
from lstmviz.language import _
from lstmviz.layouts import is_stored
from lstmviz.web import settings
from lstmviz.web.markup import escape


def declare_own() -> None:
    """Declares the kinds of the file that the environment names, where it names one.

    Raises:
        SystemExit: it ends with an error; the sentence says which.
    """
    if file := settings.read_kinds():
        try:
            declare_from(file)
        except (ValueError, OSError) as error:
            raise SystemExit(str(error)) from None


def ordered() -> list[str]:
    """Every kind's name: first those that frameworks have, which people ask about; then the others; then the viewer's own."""
    return sorted(KINDS, key=lambda name: (not KINDS[name].is_ours, not is_stored(KINDS[name])))


def first() -> list[str]:
    """The names of those that stand first: the kinds that frameworks have."""
    return [name for name in ordered() if is_stored(KINDS[name])]


def label(name: str) -> str:
    """What a kind is called in the list."""
    if not KINDS[name].is_ours:
        return _("own · {kind}").format(kind=name)
    return name if is_stored(KINDS[name]) else _("more · {kind}").format(kind=name)


def tell(kind: Kind) -> str:
    """What a kind is for and where it comes from, as Markdown; "" where it does not say."""
    purpose = _(kind.purpose) if kind.purpose else ""
    title = _(kind.title) if kind.title != kind.name else ""
    return " ".join(
        escape(part) for part in (purpose or title, f"({kind.source})" if kind.source else "") if part
    )
