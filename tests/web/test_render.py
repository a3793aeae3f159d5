"""What is computed once for all viewers, and what of theirs is not."""

from __future__ import annotations

import numpy as np
import pytest

from lstmviz.web import render
from lstmviz.web import view as views
from lstmviz.web.render import Upload
from lstmviz.web.shelf import Shelf


@pytest.fixture
def long_runs(monkeypatch):
    """Every run counts as a long one, such as is kept for a while; nothing is kept yet."""
    monkeypatch.setattr(render, "is_quick", lambda _view, _steps: False)
    _empty_shelves(monkeypatch)


def _empty_shelves(monkeypatch) -> None:
    for name in ("_shelf", "_spare"):
        monkeypatch.setattr(render, name, Shelf(max_entries=64, max_bytes=2**24))


def _upload(steps: int, seed: int) -> Upload:
    rows = np.random.default_rng(seed).normal(size=steps)
    return Upload("table.csv", ("value\n" + "\n".join(map(str, rows))).encode())


def _open(query: dict[str, str], upload: Upload | None):
    view, _problems = views.parse(query)
    sequence, view, _problems = render.fit(view, upload)
    return view, sequence, upload


_COMPARED = {"b.seed": "3"}
_GRADIENTS = {"gradients": "true", "contrast": "true"}


@pytest.mark.parametrize(
    ("picture", "query"),
    [(render.comparison_picture, _COMPARED), (render.gradients_picture, _GRADIENTS)],
)
def test_a_viewers_file_is_in_nobody_elses_picture(long_runs, monkeypatch, picture, query):
    query = {"sequence": "csv", "num_units": "3", **query}
    one, another = _upload(20, seed=1), _upload(20, seed=2)
    alone = picture(*_open(query, another)).figure
    _empty_shelves(monkeypatch)
    picture(*_open(query, one))
    assert picture(*_open(query, another)).figure == alone


def test_nothing_of_a_file_is_kept_for_all(long_runs):
    upload = _upload(20, seed=1)
    opened = _open({"sequence": "csv", "num_units": "3", **_COMPARED, **_GRADIENTS}, upload)
    render.run_picture(*opened)
    render.step_picture(*opened)
    render.comparison_picture(*opened)
    render.gradients_picture(*opened)
    assert (len(render._shelf), len(render._spare)) == (0, 0)


@pytest.mark.parametrize("picture", [render.comparison_picture, render.gradients_picture])
def test_a_run_beside_another_is_not_taken_for_one_of_its_own_length(long_runs, monkeypatch, picture):
    """Beside an RNN, an LSTM reads as many steps, though alone it would be given fewer."""
    monkeypatch.setattr(views, "MAX_RECORDED", 400)
    query = {"sequence": "sine", "cell": "BasicRNNCell", "num_units": "3", "time_steps": "40"}
    view, sequence, _upload = _open({**query, **_GRADIENTS, "b.cell": "BasicLSTMCell"}, None)
    assert len(sequence) == 40
    picture(view, sequence, None)
    other, short, _upload = _open({**query, "cell": "BasicLSTMCell"}, None)
    assert len(short) < 40
    assert len(render.load_trace(other, short)) == len(short)


def test_no_smaller_cell_stands_beside_one_that_is_too_large_for_the_other_kind(monkeypatch):
    query = {"sequence": "sine", "cell": "BasicRNNCell", "num_units": "14", "input_size": "2", **_GRADIENTS}

    def beside() -> str:
        return render.gradients_picture(*_open(query, None)).alternative

    assert "BasicLSTMCell" in beside()
    monkeypatch.setattr(views, "MAX_WEIGHTS", 300)  # an RNN's 14 units, an LSTM's 7
    _empty_shelves(monkeypatch)
    with pytest.raises(ValueError, match=r"A BasicLSTMCell of 14 units .* take fewer units"):
        beside()
    del query["contrast"]
    assert "14 units" in beside()
