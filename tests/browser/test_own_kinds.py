"""A cell of one's own on the stage: one without a single kernel, and one whose gates have long names."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

_LIMIT = 60_000  # milliseconds
_KINDS = """
import lstmviz as lv
from lstmviz.equation import concat, sigmoid, split, tanh

@lv.kind("Multiplied")
def multiplied(x, h, w):
    return {"h": tanh((x @ w("W")) * (h @ w("U")) + w("bias")).called("n")}

@lv.kind("Long")
def long(x, lambda_, h, w):
    names = ("remembering_gate", "forgetting_gate_", "proposal")
    i, f, g = split(names, concat(x, h) @ w("kernel"))
    i, f, g = sigmoid(i).called(names[0]), sigmoid(f).called(names[1]), tanh(g).called(names[2])
    lambda_ = f * lambda_ + i * g
    return {"lambda_": lambda_, "h": (1 - f) * tanh(lambda_) * (1 + i) / (2 + g)}
"""
_QUERY = "num_units=5&input_size=3&sequence=sine&time_steps=12&seed=2"


@pytest.fixture(scope="module")
def own_url(serve, tmp_path_factory):
    """The address of the real app with these kinds."""
    file = tmp_path_factory.mktemp("kinds") / "kinds.py"
    file.write_text(_KINDS)
    return serve("app.py", LSTMVIZ_KINDS=str(file))


def test_a_cell_without_a_single_kernel_has_its_matrices_on_the_stage(look_at, own_url):
    page = look_at(f"{own_url}/?cell=Multiplied&{_QUERY}&t=3&unit=1&gate=n")
    expect(page.locator(".lv-sentence")).to_contain_text("W [3, 5]; U [5, 5]", timeout=_LIMIT)
    expect(page.get_by_text("No sum of terms: a product of two sums is in it.")).to_be_visible(timeout=_LIMIT)


def test_long_names_of_gates_stay_in_their_places(look_at, own_url):
    page = look_at(f"{own_url}/?cell=Long&{_QUERY}&t=3&unit=1")
    names = page.locator(".lv-node .lv-label")
    expect(names.filter(has_text="…").first).to_be_visible(timeout=_LIMIT)
    sizes = page.evaluate(
        """() => [...document.querySelectorAll(".lv-node")].map((node) =>
            ["text", "rect"].map((tag) => node.querySelector(tag).getBoundingClientRect().width))"""
    )
    assert len(sizes) > 10 and all(words <= place + 1 for words, place in sizes), sizes
    assert all(text.strip("Σ…") for text in names.all_text_contents()), "no name is cut to nothing"
