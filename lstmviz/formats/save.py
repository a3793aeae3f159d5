"""Weights out: a cell as a file that the framework itself opens, with the lines that open it."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from lstmviz.cells import Cell
from lstmviz.formats import own
from lstmviz.formats.keras_config import to_snake_case
from lstmviz.formats.write import write_file
from lstmviz.language import _
from lstmviz.layouts import LAYOUTS, Converted, is_stored, to_layout

_ONNX_OPSET, _ONNX_IR = 14, 8  # what runtimes since 2021 read; the operators are the same up to opset 22


@dataclass(frozen=True)
class Writer:
    """A kind of file that cells are written to.

    Attributes:
        suffix: How the file's name ends.
        layouts: The layouts that fit in it, the one taken by default first.
        write: The file's bytes, from the converted cell and the name of the layer, which may be "".
        load: The lines that load the file, from the converted cell, the cell, the file's and the layer's name.
        types: The types of numbers that it can hold for those who read it.
    """

    suffix: str
    layouts: tuple[str, ...]
    write: Callable[[Converted, str], bytes]
    load: Callable[[Converted, Cell, str, str], str]
    types: tuple[str, ...] = ("float32", "float64")


def save(cell: Cell, path: str | os.PathLike[str], layout: str | None = None, *, name: str = "") -> None:
    """Writes a cell's weights to a file in a framework's own layout.

    The file is complete or not there: see `lstmviz.formats.write`.

    Args:
        cell: The cell.
        path: Where to; how it ends says what is written: a key of `WRITERS`.
        layout: A key of `LAYOUTS` that fits in such a file; None for the one that goes with it. "lstmviz", in an .npz, is the
            cell as it is, with its kind and its options; a kind that no framework has is saved so in any case.
        name: What the layer is called. PyTorch's names are preceded by it, `name.weight_ih_l0`.

    Raises:
        ValueError: no such file or layout is known, they do not fit, the framework has no such cell, or a package is
            not installed.
        OSError: the file cannot be written.
    """
    write_file(path, save_bytes(cell, Path(path).name, layout, name=name))


def save_bytes(cell: Cell, suffix: str, layout: str | None = None, *, name: str = "") -> bytes:
    """What `save` writes; `suffix` may be a whole file name.

    Raises:
        ValueError: see `save`.
    """
    if _is_own(cell, suffix, layout):
        return own.write(cell)
    writer, converted = _convert(cell, suffix, layout)
    if cell.dtype.name not in writer.types:
        raise ValueError(
            _(
                "the cell is {given}; who reads {suffix} computes in {allowed}: save cell.astype({allowed!r})."
            ).format(given=cell.dtype.name, suffix=writer.suffix, allowed=writer.types[0])
        )
    return writer.write(converted, name)


def loading_code(
    cell: Cell, layout: str | None = None, suffix: str = ".npz", *, path: str = "", name: str = ""
) -> str:
    """The lines of Python that load what `save` writes, in the framework that it is for.

    Args:
        cell: The cell that is saved.
        layout: As for `save`.
        suffix: How the file's name ends.
        path: The file's name in the code; "" for `cell` with the suffix.
        name: The layer's name, as for `save`.

    Raises:
        ValueError: see `save`.
    """
    if _is_own(cell, suffix, layout):
        return own.loading_code(cell, path or "cell.npz")
    writer, converted = _convert(cell, suffix, layout)
    return writer.load(converted, cell, path or f"cell{writer.suffix}", name)


def _is_own(cell: Cell, suffix: str, layout: str | None) -> bool:
    """Whether the cell is written as it is."""
    chosen = own.LAYOUT if layout is None and not is_stored(cell.kind) else layout
    return chosen == own.LAYOUT and suffix.lower().endswith(".npz")


def _convert(cell: Cell, suffix: str, layout: str | None) -> tuple[Writer, Converted]:
    ends = [known for known in WRITERS if suffix.lower().endswith(known)]
    if not ends:
        raise ValueError(
            _("{given!r} has no ending that says what to write; it must be one of {allowed}.").format(
                given=suffix, allowed=", ".join(WRITERS)
            )
        )
    writer = WRITERS[ends[0]]
    if layout is not None and layout not in writer.layouts:
        raise ValueError(
            _("layout is {given!r}; in a file that ends in {suffix} it must be one of {allowed}.").format(
                given=layout,
                suffix=writer.suffix,
                allowed=", ".join([*writer.layouts, *([own.LAYOUT] if writer.suffix == ".npz" else [])]),
            )
        )
    return writer, to_layout(cell, layout or writer.layouts[0])


@contextmanager
def _needing(package: str, suffix: str) -> Iterator[None]:
    """Around the import of the package that writes such a file."""
    try:
        yield
    except ImportError as error:
        raise ValueError(
            _(
                "a {suffix} file needs the package {package}, which is not installed: pip install {package}"
            ).format(suffix=suffix, package=package)
        ) from error


def _call(function: str, options: Mapping[str, Any]) -> str:
    return f"{function}({', '.join(f'{name}={value!r}' for name, value in options.items())})"


# --- NumPy -----------------------------------------------------------------------------------------------------------


def _write_npz(converted: Converted, name: str) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **converted.arrays)  # type: ignore[arg-type]  # a keyword of savez is no name of an array
    return buffer.getvalue()


def _load_npz(converted: Converted, cell: Cell, path: str, name: str) -> str:
    told = "".join(f", {key}={value!r}" for key, value in converted.options.items())
    return "\n".join(
        [
            "import lstmviz as lv",
            "import numpy as np",
            "",
            f"with np.load({path!r}) as file:",
            "    arrays = dict(file)",
            f'cell = lv.layouts.from_layout(arrays, "{converted.layout}", "{converted.family}"{told})',
        ]
    )


# --- PyTorch ---------------------------------------------------------------------------------------------------------


def _write_safetensors(converted: Converted, name: str) -> bytes:
    with _needing("safetensors", ".safetensors"):
        from safetensors.numpy import save as save_tensors
    prefix = f"{name}." if name else ""
    arrays = {f"{prefix}{key}": np.ascontiguousarray(array) for key, array in converted.arrays.items()}
    content: bytes = save_tensors(arrays, {"format": "pt"})  # what PyTorch's own loaders look for
    return content


def _load_safetensors(converted: Converted, cell: Cell, path: str, name: str) -> str:
    made = _call(f"torch.nn.{converted.layer}", converted.options)
    if cell.dtype == np.float64:
        made += ".double()"
    lines = ["import torch", "from safetensors.torch import load_file", "", f"layer = {made}"]
    if name:
        lines += [
            f"weights = load_file({path!r})",
            f'layer.load_state_dict({{key.removeprefix("{name}."): weight for key, weight in weights.items()}})',
        ]
    else:
        lines.append(f"layer.load_state_dict(load_file({path!r}))")
    return "\n".join(lines)


# --- Keras -----------------------------------------------------------------------------------------------------------


def _write_keras(converted: Converted, name: str) -> bytes:
    """As `keras/src/saving/saving_lib.py` writes the weights of a `Sequential` model of an input and this layer."""
    with _needing("h5py", ".weights.h5"):
        import h5py
    key, buffer = to_snake_case(converted.layer), io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_group("vars").attrs["name"] = "sequential"
        layer = file.create_group(f"layers/{key}")
        layer.create_group("vars").attrs["name"] = name or key
        variables = layer.create_group("cell/vars")
        variables.attrs["name"] = f"{key}_cell"
        for number, array in enumerate(converted.arrays.values()):
            variables.create_dataset(str(number), data=array)
    return buffer.getvalue()


def _load_keras(converted: Converted, cell: Cell, path: str, name: str) -> str:
    options = dict(converted.options) | {"return_sequences": True}
    shape = f"(None, {cell.input_size})"
    if cell.dtype == np.float64:
        options["dtype"] = "float64"
        shape += ', dtype="float64"'
    if name:
        options["name"] = name
    layer = _call(f"keras.layers.{converted.layer}", options)
    return "\n".join(
        [
            "import keras",
            "",
            f"layer = {layer}",
            f"model = keras.Sequential([keras.Input({shape}), layer])",
            f"model.load_weights({path!r})",
        ]
    )


# --- ONNX ------------------------------------------------------------------------------------------------------------


def _write_onnx(converted: Converted, name: str) -> bytes:
    """A model of one node from X `[time, batch, input_size]`; time and batch are open."""
    with _needing("onnx", ".onnx"):
        import onnx
    helper, arrays = onnx.helper, converted.arrays
    units, inputs = converted.options["hidden_size"], arrays["W"].shape[2]
    names = ["X", *(key if key in arrays else "" for key in ("W", "R", "B")), "", "", "", "P"]
    names = names if "P" in arrays else names[:4]
    last = [1, "batch", units]
    shapes = {"Y": ["time", *last], "Y_h": last, "Y_c": last}
    outputs = list(shapes)[: 3 if converted.family == "lstm" else 2]
    number = helper.np_dtype_to_tensor_dtype(arrays["W"].dtype)
    node = helper.make_node(
        converted.layer, names, outputs, name=name or converted.layer, **converted.options
    )
    graph = helper.make_graph(
        [node],
        name or converted.layer,
        [helper.make_tensor_value_info("X", number, ["time", "batch", inputs])],
        [helper.make_tensor_value_info(key, number, shapes[key]) for key in outputs],
        [onnx.numpy_helper.from_array(np.ascontiguousarray(a), key) for key, a in arrays.items()],
    )
    opset = helper.make_opsetid("", _ONNX_OPSET)
    model = helper.make_model(graph, producer_name="lstmviz", opset_imports=[opset], ir_version=_ONNX_IR)
    content: bytes = model.SerializeToString()
    return content


def _load_onnx(converted: Converted, cell: Cell, path: str, name: str) -> str:
    return "\n".join(
        [
            "import numpy as np",
            "import onnxruntime",
            "",
            f"session = onnxruntime.InferenceSession({path!r})",
            f'x = np.zeros((60, 1, {cell.input_size}), "{cell.dtype.name}")  # [time, batch, input_size]',
            'y, *last = session.run(None, {"X": x})  # [time, 1, batch, num_units], then the last h and c',
        ]
    )


WRITERS: Mapping[str, Writer] = MappingProxyType(
    {
        writer.suffix: writer
        for writer in (
            Writer(".npz", tuple(LAYOUTS), _write_npz, _load_npz),
            Writer(".safetensors", ("pytorch",), _write_safetensors, _load_safetensors),
            Writer(".weights.h5", ("keras",), _write_keras, _load_keras),
            # ONNX Runtime has the operators in float32 alone.
            Writer(".onnx", ("onnx",), _write_onnx, _load_onnx, types=("float32",)),
        )
    }
)
"""What can be written, by how the file's name ends."""
