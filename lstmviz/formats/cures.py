"""What a file is that is not read, and what to do about it: a table of first bytes and names, each with a sentence."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

from lstmviz.formats.found import Content
from lstmviz.language import _, _mark

_HEAD = 2**16  # bytes that are looked at
_TITLE = 4096  # of them, what begins a text


@dataclass(frozen=True)
class _Cure:
    """One kind of file that is no model, or none that is read.

    Attributes:
        text: What it is and what to do, with `{name}` in it, and `{kind}` where one sentence serves several kinds.
        kind: What it is, a noun with its article.
        starts: What such a file begins with, one of these.
        endings: How its name ends, one of these; where `starts` is given too, both have to hold.
        says: What else has to hold of its first bytes.
    """

    text: str
    kind: str = ""
    starts: tuple[bytes, ...] = ()
    endings: tuple[str, ...] = ()
    says: Callable[[bytes], bool] | None = None

    def tell(self, name: str) -> str:
        """The sentence about a file."""
        return _(self.text).format(name=name, kind=_(self.kind) if self.kind else "")

    def fits(self, name: str, head: bytes) -> bool:
        return (
            (not self.starts or head.startswith(self.starts))
            and (not self.endings or name.lower().endswith(self.endings))
            and (self.says is None or self.says(head))
        )


def find(content: Content) -> str:
    """What a file is that no reader knows, and what to do, in a sentence; "" where that is not known."""
    if "" in content.files:
        return _find(content.name, content.data)
    if any(name.rpartition("/")[2] == "saved_model.pb" for name in content.files):
        return _(
            "{name} has a SavedModel's saved_model.pb and not its variables; give the whole folder, or a zip of it."
        ).format(name=content.name)
    if any("com.apple.CoreML/" in name for name in content.files):
        return _(_CORE_ML).format(name=content.name)
    if len(content.files) == 1:
        ((name, data),) = content.files.items()
        return _find(f"{content.name}, {name}", data)
    return ""


def is_impostor(content: Content) -> bool:
    """Whether a reader would take a file for its own that is none: Core ML's protobuf begins as ONNX's does."""
    return "" in content.files and content.name.lower().endswith(".mlmodel")


def _find(name: str, data: bytes) -> str:
    if not data.strip(b"\0"):
        return _(
            "{name} holds nothing but zeros, as a download that was broken off does; fetch it again."
        ).format(name=name)
    head = data[:_HEAD]
    return next((cure.tell(name) for cure in _CURES if cure.fits(name, head)), "")


def _is_page(head: bytes) -> bool:
    start = head[:_TITLE].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html"))


def _is_xml(head: bytes) -> bool:
    return head[:_TITLE].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<?xml")


def _is_packed_pickle(head: bytes) -> bool:
    """Whether it is joblib's: a pickle, packed by zlib."""
    try:
        return zlib.decompressobj().decompress(head, 1) == b"\x80"
    except zlib.error:
        return False


def _is_json(head: bytes) -> bool:
    return head[:_TITLE].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") and _is_text(head)


def _is_text(head: bytes) -> bool:
    try:
        text = head[:-4].decode("utf-8") if len(head) == _HEAD else head.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\t\r\n\f\ufeff" for letter in text[:_TITLE])


def _is_program(head: bytes) -> bool:
    lines = head[:_TITLE].splitlines()
    return _is_text(head) and any(line.startswith((b"import ", b"from ", b"def ", b"#!")) for line in lines)


def _is_table(head: bytes) -> bool:
    """Whether the first lines are cut into as many cells by commas, semicolons or tabs."""
    lines = [line for line in head[:_TITLE].splitlines()[:5] if line.strip()]
    counts = [{line.count(each) for line in lines[:-1] or lines} for each in (b",", b";", b"\t")]
    return bool(lines) and _is_text(head) and any(len(each) == 1 and max(each) > 0 for each in counts)


_CORE_ML = _mark(
    "{name} is a Core ML model, which is not read; give the model that it was converted from, or ONNX."
)
_PICKLE = _mark(
    "{name} is a pickle, which is not read, for it could run any program. Where it was made, save the weights alone: "
    "torch.save(model.state_dict(), ...), model.save(...) of Keras, or numpy.savez of the arrays."
)
_PACKED = _mark("{name} is packed in a way that is not unpacked here; unpack it, and give the model in it.")
_OTHERS = _mark(
    "{name} is {kind}, which is not read; give the model as its framework exports it to ONNX, or its arrays as .npz."
)
_PART = _mark("{name} is one part of a checkpoint; give the folder with all its parts, or a zip of them.")


