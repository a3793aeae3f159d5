"""Damaged files, made of whole ones."""

from hypothesis import strategies as st


@st.composite
def mutations(draw, data):
    """`data` with bytes changed, cut out, doubled, put in or cut off."""
    damaged = bytearray(data)
    for _time in range(draw(st.integers(1, 4))):
        if not damaged:
            break
        start = draw(st.integers(0, len(damaged) - 1))
        length = draw(st.integers(1, 64))
        how = draw(st.sampled_from(["change", "flip", "remove", "double", "insert", "truncate"]))
        piece = bytes(damaged[start : start + length])
        if how == "change":
            damaged[start : start + length] = draw(st.binary(min_size=len(piece), max_size=len(piece)))
        elif how == "flip":
            damaged[start] ^= 1 << draw(st.integers(0, 7))
        elif how == "remove":
            del damaged[start : start + length]
        elif how == "double":
            damaged[start:start] = piece
        elif how == "insert":
            damaged[start:start] = draw(st.binary(max_size=16))
        else:
            del damaged[start:]
    return bytes(damaged)
