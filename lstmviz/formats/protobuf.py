"""Protocol buffers by their wire format: what a message is made of, before a library makes objects of it.

https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from lstmviz.language import _

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""The kinds of field."""
_LENGTHS = {FIXED64: 8, FIXED32: 4}
_LONGEST_VARINT = 10
_BYTES_A_FIELD = 32  # of packed whole numbers, each of which takes up to 8 bytes once parsed


class Field(NamedTuple):
    """One field of a message.

    Attributes:
        number: Which it is.
        kind: VARINT, FIXED64, BYTES or FIXED32.
        start: Where its value begins.
        end: Where it ends; beyond the data where that was cut off.
    """

    number: int
    kind: int
    start: int
    end: int


class _Nested(NamedTuple):
    """What is in a kind of message, by its fields' numbers: messages of other kinds, and packed whole numbers."""

    messages: dict[int, _Nested]
    packed: set[int]


def scan(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """The fields of a message, one after another, without what is in them.

    Raises:
        ValueError: these are no fields.
    """
    at, end = start, len(data) if end is None else min(end, len(data))
    while at < end:
        tag, at = _varint(data, at, end)
        number, kind = tag >> 3, tag & 7
        if not number or kind not in (VARINT, BYTES, *_LENGTHS):
            raise ValueError(_("it has a field of an unknown kind"))
        first = at
        if kind == VARINT:
            _value, at = _varint(data, at, end)
        elif kind == BYTES:
            length, first = _varint(data, at, end)
            at = first + length
        else:
            at += _LENGTHS[kind]
        yield Field(number, kind, first, at)


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A number of 7 bits a byte, and where the next begins."""
    value = shift = 0
    for place in range(at, min(at + _LONGEST_VARINT, end)):
        value |= (data[place] & 127) << shift
        if data[place] < 128:
            return value, place + 1
        shift += 7
    raise ValueError(_("it ends too early"))


def count_fields(data: bytes, message: Any, most: int) -> int:
    """How many fields a message has, with those of all messages in it; counting ends with the first too many.

    Each field may cost a hundred bytes and more once it is parsed, and two in the file.

    Args:
        data: The message.
        message: Its class.
        most: Counting stops above it.

    Raises:
        ValueError: the message is damaged.
    """
    count, rest = 0, [(0, len(data), _describe(message.DESCRIPTOR, {}))]
    try:
        while rest and count <= most:
            count += _count_own(data, *rest.pop(), rest, most - count)
    except IndexError as error:  # the last byte of a number is missing
        raise ValueError(_("it ends too early")) from error
    return count


def _count_own(data: bytes, at: int, end: int, nested: _Nested, rest: list[Any], most: int) -> int:
    """How many fields one message has; the messages in it are put to the rest. `scan`, without its 2 µs a field."""
    count, messages = 0, nested.messages
    while at < end and count <= most:
        count += 1
        tag = data[at]
        at += 1
        if tag > 127:
            tag, at = _varint(data, at - 1, end)
        kind = tag & 7
        if kind == BYTES:
            length = data[at]
            at += 1
            if length > 127:
                length, at = _varint(data, at - 1, end)
            if length and (inner := messages.get(tag >> 3)) is not None:
                rest.append((at, at + length, inner))
            elif tag >> 3 in nested.packed:
                count += length // _BYTES_A_FIELD
            at += length
        elif kind == VARINT:
            if data[at] > 127:
                _value, at = _varint(data, at, end)
            else:
                at += 1
        elif kind in _LENGTHS:
            at += _LENGTHS[kind]
        else:
            raise ValueError(_("it has a field of an unknown kind"))
    if at > end:
        raise ValueError(_("it ends too early"))
    return count


def _describe(descriptor: Any, known: dict[str, _Nested]) -> _Nested:
    if descriptor.full_name not in known:
        nested = known[descriptor.full_name] = _Nested({}, set())
        for field in descriptor.fields:
            if field.message_type is not None:
                nested.messages[field.number] = _describe(field.message_type, known)
            elif field.type not in _FIXED_TYPES:
                nested.packed.add(field.number)
    return known[descriptor.full_name]


# google/protobuf/descriptor.proto: double, float, fixed64, fixed32, string, bytes, sfixed32, sfixed64 have a length of their own.
_FIXED_TYPES = {1, 2, 6, 7, 9, 12, 15, 16}


def first_field(data: bytes, start: int, end: int, allowed: Mapping[int, int]) -> bool:
    """Whether a message begins with one of these fields, `{number: kind}`; an empty one does."""
    field = next(scan(data, start, end), None)
    return field is None or allowed.get(field.number) == field.kind
