"""A viewer's own model on the page: its layers, its pictures, its weights elsewhere, and where bare arrays come from."""

import inspect
import io
import re
from dataclasses import replace
from urllib.parse import parse_qs

import numpy as np
import pytest

import lstmviz as lv
from lstmviz.formats.found import Reads
from lstmviz.formats.load import READERS
from lstmviz.formats.save import save_bytes
from lstmviz.web import downloads, limits, models, pictures, render, uploads
from lstmviz.web import view as views
from tests.web.test_page import _open, _query, _run, _warnings

# In a browser, in tests/browser/test_own_model.py, files are read as users' are.
pytestmark = pytest.mark.usefixtures("in_this_process")

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
    assert "as the alphabet under “More”" in _warnings(page)
    assert not page.exception
    page.text_area(key="alphabet").set_value("hel")
    page.text_area(key="text").set_value("hello"[:4])
    _run(page)
    assert "features" not in _warnings(page) and not page.exception


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


# --- A layer in its framework's words -----------------------------------------------------------------------------------


def of_torch(**named):
    """The bytes of a state dict of these modules, by their names in it."""
    torch = pytest.importorskip("torch")
    content = io.BytesIO()
    torch.save(torch.nn.ModuleDict(named).state_dict(), content)
    return content.getvalue()


def texts(page):
    """All that the page says, without the backslashes of its Markdown."""
    said = [*page.markdown, *page.caption, *page.success, *page.warning, *page.error]
    return "\n".join(re.sub(r"\\(.)", r"\1", each.value) for each in said)


def says(page, words):
    return words in texts(page)


@pytest.mark.parametrize(
    ("layer", "options", "letters"),
    [
        ("LSTM", {}, "ifgo"),
        ("LSTM", {"bias": False}, "ifgo"),
        ("LSTM", {"proj_size": 2}, "ifgo"),
        ("GRU", {}, "rzn"),
    ],
)
def test_a_pytorch_layer_is_told_as_pytorch_counts_and_orders_it(layer, options, letters):
    torch = pytest.importorskip("torch")
    module = getattr(torch.nn, layer)(3, 10, **options)
    page = upload(_open(sequence="sine"), of_torch(rnn=module), "model.pt")
    said = texts(page)
    assert f"rnn**: PyTorch {layer}" in said
    assert f"**{sum(p.numel() for p in module.parameters())}**" in said
    assert f"All {len(letters)} gates, {', '.join(f'`{letter}`' for letter in letters)}, share it" in said
    for place, letter in enumerate(
        letters
    ):  # rows of PyTorch's own array, of which torch's documentation tells the order
        assert f"weight_ih_l0[{10 * place}:{10 * place + 10}, 0:3]" in said.split(f"| **`{letter}`**")[1]
    assert "forget_bias" not in said.replace("`forget_bias` inside the bias or added when", "")


def test_six_hundred_parameters_are_six_hundred():
    torch = pytest.importorskip("torch")
    page = upload(_open(sequence="sine"), of_torch(lstm=torch.nn.LSTM(3, 10)), "model.pt")
    assert says(page, "= **600**") and not says(page, "= **560**")
    assert says(page, "PyTorch stores i, f, g, o: rows 0–9 `i`, 10–19 `f`, 20–29 `g`, 30–39 `o`")


def test_no_picture_of_a_pytorch_layer_has_a_forget_bias_or_tensorflows_name():
    torch = pytest.importorskip("torch")
    page = upload(_open(sequence="sine"), of_torch(lstm=torch.nn.LSTM(3, 4)), "model.pt")
    view = page.session_state["view"]
    sequence, view, _problems = render.fit(view, None)
    beside = replace(view, versus=(("dtype", "float64"),))
    own = [
        render.kernel_picture(view),
        render.run_picture(view, sequence, None),
        render.step_picture(view, sequence, None),
    ]
    others = [
        render.gradients_picture(view, sequence, None),
        render.comparison_picture(beside, sequence, None),
        render.layout_picture(replace(view, layout="keras")),
    ]
    for made in own + others:
        assert "BasicLSTMCell" not in made.figure.decode() + made.alternative, type(made)
    for made in own:
        assert "forget_bias" not in made.figure.decode(), type(made)


