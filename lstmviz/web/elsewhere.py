"""The section that shows the same weights as another framework stores them, proves it, and hands them over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from lstmviz import language
from lstmviz.cells import Cell
from lstmviz.formats.save import WRITERS, Writer, loading_code, save_bytes
from lstmviz.language import _
from lstmviz.layouts import LAYOUTS, Proof, is_stored
from lstmviz.sequences import Sequence
from lstmviz.web import figure, models, own_words, render, sections
from lstmviz.web.fixed import offer
from lstmviz.web.markup import escape
from lstmviz.web.render import Upload
from lstmviz.web.view import View

_MOST = 2**25  # weights: several copies of them, some in float64, are made on the way


def with_layout(view: View) -> View:
    """The view in a layout: where none is picked, in one that is not its own."""
    return replace(view, layout=view.layout or _usual(view))


def _usual(view: View) -> str:
    return "keras" if models.facts(view).layout != "keras" else "pytorch"


def draw(
    view: View, cell: Cell, sequence: Sequence, upload: Upload | None, name: str, is_always: bool = False
) -> None:
    """The section: a choice of layouts, and what comes with the one chosen.

    Args:
        view: What is shown.
        cell: Its cell.
        sequence: What the proof runs over.
        upload: The viewer's file.
        name: What the files are called.
        is_always: Whether some layout is always shown, see `with_layout`.
    """
    if not is_stored(cell.kind):
        sections.write(
            _("The same weights in another framework"),
            _(
                "None of the layouts known here, {layouts}, has a form for {kind}: there is nothing to convert. Below, the "
                "weights are under the names that the equation gives them."
            ).format(
                layouts=", ".join(layout.title for layout in LAYOUTS.values()), kind=f"`{cell.kind.name}`"
            ),
        )
        return
    sections.write(
        _("The same weights in another framework"),
        _(
            "Frameworks store one cell in different ways: the gates in another order, the kernel turned or cut in two, one bias "
            "or two, `forget_bias` inside the bias or added when the cell runs. Here is which block goes where."
        ),
    )
    titles = {key: layout.title for key, layout in LAYOUTS.items()}
    # Where there is always one, the address need not say the usual one.
    usual = _usual(view) if is_always else ""
    unsaid = titles.get(usual, _("none"))
    if usual and st.session_state["layout"] != usual:
        choices = ["" if key == usual else key for key in LAYOUTS]
    else:
        choices = list(LAYOUTS) if usual else ["", *LAYOUTS]
    offer(st.segmented_control, "layout")(
        _("layout"),
        choices,
        required=True,
        format_func={"": unsaid, **titles}.__getitem__,
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
    facts = models.facts(view)
    if assumption := own_words.beside_picture(facts):
        st.markdown(assumption)
    figure.figure(picture.figure, key="layout_figure", alt=picture.alternative)
    _tell(proof, facts.condition)
    with st.expander(_("Every block and where it goes")):
        st.markdown("\n".join(f"- `{move.text}`" for move in proof.converted.moves))
    if proof.ok and _is_agreed(facts):
        _offer(view, cell, name)


def _tell(proof: Proof, condition: str) -> None:
    """The proof's outcome, and what it rests on."""
    told = escape(proof.tell(condition))
    if not proof.ok:
        st.error(_("**Not proved.** {told} Nothing is offered to take along.").format(told=told))
        return
    text = _("**Proved, on a condition.** {told}") if condition else _("**Proved.** {told}")
    st.success(text.format(told=told), icon=":material/verified:")


def _is_agreed(facts: models.Facts) -> bool:
    """Whether the viewer takes what the file does not say for true, where anything is assumed."""
    if not facts.assumed:
        return True
    return st.checkbox(
        _("I take it that {assumed}.").format(
            assumed=_("; and ").join(escape(each.that) for each in facts.assumed)
        ),
        key="assume",
        help=_(
            "The file does not say so. Without it these may be the weights of another cell: nothing is offered."
        ),
    )


def _offer(view: View, cell: Cell, name: str) -> None:
    """The files, each with the lines that load it."""
    writers = [writer for writer in WRITERS.values() if view.layout in writer.layouts]
    if view.edited:
        st.caption(escape(view.say_edited()))
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
