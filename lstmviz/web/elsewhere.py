"""The section that shows the same weights as another framework stores them, proves it, and hands them over."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from lstmviz import language
from lstmviz.cells import Cell
from lstmviz.formats.save import WRITERS, Writer, loading_code, save_bytes
from lstmviz.language import _
from lstmviz.layouts import LAYOUTS, Proof
from lstmviz.sequences import Sequence
from lstmviz.web import figure, render, sections
from lstmviz.web.markup import escape
from lstmviz.web.render import Upload
from lstmviz.web.view import View

_MOST = 2**25  # weights: several copies of them, some in float64, are made on the way


def draw(view: View, cell: Cell, sequence: Sequence, upload: Upload | None, name: str) -> None:
    """The section: a choice of layouts, and what comes with the one chosen; `name` is what its files are called."""
    sections.write(
        _("The same weights in another framework"),
        _(
            "Frameworks store one cell in different ways: the gates in another order, the kernel turned or cut in two, one bias "
            "or two, `forget_bias` inside the bias or added when the cell runs. Here is which block goes where."
        ),
    )
    st.segmented_control(
        _("layout"),
        ["", *LAYOUTS],
        key="layout",
        required=True,
        format_func={"": _("none"), **{key: layout.title for key, layout in LAYOUTS.items()}}.__getitem__,
        help=_("How a framework stores the weights."),
    )
    if not view.layout:
        return
    if cell.kernel.size > _MOST:
        st.warning(
            _(
                "{given:,} weights are more than this page converts, {allowed:,}; in Python, `lv.save` has no such bound."
            ).format(given=cell.kernel.size, allowed=_MOST)
        )
        return
    try:
        picture = render.layout_picture(view)
        proof = render.proof(view, sequence, upload)
    except ValueError as error:
        st.warning(escape(str(error)))
        return
    figure.figure(picture.figure, key="layout_figure", alt=picture.alternative)
    _tell(proof)
    with st.expander(_("Every block and where it goes")):
        st.markdown("\n".join(f"- `{move.text}`" for move in proof.converted.moves))
    if proof.ok:
        _offer(view, cell, name)


def _tell(proof: Proof) -> None:
    """The proof's outcome."""
    found = ", ".join(f"`{state}` {difference:.1e}" for state, difference in proof.largest.items())
    words = {
        "layout": LAYOUTS[proof.layout].title,
        "steps": proof.steps,
        "found": found,
        "tolerance": f"{proof.tolerance:.1e}",
    }
    if proof.ok:
        st.success(
            _(
                "**Proved**: the converted weights ran in {layout}'s own equations over {steps} steps of this sequence. "
                "Largest difference: {found}; rounding alone may make {tolerance}."
            ).format(**words),
            icon=":material/verified:",
        )
    else:
        st.error(
            _(
                "**Not proved**: over {steps} steps the converted weights differ from the run, {found}, by more than rounding may "
                "make, {tolerance}. Nothing is offered to take along."
            ).format(**words)
        )


def _offer(view: View, cell: Cell, name: str) -> None:
    """The files, each with the lines that load it."""
    writers = [writer for writer in WRITERS.values() if view.layout in writer.layouts]
    writers.sort(key=lambda writer: len(writer.layouts))  # the framework's own first
    for place, writer in zip(st.tabs([writer.suffix for writer in writers]), writers, strict=True):
        file_name = f"{name}-{view.layout}{writer.suffix}"
        is_sayable = cell.dtype.name in writer.types
        place.download_button(
            _("Weights ({suffix})").format(suffix=writer.suffix),
            _making(view, cell, writer),
            file_name,
            key=f"weights{writer.suffix.replace('.', '_')}",
            on_click="ignore",
            disabled=not is_sayable,
            help=None
            if is_sayable
            else _("Who reads {suffix} computes in {types}: pick that dtype.").format(
                suffix=writer.suffix, types=", ".join(writer.types)
            ),
        )
        place.code(loading_code(cell, view.layout, writer.suffix, path=file_name))


def _making(view: View, cell: Cell, writer: Writer) -> Callable[[], bytes]:
    def make() -> bytes:  # Streamlit calls it on a thread of its own, when the button is pressed
        with language.use(view.lang):
            return save_bytes(cell, writer.suffix, view.layout)

    return make
