"""The command line: `lstmviz`, or `python -m lstmviz`.

- `inspect FILE`: the recurrent layers of a model file
- `render FILE -o page.html`: a layer's figures over a sequence, as one page that opens offline
- `convert FILE --to pytorch -o out.safetensors`: a layer in another framework's layout, with the proof
- `identify FILE --input x.csv --output h.csv`: which gate is which in arrays of unknown origin
"""

from __future__ import annotations

import argparse
import os
import sys
import uuid
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as Ordered
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from lstmviz import language, sequences
from lstmviz.cells import Cell
from lstmviz.formats import sandbox
from lstmviz.formats.load import READERS, Loaded, load
from lstmviz.formats.save import WRITERS, loading_code, save_bytes
from lstmviz.language import LANGUAGES, _
from lstmviz.layouts import LAYOUTS, prove
from lstmviz.sequences import Sequence
from lstmviz.trace import Trace

_SHOWN = 60  # steps of the sequence that is shown where none is given
_PROVED = 200  # steps of noise that a conversion is proved over
_ANSWERS = 5  # readings that `identify` prints


def main(arguments: Ordered[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: What follows the program's name; by default what it was started with.

    Returns:
        0; 1 where something that was given is wrong, and one sentence on the error output says what; 130 where it was
        interrupted. What is no command at all ends the program with 2.
    """
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")  # a terminal without ± or 層 shows ? instead
    with language.use(_speak(os.environ)):
        given = _parser().parse_args(arguments)
        try:
            given.command(given)
            sys.stdout.flush()
        except KeyboardInterrupt:
            return 130  # what shells give for it
        except BrokenPipeError:  # `| head` has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the last flush fails too
        except (ValueError, OSError, ImportError) as error:
            print("lstmviz:", _plain(_tell(error)), file=sys.stderr)  # noqa: T201
            return 1
    return 0


def _speak(environment: Mapping[str, str]) -> str:
    """The language that a terminal asks for, `LANG=ja_JP.UTF-8`; English where it is none that is spoken."""
    asked = next(filter(None, map(environment.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    name = asked.partition("_")[0].partition(".")[0]
    return name if name in LANGUAGES else "en"


def _tell(error: Exception) -> str:
    if isinstance(error, ImportError):
        return _('{package} is needed and not installed: pip install "lstmviz[cpu]"').format(
            package=(error.name or str(error)).partition(".")[0]
        )
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


# --- What can be given


def _parser() -> argparse.ArgumentParser:
    from lstmviz import __version__

    parser = argparse.ArgumentParser(prog="lstmviz", description=_("See what is inside a recurrent cell."))
    parser.add_argument("--version", action="version", version=f"lstmviz {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="name")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "file", metavar="FILE", help=_("a model file: {formats}").format(formats=_formats())
        )
        command.set_defaults(command=_COMMANDS[name])
        return command

    inspect = add("inspect", _("list the recurrent layers of a model file, their sizes and biases"))
    render = add("render", _("write a layer's figures over a sequence as one page that opens offline"))
    convert = add("convert", _("write a layer in another framework's layout, once it is proved equal"))
    identify = add(
        "identify", _("find out which gate is which in arrays, from an input and its known output")
    )
    for command in (render, convert, identify):
        command.add_argument(
            "--layer", help=_("a layer that `inspect` lists; needed where there are several")
        )
    for command in (inspect, render, convert):
        command.add_argument(
            "--layout", choices=list(LAYOUTS), help=_("how an .npz stores its arrays, where it does not say")
        )
    render.add_argument(
        "--input", metavar="CSV", help=_("the sequence, a row a step, taken as it is; else a sine")
    )
    render.add_argument("--dark", action="store_true", help=_("in the dark theme"))
    render.add_argument("-o", "--out", required=True, metavar="FILE", help=_("the page, page.html"))
    convert.add_argument("--to", required=True, choices=list(LAYOUTS), help=_("the layout to write"))
    convert.add_argument(
        "-o",
        "--out",
        required=True,
        metavar="FILE",
        help=_("a file ending in {endings}").format(endings=", ".join(WRITERS)),
    )
    identify.add_argument("--input", metavar="CSV", help=_("a sample input, a row a step; a few steps do"))
    identify.add_argument(
        "--output", metavar="CSV", help=_("what the layer gave for it, a row a step, or the last one alone")
    )
    return parser


def _formats() -> str:
    return ", ".join(reader.title for reader in READERS.values())


# --- The commands


def _inspect(given: argparse.Namespace) -> None:
    loaded = _load(given)
    _print(f"{Path(given.file).name}: {READERS[loaded.format].title}")
    for name, cell in loaded.items():
        _print(f"\n{name}: {cell.kind.name}")
        for line in _describe(cell):
            _print(f"  {line}")
        _print_note(loaded, name, "  ")
    if not loaded:
        _print("\n" + _("No layer of it can be shown."))
    if loaded.skipped:
        _print("\n" + _("Left out:"))
        for name, reason in loaded.skipped.items():
            array = loaded.arrays.get(name)
            shape = "" if array is None else f" {list(array.shape)} {array.dtype.name}"
            _print(f"  {name}{shape}: {reason}")
    if loaded.arrays and not loaded:
        _print("\n" + _("`lstmviz identify` finds out which gate is which in arrays."))


def _print_note(loaded: Loaded, name: str, indent: str = "") -> None:
    if name in loaded.notes:
        _print(indent + _("assumed: {note}").format(note=loaded.notes[name]))


def _describe(cell: Cell) -> Iterator[str]:
    """A cell's sizes, its options and, by gate, its biases."""
    yield _("input_size {input_size}, num_units {num_units}, {count:,} parameters, {dtype}").format(
        input_size=cell.input_size,
        num_units=cell.num_units,
        count=cell.parameter_count,
        dtype=cell.dtype.name,
    )
    if options := [f"{name} {_write(value)}" for name, value in cell.options.items() if value is not None]:
        yield ", ".join(options)
    for gate in cell.kind.gates:
        weights = cell.gate(gate.name)
        if gate.name in cell.biased:
            added = ""
            if gate.offset and cell.options[gate.offset]:
                added = _("; {option} {value:g} is added when the cell runs").format(
                    option=gate.offset, value=cell.options[gate.offset]
                )
            yield _("bias of {gate}: {statistics}").format(
                gate=gate.name, statistics=_measure(weights.bias) + added
            )
        if gate.name in cell.hidden_biased:
            yield _("hidden bias of {gate}: {statistics}").format(
                gate=gate.name, statistics=_measure(weights.hidden_bias)
            )


def _write(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _measure(bias: np.ndarray) -> str:
    exact = bias.astype(np.float64)
    with np.errstate(all="ignore"):  # a bias of NaN is worth seeing
        return _("mean {mean:+.3f} ± {deviation:.3f}, {low:+.3f} to {high:+.3f}").format(
            mean=exact.mean(), deviation=exact.std(), low=exact.min(), high=exact.max()
        )


def _render(given: argparse.Namespace) -> None:
    loaded = _load(given)
    name, cell = _choose(loaded, given)
    x = _read_sequence(given.input, cell)
    _check_folder(given.out)
    from lstmviz.plot.page import page_html

    trace = _run(cell, x)
    _put(given.out, page_html(cell, trace, dark=given.dark, name=name))
    _print(
        _("{file} written: {layer}, {kind}, {steps} steps on {device}").format(
            file=given.out, layer=name, kind=cell.kind.name, steps=len(trace), device=trace.device
        )
    )
    _print_note(loaded, name)


def _convert(given: argparse.Namespace) -> None:
    loaded = _load(given)
    name, cell = _choose(loaded, given)
    content = save_bytes(cell, Path(given.out).name, given.to)  # refused before it takes time
    _check_folder(given.out)
    x = sequences.make("white_noise", time_steps=_PROVED, input_size=cell.input_size)
    proof = prove(_run(cell, x, device="CPU:0"), given.to)
    words = _("{layer} as {layout}, run over {steps} steps: the largest difference is {largest}").format(
        layer=name,
        layout=LAYOUTS[given.to].title,
        steps=proof.steps,
        largest=", ".join(f"{state} {difference:.1e}" for state, difference in proof.largest.items()),
    )
    if not proof.ok:
        raise ValueError(
            _("{proof}, more than the {tolerance:.0e} that rounding makes; nothing was written.").format(
                proof=words, tolerance=proof.tolerance
            )
        )
    _put(given.out, content)
    _print(words)
    _print_note(loaded, name)
    _print(_("{file} written; to load it:").format(file=given.out))
    _print("\n" + loading_code(cell, given.to, Path(given.out).name, path=given.out))


def _identify(given: argparse.Namespace) -> None:
    from lstmviz.detective import identify

    arrays = _find_arrays(given)
    inputs, outputs = (
        None if path is None else _read_csv(path).values for path in (given.input, given.output)
    )
    for match in identify(arrays, inputs, outputs)[:_ANSWERS]:
        _print(str(match))


_COMMANDS = {"inspect": _inspect, "render": _render, "convert": _convert, "identify": _identify}


# --- What is read, and run


def _load(given: argparse.Namespace) -> Loaded:
    with _native_silence():
        return load(given.file, layout=given.layout)


def _run(cell: Cell, x: Sequence, device: str | None = None) -> Trace:
    with _native_silence():
        from lstmviz import engine

        return engine.run(cell, x, device)


@contextmanager
def _native_silence() -> Iterator[None]:
    """Drops what TensorFlow's C++ says of its own start on the error output, at every log level; errors are exceptions."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _choose(loaded: Loaded, given: argparse.Namespace) -> tuple[str, Cell]:
    """The layer that was asked for, or the only one."""
    if not loaded:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in loaded.skipped.items())
        raise ValueError(
            _("{file} has no layer that can be shown. {reasons}")
            .format(file=given.file, reasons=reasons)
            .strip()
        )
    name = _pick(loaded, given)
    return name, loaded[name]


def _find_arrays(given: argparse.Namespace) -> Mapping[str, np.ndarray]:
    """A layer's arrays, whose names may be wrong about the order of its gates; else those of no known layer."""
    with _native_silence():
        _format, found = sandbox.read(given.file)
    if found.layers:
        return found.layers[_pick(found.layers, given)].arrays
    if not found.arrays:
        raise ValueError(_("{file} has no arrays of a recurrent layer.").format(file=given.file))
    return found.arrays


def _pick(layers: Iterable[str], given: argparse.Namespace) -> str:
    names = list(layers)
    if given.layer is None and len(names) == 1:
        return names[0]
    if given.layer in names:
        return str(given.layer)
    told = _("no --layer was given") if given.layer is None else f"--layer {given.layer!r}"
    raise ValueError(
        _("{given}: {file} has {allowed}; give one of them.").format(
            given=told, file=given.file, allowed=", ".join(map(repr, names))
        )
    )


def _read_sequence(path: str | None, cell: Cell) -> Sequence:
    if path is None:
        return sequences.make("sine", time_steps=_SHOWN, input_size=cell.input_size)
    sequence = _read_csv(path)
    if sequence.input_size != cell.input_size:
        raise ValueError(
            _(
                "{file} has {given} columns of numbers ({names}); the layer takes {allowed}, its input_size."
            ).format(
                file=path,
                given=sequence.input_size,
                names=", ".join(sequence.features),
                allowed=cell.input_size,
            )
        )
    return sequence


def _read_csv(path: str) -> Sequence:
    """The numbers as they are: a model of one's own was trained on what is in the file."""
    try:
        return sequences.from_csv(Path(path), standardise=False)
    except ValueError as error:
        message = str(error)
        raise ValueError(message if Path(path).name in message else f"{path}: {message}") from error


# --- What is written


def _check_folder(path: str) -> None:
    """Refuses, before anything takes time, what has no place to be written to."""
    folder = Path(path).parent
    if not folder.is_dir():
        raise ValueError(
            _("{file} cannot be written: there is no folder {folder}; make it first.").format(
                file=path, folder=folder
            )
        )


def _put(path: str, content: bytes) -> None:
    """Writes a file that is complete or not there."""
    place = Path(path)
    unfinished = place.with_name(f".{place.name}.{uuid.uuid4().hex}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(place)
    except OSError as error:
        raise ValueError(
            _("{file} cannot be written: {cause}.").format(file=path, cause=error.strerror or error)
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)


def _print(text: str) -> None:
    print(_plain(text))  # noqa: T201


def _plain(text: str) -> str:
    """`text` without what would steer a terminal: names in a file can say anything."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)
