"""The section that compares the view with another setting: one click for the usual questions, or one thing of choice."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

import streamlit as st

from lstmviz.language import _
from lstmviz.sequences import Sequence
from lstmviz.web import controls, figure, kinds, limits, orders, parameters, render, sections, trained
from lstmviz.web import view as views
from lstmviz.web.fixed import hold, offer
from lstmviz.web.markup import escape
from lstmviz.web.render import Upload
from lstmviz.web.view import View

_NOTHING = "-"


@dataclass(frozen=True)
class _Question:
    """A comparison to be had with one click: what it sets here, and what in the other setting; why it cannot be had."""

    key: str
    title: str
    own: dict[str, str] = field(default_factory=dict)
    versus: dict[str, str] = field(default_factory=dict)
    missing: str | None = None


def draw(view: View, sequence: Sequence, upload: Upload | None, devices: Iterable[str]) -> None:
    """The section of the document: questions, the free choice, and the picture if anything is compared."""
    tell()
    draw_questions(view, devices)
    draw_choice(view, is_optional=True)
    if view.versus:
        draw_picture(view, sequence, upload)


def with_other(view: View) -> View:
    """The view, with the first question that fits it where nothing is picked: `forget_bias`, else other weights."""
    if view.versus:
        return view
    options = dict(view.options)
    if _has_shipped(view):
        asked = {"initial_weights": trained.TRAINED}
    elif view.model:
        asked = {"dtype": "float64" if view.dtype == "float32" else "float32"}
    elif "forget_bias" in options:
        asked = {"forget_bias": "1" if options["forget_bias"] == 0 else "0"}
    elif trained.base(view):
        asked = {"initial_weights": trained.drawn_as(view)}
    else:
        asked = {"seed": _another_seed(view)}
    return views.compare_with(view, asked)[0]


def _has_shipped(view: View) -> bool:
    """Whether a view is of a cell that was trained here, and one of its kind and size ships."""
    return trained.is_made_here(view) and view.num_units in trained.sizes(replace(view, model="", layer=""))


def tell() -> None:
    """What there is to see."""
    sections.write(
        _("Beside another setting"),
        _(
            "The same sequence through two cells: `a` is the one of the controls, `b` differs in what you pick here. See in "
            "which "
            "step, gate and unit they first part by more than the tolerance."
        ),
    )


def draw_questions(view: View, devices: Iterable[str]) -> None:
    """The usual comparisons, each one click."""
    with st.container(horizontal=True, key="versus_questions"):
        for question in _questions(view, list(devices)):
            st.button(
                question.title,
                key=question.key,
                on_click=_ask,
                args=(question,),
                disabled=question.missing is not None,
                help=question.missing,
            )


def draw_picture(view: View, sequence: Sequence, upload: Upload | None) -> bool:
    """The difference, and where the two part; where there is none, why, and False."""
    try:
        picture = render.comparison_picture(view, sequence, upload)
    except ValueError as error:
        st.warning(escape(str(error)))
        return False
    figure.figure(picture.figure, key="compare", alt=picture.alternative)
    for letter, each in (("a", view), ("b", render.other_over(view, sequence))):
        if moved := render.say_moved(each, sequence):
            st.warning(_("{run} was computed by {device}.").format(run=letter, device=moved))
    return True


def draw_settings(view: View) -> None:
    """Both settings beside each other, a column each; what differs is marked."""
    if (other := views.other(view)) is None:
        return
    other = replace(other, input_size=view.input_size)  # both read the same sequence
    names = dict.fromkeys([*settings(view, other), *settings(other, view)])
    a, b = _facts(view, names), _facts(other, names)
    rows = "".join(_row(name, a.get(name, "-"), b.get(name, "-")) for name in {**a, **b})
    heads = "".join(
        f'<th scope="col" class="lv-of-{x}"><span class="lv-letter">{x}</span></th>' for x in "ab"
    )
    st.html(
        f'<table class="lv-setting"><thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    )


def tell_order(view: View) -> None:
    """That an order is the first setting's alone, where the other has other units."""
    other = views.other(view)
    if view.order != orders.STORED and other is not None and other.num_units != view.num_units:
        st.caption(_("b has another number of units, so that its rows are as they are stored."))


