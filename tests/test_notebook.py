"""Cells and traces in a notebook, and the notebook in docs/."""

from __future__ import annotations

import ast
import html
import json
import re
import subprocess
import sys
from pathlib import Path

import plotly.graph_objects as go
import pytest
from IPython.core.formatters import DisplayFormatter
from plotly.io import renderers

import lstmviz as lv
from lstmviz import notebook
from lstmviz.notebook import PLOTLY

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "docs" / "lstmviz.ipynb"


@pytest.fixture(scope="module", params=list(lv.KINDS))
def trace(request):
    return lv.run(lv.build(request.param, num_units=3, input_size=2), lv.sequences.from_text("abba"))


class Shell:
    """What a running IPython shows values with."""

    display_formatter = DisplayFormatter()


notebook.load_ipython_extension(Shell)


def shown(value):
    """What IPython sends to a notebook, as it travels there: JSON."""
    bundle, metadata = Shell.display_formatter.format(value)
    assert metadata == {}
    return json.loads(json.dumps(bundle))


def read(value):
    """The words that are left where a notebook draws no figures of Plotly's."""
    return html.unescape(shown(value)["text/html"])


def figure_of(bundle):
    sent = bundle[PLOTLY]
    return go.Figure(data=sent["data"], layout=sent["layout"])  # Plotly checks every name and value


def test_a_cell_is_shown_as_its_kernel_and_a_line_of_facts(trace):
    cell = trace.cell
    figure = figure_of(shown(cell))
    facts = f"{cell.kind.name}, num_units 3, input_size 2, {cell.parameter_count} parameters, float32"
    assert figure.layout.title.text == lv.plot.kernel(cell).layout.title.text
    assert figure.layout.title.subtitle.text == facts


def test_a_trace_is_shown_as_its_gates_and_a_line_of_facts(trace):
    figure = figure_of(shown(trace))
    assert figure.layout.title.text == lv.plot.gates(trace).layout.title.text
    told = figure.layout.title.subtitle.text
    assert re.fullmatch(rf"{trace.cell.kind.name}, num_units 3, 4 steps on \S+ in [\d,.]+ ms", told)


def test_the_line_has_room_of_its_own_and_takes_none_from_the_picture(trace):
    plain, figure = lv.plot.kernel(trace.cell).layout, figure_of(shown(trace.cell)).layout
    taken = figure.height - plain.height
    assert taken > figure.title.subtitle.font.size
    assert figure.margin.t - plain.margin.t == taken


def test_the_picture_goes_out_as_plotly_itself_sends_it(trace):
    plotlys_own = renderers._build_mime_bundle(lv.plot.kernel(trace.cell).to_dict(), "plotly_mimetype")
    assert list(plotlys_own) == [PLOTLY]
    assert shown(trace.cell)[PLOTLY]["data"] == json.loads(json.dumps(plotlys_own[PLOTLY]["data"]))


def test_no_output_asks_the_network_or_carries_plotlys_script(trace):
    for value in (trace.cell, trace):
        bundle = shown(value)
        assert len(json.dumps(bundle)) < 100_000
        assert not re.search(r"https?:|<script|cdn", json.dumps(bundle))


def test_without_the_picture_the_facts_and_the_description_are_read(trace):
    words = read(trace)
    assert f"{trace.cell.kind.name}, num_units 3" in words
    assert lv.plot.describe_gates(trace) in words
    assert lv.plot.describe_kernel(trace.cell) in read(trace.cell)


def test_the_html_alone_draws_the_picture_without_a_network(trace):
    for value, drawn in ((trace.cell, "kernel"), (trace, "gates")):
        whole = notebook.show_html(value)
        assert "Plotly.newPlot(" in whole and not re.search(r"<(script|link)[^>]+(src|href)=", whole)
        assert f"{trace.cell.kind.name}, num_units 3" in whole
        title = getattr(lv.plot, drawn)(value).layout.title.text
        assert title.split("<")[0].split(" ")[0] in whole


def test_a_large_cell_stays_a_small_picture():
    cell = lv.build("BasicLSTMCell", num_units=1024, input_size=64, initial_weights="zeros")
    assert len(json.dumps(shown(cell))) < 4_000_000