def checkpoint(folder):
    """A checkpoint of TensorFlow 1 with one BasicLSTMCell: its kernel, and its parts by name."""
    tf = pytest.importorskip("tensorflow")
    kernel = np.random.default_rng(0).normal(size=(8, 20)).astype("float32")
    with tf.Graph().as_default():
        for name, values in {"kernel": kernel, "bias": np.zeros(20, "float32")}.items():
            tf.compat.v1.get_variable(f"rnn/basic_lstm_cell/{name}", initializer=values)
        with tf.compat.v1.Session() as session:
            session.run(tf.compat.v1.global_variables_initializer())
            tf.compat.v1.train.Saver().save(session, str(folder / "model.ckpt"))
    return kernel, {part.name: part.read_bytes() for part in folder.iterdir() if part.suffix != ".meta"}


def upload_all(page, parts):
    page.file_uploader(key="model_file").set_value(
        [(name, content, "application/octet-stream") for name, content in parts.items()]
    )
    return _run(page)


def test_a_tensorflow_layer_keeps_its_forget_bias_which_is_assumed(tmp_path):
    _kernel, parts = checkpoint(tmp_path)
    page = upload_all(_open(sequence="sine"), parts)
    assert says(page, "TensorFlow 1 BasicLSTMCell") and says(page, "`forget_bias = 1` is added to **f**")
    assert says(page, "Assumed: its forget_bias is 1")
    assert not says(page, "The pictures are drawn in")  # it is their own order


def test_the_pages_own_cells_are_told_as_before():
    page = _open()
    assert says(page, "Parameters to train: 12 × 32 (kernel) + 32 (bias) = **416**")
    assert says(page, "| **`j`** | **new input**") and says(page, "| 8 – 15 |")
    assert says(page, "`forget_bias = 1` is added to **f**")


def test_the_code_of_a_pytorch_layer_is_pytorchs_and_runs():
    torch = pytest.importorskip("torch")
    page = upload(_open(sequence="sine"), of_torch(lstm=torch.nn.LSTM(3, 4, bias=False)), "model.pt")
    tabs = [tab.label for tab in page.tabs]
    assert "PyTorch" in tabs and "Keras 3" not in tabs
    (code,) = (code.value for code in page.code if "torch.nn" in code.value and "import torch" in code.value)
    names = {}
    exec(code, names)
    assert sum(p.numel() for p in names["layer"].parameters()) == sum(
        p.numel() for p in torch.nn.LSTM(3, 4, bias=False).parameters()
    )


def test_the_code_that_loads_a_layer_makes_the_pages_own_run(tmp_path, monkeypatch):
    _cell, content = weights()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(content)
    page = upload(_open(sequence="sine"), content)
    _run(page.toggle(key="reverse").set_value(True))
    (code,) = (code.value for code in page.code if "lv.load" in code.value)
    names = {}
    exec(code, names)
    view = page.session_state["view"]
    sequence, view, _problems = render.fit(view, None)
    np.testing.assert_array_equal(names["trace"].states["h"], render.load_trace(view, sequence).states["h"])


def test_what_is_taken_along_has_the_frameworks_letters():
    cell = build("BasicLSTMCell", num_units=2, input_size=1, seed=0)
    head = (
        downloads.kernel_csv(cell, {"i": "i", "f": "f", "j": "g", "o": "o"})
        .decode("utf-8-sig")
        .splitlines()[0]
    )
    assert head == "row,i[0],i[1],g[0],g[1],f[0],f[1],o[0],o[1]"
    trace = lv.run(cell, np.zeros((2, 1), "float32"), "CPU:0")
    names = set(np.load(io.BytesIO(downloads.trace_npz(trace, {"j": "g"}))))
    assert {"gate_g", "preactivation_g"} <= names and "gate_j" not in names