def draw_gates(view: View, sequence: Sequence, upload: Upload | None) -> None:
    """Every gate of both, step by step, beside each other."""
    own = render.run_picture(replace(view, units=()), sequence, upload)
    other = render.beside_picture(view, sequence, upload)
    drawn = {"a": (own.figure, own.alternative), "b": (other.figure, other.alternative)}
    for place, (letter, (json, said)) in zip(st.columns(2), drawn.items(), strict=True):
        with place:
            st.html(f'<div class="lv-run lv-of-{letter}"><span class="lv-letter">{letter}</span></div>')
            figure.figure(json, key=f"gates_{letter}", alt=f"{letter}: {said}")


def _facts(view: View, names: Iterable[str]) -> dict[str, str]:
    """What a setting is, by what each thing is called: the parameters of these names, and what comes of them."""
    said, cell = parameters.in_full(view), render.dressed_cell(view)
    if trained.find(view) and view.model:  # it has sizes and a seed as the page's own have
        said["initial_weights"] = _("trained here")
    return {
        "cell": cell.kind.name,
        **{name: _spell(said[name]) for name in names if said.get(name, "") != ""},
        _("kernel"): f"[{', '.join(map(str, cell.kernel.shape))}]" if cell.rows else "-",
        _("parameters"): f"{cell.parameter_count:,}",
    }


_MADE = frozenset({"num_units", "seed", "initial_weights", "linear"})
"""What a layer from a file has not been made by, unless it was trained here."""
_OF_FILES = frozenset({"layer", "reverse", "initial_state"})
"""What says how a layer of a file is run, and nothing of any other cell."""
_UNSAID = frozenset({*views.WHAT_IFS, *_OF_FILES, "linear"})
"""What goes without saying where both settings have it as usual: that nothing is held or edited, or stands in front."""


def settings(view: View, other: View) -> list[str]:
    """Every parameter that makes a view's run what it is beside its kind, for a table that has another setting too."""
    is_of_file = bool(view.model) and not trained.is_made_here(view)
    foreign = {"cell", *(_MADE if is_of_file else _OF_FILES)}
    return [
        row.name
        for row in parameters.of_run(view)
        if row.name not in foreign
        and not (row.name in _UNSAID and all(row.get(each) == row.usual(each) for each in (view, other)))
    ]


def _spell(said: str) -> str:
    """What an address says, with gaps at which a line can end."""
    return said.replace(",", ", ").replace(";", "; ")


def _row(name: str, a: str, b: str) -> str:
    """A row of the table; what differs has a sign too, for a colour alone would not do."""
    differs, sign = (' class="lv-differs"', "≠ ") if a != b else ("", "")
    cells = "".join(f'<td class="lv-of-{x}">{html.escape(text)}</td>' for x, text in (("a", a), ("b", b)))
    return f'<tr{differs}><th scope="row">{sign}{html.escape(name)}</th>{cells}</tr>'


def _questions(view: View, devices: list[str]) -> list[_Question]:
    gpu = next((name for name in devices if name.startswith("GPU")), "GPU:0")
    has_forget_bias = any(option.name == "forget_bias" for option in view.kind.options)
    own = _("A layer from a file has the weights it has.") if view.model else None
    shipped = _Question("ask_shipped", _("the cell that ships"), versus={"initial_weights": trained.TRAINED})
    return [
        *([shipped] if _has_shipped(view) else []),
        _Question(
            "ask_forget_bias",
            _("forget_bias 0 against 1"),
            {"forget_bias": "0"},
            {"forget_bias": "1"},
            own or (None if has_forget_bias else _("{kind} has no forget_bias.").format(kind=view.cell)),
        ),
        _Question(
            "ask_device",
            _("CPU against GPU"),
            {"device": "CPU:0"},
            {"device": gpu},
            None if gpu in devices else _("TensorFlow sees no GPU here."),
        ),
        _Question("ask_dtype", _("float32 against float64"), {"dtype": "float32"}, {"dtype": "float64"}),
        _Question(
            "ask_seed",
            _("another seed"),
            {"initial_weights": trained.drawn_as(view)},
            {"seed": _another_seed(view)},
            own,
        ),
    ]


def _another_seed(view: View) -> str:
    return str((view.seed + 1) % (views.MAX_SEED + 1))


