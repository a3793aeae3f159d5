"""A viewer's own model on the page: its layers, its pictures, its weights elsewhere, and where bare arrays come from."""

import inspect
import io
import re

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.formats.save import save_bytes
from lstmviz.web import models, pictures, render
from tests.web.test_page import _open, _run, _warnings

build = inspect.unwrap(lv.build)


def weights(suffix=".safetensors", kind="BasicLSTMCell", num_units=5, input_size=3, **options):
    options.setdefault("seed", 3)
    cell = build(kind, num_units=num_units, input_size=input_size, **options)
    return cell, save_bytes(cell, suffix)


def errors(page):
    """What went wrong, without the backslashes of its Markdown."""
    return " ".join(re.sub(r"\\(.)", r"\1", error.value) for error in page.error)


def upload(page, content, name="model.safetensors"):
    page.file_uploader(key="model_file").upload(name, content, "application/octet-stream")
    return _run(page)


def test_a_layer_of_a_file_is_shown():
    cell, content = weights()
    page = upload(_open(), content)
    assert not page.exception and not page.error
    (layer,) = page.selectbox(key="layer").options
    assert page.session_state["layer"] == layer
    view = page.session_state["view"]
    assert (view.cell, view.num_units, view.input_size) == ("BasicLSTMCell", 5, 3)
    assert "num_units" not in {widget.key for widget in page.slider}
    shown = render.load_cell(view)
    f = slice(*shown.columns("f").indices(shown.kernel.shape[1])[:2])
    np.testing.assert_array_equal(shown.kernel, cell.kernel)
    np.testing.assert_allclose(shown.bias[f], cell.bias[f] + 1, rtol=1e-6)  # PyTorch adds no forget_bias


def test_without_the_file_the_page_has_its_own_cells_again():
    _cell, content = weights()
    page = upload(_open(), content)
    page.file_uploader(key="model_file").clear()
    _run(page)
    assert page.session_state["view"].model == ""
    assert page.slider(key="num_units").value == 5
    assert not page.exception


def test_a_file_that_is_none_says_so_and_the_page_goes_on():
    page = upload(_open(), b"\x00\x01nothing that anybody reads", "broken.onnx")
    assert "broken.onnx" in errors(page)
    assert not page.exception
    assert page.slider(key="num_units").value == 8


def test_an_empty_file_says_so():
    page = upload(_open(), b"", "empty.pt")
    assert "empty.pt" in errors(page)


def test_a_sequence_of_other_features_is_refused():
    _cell, content = weights()
    page = upload(_open(), content)
    page.selectbox(key="sequence").set_value("text")
    _run(page)
    assert "3" in _warnings(page) and "features" in _warnings(page)
    assert not page.exception


def test_what_is_of_a_model_is_in_no_shelf_of_all():
    _cell, content = weights()
    before = len(render._shelf), len(render._spare)
    page = upload(_open(sequence="sine"), content)
    assert not page.exception
    entries = len(render._shelf) - before[0]
    model = page.session_state["model"]
    assert len(model.shelf) >= 2  # the kernel's picture and the run's
    assert all(model.ticket not in str(key) for key in [*render._shelf._kept, *render._spare._kept])
    assert entries <= 3  # of the view that the page opened with


def test_the_route_serves_a_model_to_who_has_its_ticket():
    _cell, content = weights()
    page = upload(_open(sequence="sine"), content)
    view, model = page.session_state["view"], page.session_state["model"]
    query = dict(pair.split("=") for pair in pictures.name(view).split("&"))
    assert query["model"] == model.ticket
    with lv.language.use("en"):
        made = pictures.fetch("kernel", query | {"layer": view.layer})
    assert made and b"kernel [8, 20]" in made
    assert pictures.fetch("kernel", query | {"model": "x" + model.ticket, "layer": view.layer}) is None
    assert pictures.fetch("kernel", query | {"layer": "another"}) is None
    assert model.ticket not in page.query_params.get("model", "")
    assert "model" not in page.query_params


def test_a_model_goes_with_its_session():
    cell, _content = weights()
    ticket = models.Model("m", {"l": cell}).ticket
    assert models.find(ticket) is None


@pytest.mark.parametrize("layout", ["tf1", "keras", "pytorch", "onnx", "cudnn"])
def test_the_same_weights_elsewhere_are_proved_before_they_are_offered(layout):
    page = _open(layout=layout)
    assert not page.exception and not _warnings(page)
    assert any("Proved" in said.value for said in page.success)
    assert any(key.startswith("weights_") for key in (b.key for b in page.get("download_button")))


def test_what_a_framework_does_not_have_is_refused_with_the_reason():
    page = _open(cell="LSTMCell", use_peepholes="true", layout="keras")
    assert "peepholes" in _warnings(page)
    assert not [b for b in page.get("download_button") if str(b.key).startswith("weights_")]


def table(values):
    text = io.StringIO()
    np.savetxt(text, values, delimiter=",", fmt="%.9g")
    return text.getvalue().encode()


def find_origin(arrays, x, h=None):
    page = _open()
    page.file_uploader(key="origin_arrays").upload("bare.npz", arrays, "application/octet-stream")
    if x is not None:
        page.file_uploader(key="origin_inputs").upload("x.csv", table(x), "text/csv")
    if h is not None:
        page.file_uploader(key="origin_outputs").upload("h.csv", table(h), "text/csv")
    return _run(page)


def bare(cell, layout):
    content = io.BytesIO()
    np.savez(
        content, **{f"a{k}": a for k, a in enumerate(lv.layouts.to_layout(cell, layout).arrays.values())}
    )
    return content.getvalue()


def test_the_detective_names_the_framework_and_shows_the_cell():
    cell = build("BasicLSTMCell", num_units=4, input_size=3, seed=5, forget_bias=0.0)
    x = np.random.default_rng(0).normal(size=(6, 3))
    page = find_origin(bare(cell, "keras"), x, lv.run(cell, x).states["h"])
    assert not page.exception
    (found,) = (said.value for said in page.success if "gives the known output" in said.value)
    assert "keras" in found
    _run(page.button(key="origin_explore").click())
    assert not page.exception
    shown = render.load_cell(page.session_state["view"])
    np.testing.assert_allclose(shown.kernel, cell.kernel, rtol=1e-6)
    _run(page.button(key="leave_model").click())
    assert page.session_state["view"].model == ""


def test_the_detective_says_where_none_fits():
    cell = build("BasicLSTMCell", num_units=4, input_size=3, seed=5)
    rng = np.random.default_rng(0)
    page = find_origin(bare(cell, "keras"), rng.normal(size=(6, 3)), rng.normal(size=(6, 4)))
    assert "None of the" in errors(page)


def test_without_an_output_there_is_a_hint():
    cell = build("BasicLSTMCell", num_units=4, input_size=3, seed=5)
    assert any("hint" in said.value for said in find_origin(bare(cell, "pytorch"), np.zeros((2, 3))).info)
    assert any("hint" in said.value for said in find_origin(bare(cell, "pytorch"), None).info)


def test_the_detective_refuses_what_is_no_layer():
    content = io.BytesIO()
    np.savez(content, a=np.zeros((7, 11)))
    page = find_origin(content.getvalue(), np.zeros((2, 3)), np.zeros((2, 4)))
    assert not page.exception
    assert _warnings(page)
