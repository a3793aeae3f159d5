"""A small drawing of the layer: one dot a node, so that it grows with `num_units`."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from lstmviz.cells import Cell
from lstmviz.language import _
from lstmviz.plot.theme import gate_colours

PITCH = 10  # pixels from dot to dot
_ROWS = 16  # dots in a column, before the next one begins
_MOST = 512  # dots of a part: 320 pixels wide


def draw_layer(cell: Cell, letters: Mapping[str, str] | None = None) -> str:
    """HTML of x, the gates' nodes and h as grids of dots, for a page of either theme.

    Args:
        cell: The cell; each of its gates has `num_units` nodes.
        letters: What to call each gate, by our names of them, in the order in which they are drawn; by default ours.
    """
    each = _nodes_of_a_dot(max(cell.input_size, cell.num_units))
    blocks = [_block("x", cell.input_size, "currentColor", each)]
    own = gate_colours([gate.name for gate in cell.kind.gates])
    shown = letters or {name: name for name in own}
    blocks += [_block(letter, cell.num_units, own[gate], each) for gate, letter in shown.items()]
    blocks.append(_block("h", cell.output_size, "currentColor", each))
    label = _(
        "The layer as dots: {input_size} inputs x, then {gates} gates of {num_units} nodes each, then h with {output_size}."
    ).format(
        input_size=cell.input_size,
        gates=len(cell.kind.gates),
        num_units=cell.num_units,
        output_size=cell.output_size,
    )
    if each > 1:
        told = _("Each dot stands for {count} nodes.").format(count=each)
        blocks.append(f'<div style="flex-basis:100%">{escape(told)}</div>')
        label = f"{label} {told}"
    return (
        f'<div role="img" aria-label="{escape(label)}" class="lv-layer"'
        f' style="display:flex;flex-wrap:wrap;gap:12px 32px;align-items:flex-start">{"".join(blocks)}</div>'
    )


def _nodes_of_a_dot(nodes: int) -> int:
    """1, or the power of 2 with which the largest part of a layer fits a small screen."""
    each = 1
    while nodes > each * _MOST:
        each *= 2
    return each


def _block(name: str, nodes: int, colour: str, each: int) -> str:
    full, rest = divmod(-(-nodes // each), _ROWS)
    grids = _grid(full, _ROWS, colour) if full else ""
    grids += _grid(1, rest, colour) if rest else ""
    return (
        f'<div><div style="color:{colour};white-space:nowrap"><b>{name}</b> {nodes:,}</div>'
        f'<div style="display:flex;align-items:flex-start">{grids}</div></div>'
    )


def _grid(columns: int, rows: int, colour: str) -> str:
    # The dots are a pattern, so that a thousand of them weigh no more than one.
    dots = f"radial-gradient(circle, {colour} 34%, transparent 40%) 0 0 / {PITCH}px {PITCH}px"
    return f'<div style="width:{columns * PITCH}px;height:{rows * PITCH}px;background:{dots}"></div>'