# --- What the file does not say -----------------------------------------------------------------------------------------


def offered(page):
    return [b for b in page.get("download_button") if str(b.key).startswith("weights_")]


def test_what_is_assumed_stands_at_the_figures_in_the_proof_and_before_the_weights():
    torch = pytest.importorskip("torch")
    content = of_torch(one=torch.nn.RNN(3, 4), two=torch.nn.RNN(3, 5))
    page = upload(_open(sequence="sine", layout="keras"), content, "model.pt")
    at_figures = [text for text in page.markdown if "Assumed" in text.value]
    assert len(at_figures) >= 3  # the kernel's, the gates' and the layouts'
    (proof,) = (text.value for text in page.success)
    assert "on a condition" in proof and "if its nonlinearity is tanh" in proof
    assert not offered(page)
    tick = page.checkbox(key="assume")
    assert "I take it that its nonlinearity is tanh" in tick.label
    _run(tick.set_value(True))
    assert offered(page)
    _run(page.selectbox(key="layer").set_value("two"))  # what was agreed to was said of the other
    assert not offered(page)
    assert not page.checkbox(key="assume").value


def test_what_was_agreed_to_holds_while_the_layer_is_compared():
    torch = pytest.importorskip("torch")
    page = upload(_open(sequence="sine", layout="keras"), of_torch(one=torch.nn.RNN(3, 4)), "model.pt")
    _run(page.checkbox(key="assume").set_value(True))
    _run(page.button(key="ask_dtype").click())
    assert _query(page)["b.dtype"] == "float64"
    assert page.checkbox(key="assume").value and offered(page)


def test_the_seed_is_not_said_to_make_a_files_weights():
    page = _open(sequence="sine")
    assert "same weights" in page.number_input(key="seed").help
    upload(page, weights()[1])
    assert page.number_input(key="seed").help.endswith("The weights are those of the file.")


def test_a_layer_of_which_the_file_says_all_needs_no_tick():
    torch = pytest.importorskip("torch")
    page = upload(_open(sequence="sine", layout="keras"), of_torch(lstm=torch.nn.LSTM(3, 4)), "model.pt")
    assert offered(page)
    assert not says(page, "Assumed") and "assume" not in {box.key for box in page.checkbox}


def given(reads=None, assumed=(), notes=(), cell=None):
    """A page that shows a layer of which a file says this."""
    cell = cell or build("BasicLSTMCell", num_units=4, input_size=2, seed=3, forget_bias=0.0)
    arrays = lv.layouts.to_layout(cell, "pytorch")
    stored = lv.layouts.describe_stored(arrays.arrays, "pytorch", "lstm", **arrays.options)
    facts = models.Facts(stored, "pytorch", {}, notes, assumed, reads or Reads())
    page = _open(sequence="sine", time_steps="12")
    page.session_state["model"] = models.Model("m.pt", {"lstm": cell}, {"lstm": facts})
    return cell, _run(page)


def run_of(page):
    view = page.session_state["view"]
    sequence, view, _problems = render.fit(view, None)
    return sequence, render.load_trace(view, sequence)


def sine():
    return lv.sequences.make("sine", time_steps=12, input_size=2)


def test_facts_of_a_layer_are_told_beside_the_picture():
    _cell, page = given(notes=("Trained for *three* epochs.",))
    assert says(page, "Trained for *three* epochs.")


# --- How a layer reads its sequence -------------------------------------------------------------------------------------


def test_a_layer_that_reads_from_the_end_is_run_from_the_end_until_its_viewer_says_otherwise():
    cell, page = given(Reads(reverse=True))
    assert page.toggle(key="reverse").value is True
    assert "reverse" not in _query(page)
    sequence, trace = run_of(page)
    np.testing.assert_array_equal(
        trace.states["h"], lv.run(cell, sine().values[::-1].copy(), "CPU:0").states["h"]
    )
    assert sequence.labels[0] == "11" and sequence.labels[-1] == "0"
    assert says(page, "Turned round")
    _run(page.toggle(key="reverse").set_value(False))
    assert _query(page)["reverse"] == "false"
    np.testing.assert_array_equal(run_of(page)[1].states["h"], lv.run(cell, sine(), "CPU:0").states["h"])
    assert not says(page, "Turned round")
    _run(page.toggle(key="reverse").set_value(True))
    assert "reverse" not in _query(page)


