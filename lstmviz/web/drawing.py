"""A small drawing of the layer: one dot a node, so that it grows with `num_units`."""

from __future__ import annotations

from html import escape

from lstmviz.cells import Cell
from lstmviz.language import _

_DOT = 8  # the grid's pitch, in drawing units
_ROWS = 16  # dots in a column, before the next one begins
_GAP = 26
_TOP = 34


def layer_svg(cell: Cell, colours: tuple[str, ...]) -> str:
    """An SVG of x, the gates' nodes and h, for an HTML page of either theme.

    Args:
        cell: The cell; each of its gates has `num_units` nodes.
        colours: A colour for each gate, reused from the start where there are more gates.
    """
    blocks = [("x", cell.input_size, "currentColor")]
    blocks += [(g.name, cell.num_units, colours[n % len(colours)]) for n, g in enumerate(cell.kind.gates)]
    blocks.append(("h", cell.output_size, "currentColor"))
    left, parts, heights = 4.0, [], []
    for index, (name, nodes, colour) in enumerate(blocks):
        width = max(_columns(nodes) * _DOT, 18)
        parts.append(_block(index, name, nodes, colour, left, width))
        heights.append(min(nodes, _ROWS) * _DOT)
        left += width + _GAP
    total, height = left - _GAP + 4, _TOP + max(heights) + 6
    label = _(
        "The layer as dots: {input_size} inputs x, then {gates} gates of {num_units} nodes each, then h with {output_size}."
    ).format(
        input_size=cell.input_size,
        gates=len(cell.kind.gates),
        num_units=cell.num_units,
        output_size=cell.output_size,
    )
    # A fixed scale for small layers, so that it is seen to grow; the page's width is the limit for large ones.
    return (
        f'<svg class="lv-layer" role="img" aria-label="{escape(label)}" viewBox="0 0 {total:g} {height:g}"'
        f' width="{total * 1.5:g}" style="max-width:100%;height:auto;display:block" xmlns="http://www.w3.org/2000/svg">'
        + "".join(parts)
        + "</svg>"
    )


def _columns(nodes: int) -> int:
    return -(-nodes // _ROWS)


def _block(index: int, name: str, nodes: int, colour: str, left: float, width: float) -> str:
    full, rest = divmod(nodes, _ROWS)
    # The dots are a pattern, so that a thousand of them weigh no more than one.
    pattern = (
        f'<pattern id="lv-dots-{index}" patternUnits="userSpaceOnUse" x="{left:g}" y="{_TOP}" width="{_DOT}" height="{_DOT}">'
        f'<circle cx="{_DOT / 2:g}" cy="{_DOT / 2:g}" r="{_DOT * 0.36:g}" fill="{colour}"/></pattern>'
    )
    columns = [(left, full * _DOT, _ROWS * _DOT)] if full else []
    if rest:
        columns.append((left + full * _DOT, _DOT, rest * _DOT))
    dots = "".join(
        f'<rect x="{x:g}" y="{_TOP}" width="{w}" height="{h}" fill="url(#lv-dots-{index})"/>' for x, w, h in columns
    )
    middle = left + width / 2
    text = (
        f'<text x="{middle:g}" y="12" text-anchor="middle" font-size="12" font-weight="600" fill="{colour}">{name}</text>'
        f'<text x="{middle:g}" y="26" text-anchor="middle" font-size="10" fill="currentColor">{nodes}</text>'
    )
    return f"<defs>{pattern}</defs>{text}{dots}"