def _ask(question: _Question) -> None:
    shown = st.session_state["view"]
    view, _problems = views.parse(parameters.in_full(shown) | question.own)
    # What no address holds: the viewer's file, and how many features other sequences bring.
    _compare(replace(view, model=shown.model, input_size=shown.input_size), question.versus)


def _compare(view: View, versus: dict[str, str]) -> None:
    view, _problems = views.compare_with(hold(st.session_state["view"], view), versus)
    st.session_state["view"] = view
    controls.write(view)


def draw_choice(view: View, is_optional: bool) -> None:
    """What differs, and in which value; the tolerance. Nothing need differ where it `is_optional`."""
    names = [
        *views.compared(view),
        *([] if view.model else (option.name for option in parameters.own_options(view.kind))),
    ]
    if not render.device_names():
        names.remove("device")
    differing, *others = [*dict(view.versus), _NOTHING]
    if differing not in (*names, _NOTHING):
        names.append(differing)  # what a link alone can say
    st.session_state["versus_name"] = differing
    name, value, tolerance = st.columns([2, 2, 1])
    if others[:-1]:
        name.caption(escape(", ".join(f"{key} = {text}" for key, text in view.versus)))
    name.selectbox(
        _("what differs in b"),
        [*([_NOTHING] if is_optional else []), *names],
        key="versus_name",
        on_change=_name_chosen,
        format_func=lambda chosen: _("nothing: do not compare") if chosen == _NOTHING else chosen,
    )
    if view.versus:
        with value:
            _draw_value(view, differing, dict(view.versus)[differing])
        offer(tolerance.selectbox, "tolerance")(_("tolerance"), views.TOLERANCES)


def _draw_value(view: View, name: str, given: str) -> None:
    label = _("{name} of b").format(name=name)
    if choices := _choices(view, name):
        st.session_state["versus_value"] = given
        st.selectbox(label, choices, key="versus_value", on_change=_value_chosen)
    else:
        st.session_state["versus_number"] = float(given)
        whole = name in ("num_units", "seed", "num_proj")
        smallest = {"num_units": 1, "num_proj": 1, "seed": 0}.get(name)
        largest = {"num_units": limits.MAX_UNITS, "num_proj": limits.MAX_UNITS, "seed": views.MAX_SEED}.get(
            name
        )
        st.number_input(
            label,
            None if smallest is None else float(smallest),
            None if largest is None else float(largest),
            step=1.0 if whole else 0.5,
            format="%.0f" if whole else "%g",
            key="versus_number",
            on_change=_number_chosen,
        )


def _choices(view: View, name: str) -> list[str]:
    """The values that `name` may have; none where it is a number."""
    fixed: dict[str, Callable[[], Iterable[str]]] = {
        "cell": kinds.ordered,
        "initial_weights": lambda: trained.weights(view.sequence),
        "dtype": lambda: views.DTYPES,
        **{name: partial(_what_ifs, view, name) for name in views.WHAT_IFS},
        "device": render.device_names,
    }
    if name in fixed:
        return list(fixed[name]())
    option = next((option for option in view.kind.options if option.name == name), None)
    if option is None:
        return []
    return ["true", "false"] if option.type is bool else list(option.choices)


def _what_ifs(view: View, name: str) -> Iterable[str]:
    """What a link says that is held or edited in b, or nothing of it."""
    return dict.fromkeys((dict(view.versus)[name], parameters.NOTHING))


def _name_chosen() -> None:
    view, name = st.session_state["view"], st.session_state["versus_name"]
    _compare(view, {} if name == _NOTHING else {name: _another(view, name)})


def _another(view: View, name: str) -> str:
    """A value for `name` that differs from the view's."""
    own = parameters.in_full(view).get(name, "")
    if choices := _choices(view, name):
        return next((choice for choice in choices if choice != own), own)
    return str(float(own or 0) + 1).removesuffix(".0")


def _value_chosen() -> None:
    _change(st.session_state["versus_value"])


def _number_chosen() -> None:
    number = st.session_state["versus_number"]
    if number is not None:
        _change(f"{number:g}" if number % 1 else f"{number:.0f}")


def _change(value: str) -> None:
    view = with_other(st.session_state["view"])
    _compare(view, dict(view.versus) | {next(iter(dict(view.versus))): value})
