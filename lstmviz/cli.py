"""The command line: `lstmviz`, or `python -m lstmviz`.

- `inspect FILE`: the recurrent layers of a model file
- `render FILE -o page.html`: a layer's figures over a sequence, or with `--stage` its stage, as one page that opens offline
- `convert FILE --to pytorch -o out.safetensors`: a layer in another framework's layout, with the proof
- `identify FILE --input x.csv --output h.csv`: which gate is which in arrays of unknown origin
- `serve`: the page itself, for a browser
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as Ordered
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lstmviz import language, sequences
from lstmviz.cells import Cell, declare_from
from lstmviz.formats.found import Layer, Reads, say_assumed, say_if
from lstmviz.formats.load import ENDINGS, READERS, Loaded, load, read_content
from lstmviz.formats.numpy_files import knows as knows_arrays
from lstmviz.formats.numpy_files import read_arrays
from lstmviz.formats.save import WRITERS, Writer, loading_code, save_bytes
from lstmviz.formats.write import is_stream, say_cause, write_file
from lstmviz.language import LANGUAGES, _
from lstmviz.layouts import LAYOUTS, Stored, StoredGate, prove
from lstmviz.run.trace import Trace
from lstmviz.sequences import Sequence

if TYPE_CHECKING:
    from lstmviz.detective import Match

_SHOWN = 60  # steps of the sequence that is shown where none is given
_PROVED = 200  # steps of noise that a conversion is proved over
_ANSWERS = 5  # readings that `identify` prints
_LISTED = 12  # names in a message


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
            if given.kinds is not None:
                declare_from(given.kinds)
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

    _add_serve(commands)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "file",
            metavar="FILE",
            help=_("a model file, a folder or a checkpoint's prefix: {formats}; {endings}").format(
                formats=_formats(), endings=", ".join(ENDINGS)
            ),
        )
        command.set_defaults(command=_COMMANDS[name])
        return command

    inspect = add("inspect", _("list the recurrent layers of a model file, their sizes and biases"))
    render = add("render", _("write a layer's figures over a sequence as one page that opens offline"))
    convert = add("convert", _("write a layer in another framework's layout, once it is proved equal"))
    identify = add(
        "identify", _("find out which gate is which in arrays, from an input and its known output")
    )
    chosen = identify.add_mutually_exclusive_group()
    for command in (render, convert, chosen):
        command.add_argument(
            "--layer", help=_("a layer that `inspect` lists; needed where there are several")
        )
    for command in (render, identify):
        command.add_argument(
            "--reverse",
            action=argparse.BooleanOptionalAction,
            help=_("the layer reads the sequence from its end; by default what the file says"),
        )
    for command in (inspect, render, convert):
        command.add_argument(
            "--layout", choices=list(LAYOUTS), help=_("how an .npz stores its arrays, where it does not say")
        )
    for command in (inspect, render, convert, identify):
        _add_kinds(command)
    render.add_argument(
        "--input", metavar="CSV", help=_("the sequence, a row a step, taken as it is; else a sine")
    )
    render.add_argument(
        "--initial-state",
        metavar="FILE",
        help=_(
            "an .npz or a CSV of h (and c) that the run starts from, or `zeros`; by default what the file says, else zeros"
        ),
    )
    render.add_argument(
        "--stage",
        action="store_true",
        help=_("the stage instead of the figures: kernel, cell and strips, to be played and pointed at"),
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
    convert.add_argument(
        "--assume",
        action="store_true",
        help=_("write it also where what is proved rests on something that the file does not say"),
    )
    chosen.add_argument(
        "--arrays",
        metavar="NAMES",
        help=_("the arrays of one layer that `inspect` lists, with commas between their names"),
    )
    identify.add_argument("--input", metavar="CSV", help=_("a sample input, a row a step; a few steps do"))
    identify.add_argument(
        "--output", metavar="CSV", help=_("what the layer gave for it, a row a step, or the last one alone")
    )
    return parser


def _add_serve(commands: Any) -> None:
    text = _("serve the page, for a browser")
    serve = commands.add_parser("serve", help=text, description=text)
    serve.add_argument("--port", type=_port, default=8501, help=_("the port; by default 8501"))
    serve.add_argument(
        "--address", default="localhost", help=_("the address to listen at; 0.0.0.0 for other machines too")
    )
    _add_kinds(serve)
    serve.set_defaults(command=_serve)


def _add_kinds(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--kinds",
        metavar="FILE",
        help=_("a Python file of your own that declares kinds of cell with @lv.kind; it is run first"),
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 2**16):
        raise argparse.ArgumentTypeError(
            _("{given!r} is no port; it must be a number from 1 to 65535").format(given=text)
        )
    return int(text)


def _formats() -> str:
    return ", ".join(reader.title for reader in READERS.values())


# --- The commands


def _serve(given: argparse.Namespace) -> None:
    """Becomes the page's server. A wheel has its front door inside, a checkout at its top."""
    if find_spec("streamlit") is None:
        raise ModuleNotFoundError(name="streamlit")
    package = Path(__file__).parent
    inside = package / "web" / "front" / "app.py"
    front = inside if inside.exists() else package.parent / "app.py"
    _print(_("Serving on {address} (Ctrl-C stops it)").format(address=f"http://{given.address}:{given.port}"))
    sys.stdout.flush()
    options = {
        "server.port": given.port,
        "server.address": given.address,
        # Streamlit's own welcome would ask a server on the internet for this machine's address first.
        "server.showEmailPrompt": "false",
        "logger.hideWelcomeMessage": "true",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    if given.kinds is not None:
        os.environ["LSTMVIZ_KINDS"] = str(Path(given.kinds).resolve())
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", str(front), *flags])


def _inspect(given: argparse.Namespace) -> None:
    loaded = _load(given)
    _print(f"{Path(given.file).name or given.file}: {READERS[loaded.format].title}")
    if "" in loaded.notes:
        _print(loaded.notes[""])
    for name, cell in loaded.items():
        _print(f"\n{name}: {loaded.stored[name].title}")
        for line in (*_describe(cell, loaded.layers[name], loaded.stored[name]), *_say_known(loaded, name)):
            _print(f"  {line}")
    if not loaded:
        _print("\n" + _("No layer of it can be shown."))
    if loaded.skipped:
        _print("\n" + _("Left out:"))
        for name, reason in loaded.skipped.items():
            _print(f"  {name}{_say_shape(loaded.arrays.get(name))}: {reason}")
    told = {name: array for name, array in loaded.arrays.items() if name not in loaded.skipped}
    for name, array in told.items():
        _print(f"  {name}{_say_shape(array)}")
    if loaded.arrays and not loaded:
        _print("\n" + _("`lstmviz identify` finds out which gate is which in arrays."))


def _say_shape(array: np.ndarray | None) -> str:
    return "" if array is None else f" {list(array.shape)} {array.dtype.name}"


def _say_known(loaded: Loaded, name: str) -> Iterator[str]:
    """What there is to know of a layer, a line each, and what is assumed."""
    yield from dict.fromkeys([*loaded.layers[name].notes, *loaded.reads[name].tell()])
    for each in loaded.assumed[name]:
        yield _("assumed: {note}").format(note=each)


def _describe(cell: Cell, layer: Layer, stored: Stored) -> Iterator[str]:
    """A layer's sizes, its options, and by gate, in the framework's order, where it is and what its biases are."""
    yield _("input_size {input_size}, num_units {num_units}, {count:,} parameters, {dtype}").format(
        input_size=cell.input_size,
        num_units=cell.num_units,
        count=stored.parameter_count,
        dtype=cell.dtype.name,
    )
    yield _("shown as {kind}").format(kind=cell.kind.name) + "".join(
        f", {name} {_write(value)}"
        for name, value in cell.options.items()
        if value is not None and (name != "forget_bias" or stored.adds_forget_bias)
    )
    yield _("gates as stored: {letters}").format(letters=", ".join(gate.letter for gate in stored.gates))
    for gate in filter(lambda each: each.places, stored.gates):
        shown = "" if gate.letter == gate.gate else " " + _("(here {gate})").format(gate=gate.gate)
        yield f"{gate.letter}{shown}: {', '.join(map(str, gate.places))}"
    told = {place.array for gate in stored.gates for place in gate.places}
    if rest := [f"{name} {list(shape)}" for name, shape in stored.shapes.items() if name not in told]:
        yield _("in no gate's place: {arrays}").format(arrays=", ".join(rest))
    for gate in stored.gates:
        yield from _describe_biases(cell, layer, stored, gate)


def _describe_biases(cell: Cell, layer: Layer, stored: Stored, gate: StoredGate) -> Iterator[str]:
    added = ""
    if stored.adds_forget_bias:
        for option, value in cell.offsets[gate.gate].items():
            added += _("; {option} {value:g} is added when the cell runs").format(option=option, value=value)
    for place in gate.places:
        if place.part in ("bias", "hidden_bias"):
            yield _("bias of {gate}, {place}: {statistics}").format(
                gate=gate.letter, place=place, statistics=_measure(place.read(layer.arrays)) + added
            )
            added = ""


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
    reads, said = _read_as_asked(loaded, name, cell, given)
    x = _arrange(_read_sequence(given.input, cell), reads, given)
    _check_folder(given.out)
    from lstmviz.plot.handout import Told, handout_html
    from lstmviz.plot.page import page_html

    trace = _run(cell, x, initial_state=reads.initial_state)
    assumed = loaded.assumed[name]
    notes = [*said, *([say_assumed(assumed)] if assumed else ())]
    if given.stage:
        page = handout_html(trace, Told(name=name, notes=tuple(notes), beside=trace.device), dark=given.dark)
    else:
        page = page_html(cell, trace, dark=given.dark, name=name, notes=notes)
    with _put(given.out, page):
        _print(
            _("{file} written: {layer}, {kind}, {steps} steps on {device}").format(
                file=given.out, layer=name, kind=cell.kind.name, steps=len(trace), device=trace.device
            )
        )
        for line in said:
            _print(line)
        for each in assumed:
            _print(_("assumed: {note}").format(note=each))


def _convert(given: argparse.Namespace) -> None:
    loaded = _load(given)
    name, cell = _choose(loaded, given)
    suffix = _suffix(given.out, given.to)
    content = save_bytes(cell, suffix, given.to)  # refused before it takes time
    _check_folder(given.out)
    condition = say_if(loaded.assumed[name])
    words = {"layer": name, "layout": LAYOUTS[given.to].title}
    if condition and not given.assume:
        raise ValueError(
            _(
                "{layer} as {layout} would be equal only {condition}; give --assume to write it all the same. Nothing was written."
            ).format(condition=condition, **words)
        )
    x = sequences.make("white_noise", time_steps=_PROVED, input_size=cell.input_size)
    proof = prove(_run(cell, x, device="CPU:0"), given.to)
    told = _("{layer} as {layout}: {proof}").format(proof=proof.tell(condition), **words)
    if not proof.ok:
        raise ValueError(_("{proof} Nothing was written.").format(proof=told))
    with _put(given.out, content):
        _print(told)
        for line in dict.fromkeys([*loaded.layers[name].notes, *loaded.reads[name].tell()]):
            _print(line)
        if loaded.reads[name].tell():
            _print(_("What is written are the weights alone, not how the layer reads its sequence."))
        _print(_("{file} written; to load it:").format(file=given.out))
        _print("\n" + loading_code(cell, given.to, suffix, path=given.out))


def _identify(given: argparse.Namespace) -> None:
    with _native_silence():
        loaded = load(given.file)
    arrays, reads = _find_arrays(loaded, given)
    x, h = (None if path is None else _read_csv(path).values for path in (given.input, given.output))
    try:
        matches = _ask(arrays, x, h, reads)
    except ValueError as error:
        if given.arrays or loaded:
            raise
        raise ValueError(
            _("{error} Choose among them: --arrays {names}").format(error=error, names=_list(arrays))
        ) from error
    for line in reads.tell():
        _print(line)
    if reads.initial_state:
        _print(_("The detective starts from zeros, as the sample has to."))
    for match in matches[:_ANSWERS]:
        _print(str(match))


def _ask(
    arrays: Mapping[str, np.ndarray], x: np.ndarray | None, h: np.ndarray | None, reads: Reads
) -> list[Match]:
    """The detective's answers, over the steps that count in the order in which the layer takes them."""
    from lstmviz.detective import identify

    if x is None:
        return identify(arrays, None, h)
    order = reads.order(x)
    if h is None or len(h) != len(x):
        return identify(arrays, x[order], h)
    matches = identify(arrays, x[order], h[order])
    if (
        reads.reverse and not matches[0].fits
    ):  # Keras gives its outputs in the order in which it took the steps
        turned = identify(arrays, x[order], h[np.sort(order)])
        return turned if turned[0].fits else matches
    return matches


_COMMANDS = {"inspect": _inspect, "render": _render, "convert": _convert, "identify": _identify}


# --- What is read, and run


def _load(given: argparse.Namespace) -> Loaded:
    with _native_silence():
        return load(given.file, layout=given.layout)


def _run(
    cell: Cell, x: Sequence, device: str | None = None, initial_state: Mapping[str, np.ndarray] | None = None
) -> Trace:
    """A run in TensorFlow; where it is not installed, and no device is asked for, in NumPy, which is said."""
    from lstmviz.run import has_tensorflow, run

    if device is None and not has_tensorflow():
        words = _(
            'TensorFlow is not installed: NumPy computes the same equation. pip install "lstmviz[cpu]" brings TensorFlow.'
        )
        print("lstmviz:", _plain(words), file=sys.stderr)  # noqa: T201
        return run(cell, x, initial_state=initial_state, engine="numpy")
    with _native_silence():
        return run(cell, x, device, initial_state)


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


def _find_arrays(loaded: Loaded, given: argparse.Namespace) -> tuple[Mapping[str, np.ndarray], Reads]:
    """The arrays that are asked about, and how their layer reads its sequence.

    Those that were named; else a layer's, whose names may be wrong about the order of its gates; else those of no layer.
    """
    reads = Reads()
    if given.arrays is not None:
        arrays: Mapping[str, np.ndarray] = _pick_arrays(loaded.named_arrays, given)
    elif loaded:
        name = _pick(loaded, given)
        arrays, reads = loaded.layers[name].arrays, loaded.reads[name]
    else:
        arrays = loaded.arrays
    if not arrays:
        raise ValueError(_("{file} has no arrays of a recurrent layer.").format(file=given.file))
    if given.reverse is not None:
        reads = replace(reads, reverse=given.reverse)
    return arrays, reads


def _pick_arrays(arrays: Mapping[str, np.ndarray], given: argparse.Namespace) -> dict[str, np.ndarray]:
    names = [given.arrays] if given.arrays in arrays else [name.strip() for name in given.arrays.split(",")]
    for name in names:
        if name not in arrays:
            raise ValueError(
                _("--arrays: {file} has no {name!r}; it has {allowed}.").format(
                    file=given.file, name=name, allowed=_list(arrays)
                )
            )
    return {name: arrays[name] for name in names}


def _list(names: Iterable[str]) -> str:
    listed = list(names)
    return ",".join(listed[:_LISTED] + ["…"] * (len(listed) > _LISTED))


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


def _read_as_asked(
    loaded: Loaded, name: str, cell: Cell, given: argparse.Namespace
) -> tuple[Reads, list[str]]:
    """How a layer reads its sequence, as its file says or as was asked for instead; and that, in sentences."""
    own = loaded.reads[name]
    reads, said = own, [note for note in loaded.layers[name].notes if note not in own.tell()]
    if given.reverse is not None:
        reads = replace(reads, reverse=given.reverse)
    if given.initial_state is not None:
        reads = replace(reads, initial_state=_read_state(given.initial_state, cell))
    told = replace(reads, initial_state=own.initial_state if given.initial_state is None else {})
    said += told.tell()
    if own.reverse and not reads.reverse:
        said.append(_("Read from its start, as was asked for; the file says from its end."))
    if given.initial_state is not None:
        said.append(
            _("It starts from the state that was asked for: {file}.").format(file=given.initial_state)
        )
    return reads, said


def _read_state(path: str, cell: Cell) -> dict[str, np.ndarray]:
    """The states that a run starts from, `{"h": [output_size], "c": [num_units]}`, or some of them."""
    if path == "zeros":
        return {}
    content = read_content(path)
    if knows_arrays(content):
        arrays, _skipped = read_arrays(content)
        if list(arrays) == ["array"]:
            arrays = {"h": arrays["array"]}
    else:
        table = _read_csv(path)
        named = table.features if {*table.features} & {*cell.kind.states} else ("h", "c")
        arrays = dict(zip(named, table.values.T, strict=False))
    found = {name.removeprefix("initial_"): array.reshape(-1) for name, array in arrays.items()}
    if not found or not found.keys() <= {*cell.kind.states}:
        raise ValueError(
            _("{file} has {given}; a state of this layer is {allowed}.").format(
                file=path, given=_list(arrays) or _("nothing"), allowed=", ".join(cell.kind.states)
            )
        )
    return found


def _arrange(x: Sequence, reads: Reads, given: argparse.Namespace) -> Sequence:
    """The steps that count in the order in which the layer takes them, each with its own label."""
    order = reads.order(x.values)
    if not len(order):
        raise ValueError(
            _("no step of {file} counts: {reads}").format(
                file=given.input or _("the sequence"), reads=" ".join(reads.tell())
            )
        )
    return x.take(order)


def _read_csv(path: str) -> Sequence:
    """The numbers as they are: a model of one's own was trained on what is in the file."""
    try:
        return sequences.from_csv(Path(path), standardise=False)
    except ValueError as error:
        message = str(error)
        raise ValueError(message if Path(path).name in message else f"{path}: {message}") from error


# --- What is written


def _is_stdout(path: str) -> bool:
    """Whether what is written goes where the words go."""
    if path == "-":
        return True
    try:
        return os.path.samestat(Path(path).stat(), os.fstat(1)) and is_stream(path)
    except OSError:
        return False


def _suffix(path: str, layout: str) -> str:
    """What says which file is written: its name; of a pipe the layout's own."""
    has_ending = path.lower().endswith(tuple(WRITERS))
    if has_ending or not (_is_stdout(path) or is_stream(path)):
        return Path(path).name
    return min((writer for writer in WRITERS.values() if layout in writer.layouts), key=_count_layouts).suffix


def _count_layouts(writer: Writer) -> int:
    return len(writer.layouts)


def _check_folder(path: str) -> None:
    """Refuses, before anything takes time, what has no place to be written to."""
    folder = Path(path).parent
    if not path or Path(path).is_dir():
        raise ValueError(_("{file} cannot be written: it is no file.").format(file=path or "''"))
    if not folder.is_dir():
        raise ValueError(
            _("{file} cannot be written: there is no folder {folder}; make it first.").format(
                file=path, folder=folder
            )
        )


@contextmanager
def _put(path: str, content: bytes) -> Iterator[None]:
    """Writes a file; the words about it go to the error output where the file goes to the standard output."""
    try:
        if _is_stdout(path):
            sys.stdout.flush()
            sys.stdout.buffer.write(content)
            sys.stdout.flush()
        else:
            write_file(path, content)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ValueError(
            _("{file} cannot be written: {cause}.").format(file=path, cause=say_cause(error))
        ) from error
    with redirect_stdout(sys.stderr if _is_stdout(path) else sys.stdout):
        yield


def _print(text: str) -> None:
    print(_plain(text))  # noqa: T201


def _plain(text: str) -> str:
    """`text` without what would steer a terminal: names in a file can say anything."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)