def test_padding_and_masked_steps_are_not_run_and_told():
    _cell, page = given(Reads(steps=8, mask_value=0.0))
    sequence, trace = run_of(page)
    assert len(sequence) == len(trace) == 8
    assert says(page, "Steps 8 to 11 are padding: not run.")
    x = sine().values.copy()
    x[3] = 0.0
    reads = Reads(steps=8, mask_value=0.0)
    np.testing.assert_array_equal(reads.order(x), [0, 1, 2, 4, 5, 6, 7])


def test_masked_steps_of_typed_numbers_are_told_and_their_neighbours_keep_their_numbers():
    cell = build("BasicLSTMCell", num_units=4, input_size=2, seed=3, forget_bias=0.0)
    _cell, page = given(Reads(mask_value=0.0), cell=cell)
    page.session_state["standardise"] = False
    _run(page.selectbox(key="sequence").set_value("numbers"))
    _run(page.text_area(key="numbers").set_value("1 2\n0 0\n3 4"))
    sequence, _trace = run_of(page)
    assert sequence.labels == ("0", "2")
    assert says(page, "1 step is passed over")
    _run(page.text_area(key="numbers").set_value("0 0\n0 0"))
    assert "takes none of the 2 steps" in _warnings(page)
    assert not page.exception


def test_a_run_starts_from_the_files_state_or_from_zeros():
    rng = np.random.default_rng(0)
    state = {"c": rng.normal(size=4).astype("float32"), "h": rng.normal(size=4).astype("float32")}
    cell, page = given(Reads(initial_state=state))
    expected = lv.run(cell, sine(), "CPU:0", initial_state=state)
    np.testing.assert_array_equal(run_of(page)[1].states["h"], expected.states["h"])
    assert says(page, "starts from the initial state in the file") and "initial_state" not in _query(page)
    view = page.session_state["view"]
    page.session_state["initial_state"] = "zeros"
    _run(page)
    assert _query(page)["initial_state"] == "zeros"
    np.testing.assert_array_equal(run_of(page)[1].states["h"], lv.run(cell, sine(), "CPU:0").states["h"])
    assert says(page, "starts from zeros, not from")
    assert view != page.session_state["view"]


def test_a_layer_without_a_state_of_its_own_has_no_choice_of_one():
    _cell, page = given()
    assert page.session_state["view"].initial_state == "file"
    assert not says(page, "starts from")
    keys = {widget.key for widget in page.get("button_group")}
    assert "initial_state" not in keys


def test_comparison_gradients_and_proof_are_of_the_run_that_is_shown():
    rng = np.random.default_rng(0)
    state = {"c": rng.normal(size=4).astype("float32"), "h": rng.normal(size=4).astype("float32")}
    _cell, page = given(Reads(reverse=True, initial_state=state))
    view = page.session_state["view"]
    sequence, view, _problems = render.fit(view, None)
    other = views.other(replace(view, versus=(("dtype", "float64"),)))
    a, b = render.load_trace(view, sequence), render.load_trace(other, sequence)
    assert np.abs(a.states["h"] - b.states["h"]).max() < 1e-5
    np.testing.assert_array_equal(b.initial_state["c"].astype("float32"), state["c"])
    assert render.proof(replace(view, layout="keras"), sequence, None).ok


def test_the_route_runs_a_layer_as_the_page_does():
    _cell, page = given(Reads(reverse=True))
    shown = pictures.name(page.session_state["view"])
    turned = pictures.name(replace(page.session_state["view"], reverse=False))
    assert shown != turned
    query = {name: values[0] for name, values in parse_qs(turned).items()}
    made = [pictures.fetch("gates", query | extra) for extra in ({}, {"reverse": "true"})]
    assert made[0] and made[1] and made[0] != made[1]