def test_the_words_are_in_the_language_in_use(trace):
    with lv.language.use("ja"):
        assert lv.plot.describe_gates(trace) in read(trace)
    assert lv.plot.describe_gates(trace) in read(trace)


def test_a_value_is_shown_without_ipython_too(trace):
    for value in (trace.cell, trace):
        assert shown(value) == json.loads(json.dumps(notebook.show(value)))


def test_what_has_no_picture_is_not_shown(trace):
    with pytest.raises(TypeError, match="int has no picture"):
        notebook.show(3)
    assert list(shown(trace.sequence)) == ["text/plain"]


def run_alone(program):
    """What a program prints in a process of its own, word by word."""
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT, timeout=300
    )
    return done.stdout.split()


FORMAT = (
    "from IPython.core.interactiveshell import InteractiveShell as Shell; shell = Shell.instance();"
    "format = lambda value: ' '.join(sorted(shell.display_formatter.format(value)[0]));"
)


def test_a_cell_brings_no_plotly_until_a_notebook_asks():
    program = (
        f"{FORMAT} import sys, lstmviz as lv; cell = lv.build('GRUCell', 3, 2);"
        "print('plotly' in sys.modules, 'lstmviz.plot' in sys.modules); format(cell);"
        "print('plotly' in sys.modules, 'tensorflow' in sys.modules)"
    )
    assert run_alone(program) == ["False", "False", "True", "False"]


def test_ipython_shows_a_cell_where_it_runs_when_lstmviz_is_imported():
    program = f"{FORMAT} import lstmviz as lv; print(format(lv.build('GRUCell', 3, 2)))"
    assert run_alone(program) == [PLOTLY, "text/html", "text/plain"]


def test_an_ipython_that_starts_later_is_told_by_its_own_word():
    program = (
        f"import IPython, lstmviz as lv; cell = lv.build('GRUCell', 3, 2); {FORMAT} print(format(cell), end=' then ');"
        "shell.run_line_magic('load_ext', 'lstmviz.notebook'); print(format(cell))"
    )
    assert run_alone(program) == ["text/plain", "then", PLOTLY, "text/html", "text/plain"]


def test_nothing_is_asked_of_ipython_where_it_does_not_run():
    assert run_alone("import sys, lstmviz; print('IPython' in sys.modules)") == ["False"]
    assert run_alone("import IPython, lstmviz; print(IPython.get_ipython())") == ["None"]


# --- docs/lstmviz.ipynb


def code_cells():
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def run(source, names):
    """Runs a notebook's cell, and gives the value of its last expression, as a notebook does."""
    tree = ast.parse(source)
    last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, NOTEBOOK.name, "exec"), names)
    return eval(compile(last, NOTEBOOK.name, "eval"), names) if last else None


def test_the_notebook_runs_from_the_top(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    names = {}
    values = [value for value in (run(source, names) for source in code_cells()) if value is not None]
    printed = capsys.readouterr().out
    assert [type(value).__name__ for value in values] == ["Cell", "Trace", "Figure", "Figure"]
    assert all(PLOTLY in shown(value) for value in values[:2])
    assert printed.count(" equal\n") == 4 and "DIFFERENT" not in printed
    assert "cell.safetensors" in printed and "cell.weights.h5" in printed and "cell.onnx" in printed
    differences = [float(number) for number in re.findall(r"h differs by (\S+) at most", printed)]
    assert len(differences) == 3 and max(differences) < 1e-5
    assert re.search(
        r"^LSTM i, f, j, o \([\w, ]*pytorch[\w, ]*\).*gives the known output", printed, re.MULTILINE
    )


def test_the_notebook_is_kept_without_outputs():
    content = json.loads(NOTEBOOK.read_text("utf-8"))
    assert content["nbformat"] == 4
    assert [cell for cell in content["cells"] if cell.get("outputs") or cell.get("execution_count")] == []
    ids = [cell["id"] for cell in content["cells"]]
    assert len(set(ids)) == len(ids)