_CURES = (
    _Cure(
        _mark(
            "{name} is a Git LFS pointer, not the model: run `git lfs pull` where it was cloned, or download the file "
            "itself."
        ),
        starts=(b"version https://git-lfs",),
    ),
    _Cure(
        _mark(
            "{name} is a web page, not the model: where it was saved from, take the link that downloads the raw file."
        ),
        says=_is_page,
    ),
    _Cure(_CORE_ML, endings=(".mlmodel",)),
    _Cure(_PACKED, starts=(b"7z\xbc\xaf\x27\x1c", b"Rar!", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd")),
    _Cure(_PICKLE, starts=(b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")),
    _Cure(_PICKLE, starts=(b"\x04\x22\x4d\x18",)),  # joblib's, packed by LZ4
    _Cure(_PICKLE, starts=(b"x\x01", b"x\x5e", b"x\x9c", b"x\xda"), says=_is_packed_pickle),
    _Cure(_PICKLE, starts=(b"(dp", b"(lp", b"(ip", b"ccopy_reg", b"c__builtin__", b"ccollections")),
    _Cure(
        _mark(
            "{name} holds the weights of an ONNX model without its operators; give both files, as a folder or a zip."
        ),
        endings=(".onnx.data", ".onnx_data"),
    ),
    _Cure(
        _mark(
            "{name} is a list of checkpoints, not one: give the folder with all its files, or a zip of it."
        ),
        starts=(b"model_checkpoint_path:",),
    ),
    _Cure(
        _mark(
            "{name} is the graph of a SavedModel, without its variables: give the whole folder, or a zip of it."
        ),
        endings=("saved_model.pb", "keras_metadata.pb"),
    ),
    _Cure(_PART, endings=(".index", ".meta", "-of-00001")),
    _Cure(_OTHERS, _mark("a MATLAB file"), starts=(b"MATLAB ",)),
    _Cure(_OTHERS, _mark("a GGUF file"), starts=(b"GGUF",)),
    _Cure(_OTHERS, _mark("an MXNet file"), starts=(b"\x12\x01\0\0\0\0\0\0",)),
    _Cure(_OTHERS, _mark("a Paddle model"), endings=(".pdmodel", ".pdiparams", ".pdparams")),
    _Cure(_OTHERS, _mark("a Caffe model"), endings=(".caffemodel",)),
    _Cure(_OTHERS, _mark("a model of Torch in Lua"), endings=(".t7",)),
    _Cure(_OTHERS, _mark("a Darknet model"), endings=(".weights",)),
    _Cure(_OTHERS, _mark("a CNTK model"), starts=(b"B\0C\0N\0",)),
    _Cure(_OTHERS, _mark("an OpenVINO model"), says=lambda head: _is_xml(head) and b"<net " in head),
    _Cure(
        _mark("{name} is a picture or a PDF, no model."),
        starts=(b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF-", b"BM", b"RIFF"),
        endings=(".png", ".jpg", ".jpeg", ".gif", ".pdf", ".bmp", ".webp"),
    ),
    _Cure(
        _mark(
            "{name} is a notebook, not the model: run it as far as it saves the model, and give the file that it saves."
        ),
        says=lambda head: _is_json(head) and b'"cells"' in head,
    ),
    _Cure(
        _mark(
            "{name} lists the parts of a model that is cut into several files; give the part with the layer, or a zip."
        ),
        says=lambda head: _is_json(head) and b'"weight_map"' in head,
    ),
    _Cure(
        _mark(
            "{name} is a Keras model's description without its weights; save the whole model, model.save('model.keras')."
        ),
        says=lambda head: _is_json(head) and b'"class_name"' in head and b'"config"' in head,
    ),
    _Cure(_mark("{name} is JSON, and no model."), says=_is_json),
    _Cure(_mark("{name} is XML, and no model."), says=_is_xml),
    _Cure(
        _mark(
            "{name} is a program, which is not run; run it yourself, and give the file in which it saves the model."
        ),
        says=_is_program,
    ),
    _Cure(
        _mark("{name} is a table of text, and no model; a sequence is given apart from the model."),
        says=_is_table,
    ),
    _Cure(_mark("{name} is text, and no model."), says=_is_text),
)
"""What is known of files that are not read; the first that fits is told."""