# --- After the file has gone --------------------------------------------------------------------------------------------

GONE = "The model file is not here any more; upload it again."


def test_an_address_of_a_files_layer_without_the_file_says_so_for_as_long_as_it_is_so():
    page = _open(
        layer="encoder", cell="GRUCell", num_units="5", input_size="3", sequence="sine", reverse="true"
    )
    for _again in range(2):
        assert GONE in _warnings(page) and "encoder" in _warnings(page)
        assert page.slider(key="num_units").value == 5 and page.number_input(key="input_size").value == 3
        assert page.selectbox(key="cell").value == "GRUCell"
        assert _query(page)["layer"] == "encoder"
        _run(page)
    _run(page.button(key="leave_model").click())
    assert GONE not in _warnings(page) and "layer" not in _query(page) and "reverse" not in _query(page)
    assert page.slider(key="num_units").value == 8


def test_a_layers_name_in_an_address_is_quoted_and_cut():
    page = _open(layer="a”. All is well. " + "x" * 1000)
    told = _warnings(page)
    assert GONE in told and "“a’. All is well. xxx" in told and "x…”" in told
    assert "x" * 60 not in told


def test_a_direction_that_makes_no_sense_leaves_the_files_own():
    view, problems = views.parse({"layer": "encoder", "reverse": "maybe"})
    assert view.reverse is None and "reverse" not in views.to_query(view)
    assert problems == ["reverse was “maybe”; showing what the file says: it must be true or false."]


def test_a_file_that_comes_back_shows_the_layer_that_the_address_names():
    torch = pytest.importorskip("torch")
    content = of_torch(one=torch.nn.LSTM(3, 4), two=torch.nn.LSTM(3, 5))
    page = _open(layer="two", num_units="5", input_size="3", sequence="sine", reverse="true")
    upload(page, content, "model.pt")
    view = page.session_state["view"]
    assert (view.layer, view.num_units, view.reverse) == ("two", 5, True)
    assert GONE not in _warnings(page)


def test_a_file_taken_out_of_the_uploader_is_told_as_gone():
    _cell, content = weights()
    page = upload(_open(), content)
    page.file_uploader(key="model_file").clear()
    _run(page)
    assert GONE in _warnings(page)
    assert page.session_state["view"].model == "" and page.slider(key="num_units").value == 5


@pytest.mark.parametrize("key", ["model_file", "csv", "origin_arrays"])
def test_a_file_that_the_server_has_not_any_more_does_not_end_the_page(key, monkeypatch):
    from streamlit.runtime.uploaded_file_manager import DeletedFile

    gone = DeletedFile("1") if key == "csv" else [DeletedFile("1")]
    monkeypatch.setattr(uploads.st, "session_state", {key: gone})
    assert uploads.kept(key) == []


# --- The uploader -------------------------------------------------------------------------------------------------------


def test_the_uploader_takes_whatever_the_readers_read():
    page = _open()
    for key in ("model_file", "origin_arrays"):
        assert page.file_uploader(key=key).allowed_type == []  # the content decides, not the name
    help_ = page.file_uploader(key="model_file").help
    for reader in READERS.values():
        assert all(ending in help_ for ending in reader.endings)


def test_the_parts_of_a_checkpoint_go_in_together(tmp_path):
    kernel, parts = checkpoint(tmp_path)
    page = upload_all(_open(sequence="sine"), parts)
    np.testing.assert_array_equal(render.load_cell(page.session_state["view"]).kernel, kernel)
    (code,) = (code.value for code in page.code if "lv.load" in code.value)
    assert "lv.load('model.ckpt')" in code


