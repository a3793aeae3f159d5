"""What is no model, or none that is read: each is told what it is and what to do."""

import gzip
import io
import json
import pickle
import zlib

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.formats.found import FormatError
from lstmviz.formats.load import read, read_content
from tests.formats.test_load import zipped

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 32051316\n"
PICKLED = {protocol: pickle.dumps({"weights": np.ones(3)}, protocol) for protocol in range(6)}


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        (LFS, "m.keras", "Git LFS pointer, not the model: run `git lfs pull`"),
        (b"\n<!DOCTYPE html>\n<html><title>m.h5 at main</title>", "m.h5", "a web page, not the model"),
        (b"\xef\xbb\xbf<html>", "m.h5", "a web page"),
        (b"\x08\x04\x12\x10" + bytes(20), "m.mlmodel", "a Core ML model"),
        (
            zipped(
                **{
                    "m.mlpackage/Manifest.json": b"{}",
                    "m.mlpackage/Data/com.apple.CoreML/model.mlmodel": b"\x08\x07\x12\x10",
                }
            ),
            "m.zip",
            "Core ML",
        ),
        (PICKLED[0], "m.pkl", "is a pickle"),
        (PICKLED[4], "m.joblib", "pickle, which is not read"),
        (zlib.compress(PICKLED[4]), "m.joblib", "is a pickle"),
        (b"\x04\x22\x4d\x18" + bytes(40), "m.joblib", "is a pickle"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(40), "m.7z", "unpack it"),
        (b"Rar!\x1a\x07\x00" + bytes(40), "m.rar", "unpack it"),
        (b"BZh91AY&SY" + bytes(40), "m.tar.bz2", "unpack it"),
        (b"\xfd7zXZ\x00" + bytes(40), "m.tar.xz", "unpack it"),
        (b"GGUF\x03" + bytes(40), "m.gguf", "a GGUF file"),
        (b"MATLAB 5.0 MAT-file, Platform" + bytes(200), "m.mat", "a MATLAB file"),
        (b"\x12\x01" + bytes(30) + b"w", "m.params", "an MXNet file"),
        (b"\x0a\x05model" + b"\x12\x05w" * 9, "m.caffemodel", "a Caffe model"),
        (b"\x00\x00\x00\x00\x02\x00\x00\x00\x05" + b"\x81" * 40, "yolo.weights", "a Darknet model"),
        (b"\x00\x00\x00\x00\x02\x00" + b"\x91" * 40, "m.pdiparams", "a Paddle model"),
        (b"B\0C\0N\0" + bytes(30) + b"w", "m.dnn", "a CNTK model"),
        (b'<?xml version="1.0"?>\n<net name="m" version="11"></net>', "m.xml", "an OpenVINO model"),
        (b'<?xml version="1.0"?><a/>', "m.xml", "XML"),
        (b"\x89PNG\r\n\x1a\n" + b"\x91" * 40, "kernel.png", "a picture"),
        (json.dumps({"cells": [], "nbformat": 4}).encode(), "m.ipynb", "a notebook, not the model"),
        (json.dumps({"class_name": "Sequential", "config": {}}).encode(), "m.json", "without its weights"),
        (json.dumps({"metadata": {}, "weight_map": {}}).encode(), "m.index.json", "cut into several files"),
        (b'{"learning_rate": 0.1}', "hparams.json", "JSON, and no model"),
        (b"import keras\n\nmodel = keras.Sequential()\n", "model.py", "a program, which is not run"),
        (b"t,x\n1,2\n3,4\n", "x.csv", "a table of text"),
        (b"a note", "README", "is text, and no model"),
        (b'model_checkpoint_path: "model-10"\n', "checkpoint", "a list of checkpoints"),
        (b"\x91" * 60, "model.ckpt.data-00000-of-00001", "one part of a checkpoint"),
        (bytes(4096), "m.keras", "nothing but zeros"),
        (b"\x91" * 60, "model.onnx.data", "without its operators"),
        (b"\x91\x92\x93" * 30, "m.bin", "none of the formats that are read: Keras 3, "),
    ],
)
def test_what_is_not_read_is_answered_with_the_cure(content, name, told):
    with pytest.raises(FormatError) as raised:
        read(read_content(content, name=name))
    message = str(raised.value)
    assert message.startswith(name) and "\n" not in message
    assert told in message


def test_what_is_gzipped_is_answered_as_what_is_in_it():
    with pytest.raises(FormatError, match="is a Git LFS pointer"):
        lv.load(gzip.compress(LFS), name="m.keras.gz")


def test_a_file_alone_in_a_zip_is_answered_as_itself():
    with pytest.raises(FormatError, match=r"m\.zip, model\.keras is a Git LFS pointer"):
        lv.load(zipped(**{"model.keras": LFS}), name="m.zip")


def test_numpys_own_files_of_objects_are_no_pickles_to_run():
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], object), allow_pickle=True)
    with pytest.raises(FormatError, match="Python objects"):
        lv.load(buffer.getvalue(), name="evil.npy")