def test_bare_arrays_are_shown_once_their_layout_is_said():
    rng = np.random.default_rng(7)
    kernel, recurrent, bias = (rng.standard_normal(shape).astype("f4") for shape in ((3, 16), (4, 16), (16,)))
    buffer = io.BytesIO()
    np.savez(buffer, kernel, recurrent, bias)  # as in np.savez(*model.get_weights())
    page = upload(_open(), buffer.getvalue(), "weights.npz")
    assert "stored" in " ".join(caption.value for caption in page.caption)
    page.selectbox(key="model_layout").set_value("keras")
    _run(page)
    view = page.session_state["view"]
    assert (view.cell, view.num_units, view.input_size) == ("BasicLSTMCell", 4, 3)
    assert any("layout='keras'" in code.value for code in page.code)
    _cell, content = weights()
    page.file_uploader(key="model_file").clear()
    _run(page)
    upload(page, content)  # what was said was of the other file
    assert page.session_state["view"].num_units == 5 and not page.exception


def test_a_file_that_failed_is_read_once(monkeypatch):
    calls = []

    def read(content, **words):
        calls.append(words)
        raise ValueError("it is damaged")

    monkeypatch.setattr(models, "load", read)
    page = upload(_open(), b"nothing", "broken.pt")
    _run(_run(page).slider(key="num_units").set_value(9))
    assert len(calls) == 1
    assert calls[0]["max_bytes"] == limits.MAX_MODEL and calls[0]["max_weights"] == limits.MAX_WEIGHTS


def test_what_is_larger_than_the_page_shows_is_told_and_not_kept(monkeypatch):
    torch = pytest.importorskip("torch")
    content = of_torch(small=torch.nn.LSTM(3, 4), wide=torch.nn.LSTM(3, 40), many=torch.nn.LSTM(3, 30))
    monkeypatch.setattr(limits, "MAX_UNITS", 32)
    monkeypatch.setattr(limits, "MAX_WEIGHTS", 3000)
    page = upload(_open(), content, "model.pt")
    model = page.session_state["model"]
    assert list(model.cells) == ["small"] == list(model.facts)
    assert "40 units" in model.skipped["wide"] or "weights" in model.skipped["wide"]
    assert "weights" in model.skipped["many"]
    assert says(page, "Left out: wide")


def test_all_that_is_read_counts_unpacked(monkeypatch):
    monkeypatch.setattr(limits, "MAX_MODEL", 2**16)
    content = io.BytesIO()
    np.savez_compressed(content, kernel=np.zeros((200, 400), "float32"))
    assert len(content.getvalue()) < 2**16
    page = upload(_open(), content.getvalue(), "bomb.npz")
    assert "bomb.npz" in errors(page) and not page.exception
    assert not page.session_state["model"].cells


# --- The detective on arrays that are chosen ----------------------------------------------------------------------------


def test_the_detective_takes_the_arrays_that_are_chosen():
    cell = build("BasicLSTMCell", num_units=4, input_size=3, seed=5, forget_bias=0.0)
    arrays = lv.layouts.to_layout(cell, "keras").arrays
    content = io.BytesIO()
    np.savez(
        content, **{f"mine.{k}": a for k, a in enumerate(arrays.values())}, other=np.zeros((7, 11), "float32")
    )
    x = np.random.default_rng(0).normal(size=(6, 3))
    page = find_origin(content.getvalue(), x, lv.run(cell, x).states["h"])
    assert _warnings(page)  # one of the arrays is no layer's
    chosen = page.multiselect(key="origin_chosen")
    assert any("[7, 11]" in option for option in chosen.options)
    _run(chosen.set_value([f"mine.{k}" for k in range(3)]))
    assert any("gives the known output" in said.value for said in page.success)
    _run(page.button(key="origin_explore").click())
    assert says(page, "identified") and not any("lv.load" in code.value for code in page.code)


def test_the_detective_takes_the_arrays_of_the_model_above():
    _cell, content = weights()
    page = upload(_open(), content)
    _run(page.toggle(key="origin_own").set_value(True))
    assert not page.exception
    assert any("hint" in said.value for said in page.info)
    assert "leave_model" not in {button.key for button in page.button}
    assert page.session_state["view"].model
