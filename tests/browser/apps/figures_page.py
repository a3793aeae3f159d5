"""A slider and two figures, one of a single heatmap and one of seven on one axis."""

import numpy as np
import plotly.graph_objects as go
import plotly.io
import streamlit as st

from lstmviz.web.figure import figure

_DARK = {"font.color": "#fafafa", "annotations[0].font.color": "#ffffff"}
_COLORS = {"colorscale": [[0, "#2166ac"], [0.5, "#f7f7f7"], [1, "#b2182b"]], "cmid": 0}


def heatmap(rows: int, columns: int, seed: int) -> go.Heatmap:
    values = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    return go.Heatmap(z=values, coloraxis="coloraxis", hovertemplate="%{y}, %{x}: %{z:.2f}<extra></extra>")


@st.cache_data(show_spinner=False)
def draw_one(size: int) -> bytes:
    layout = {
        "title": {"text": f"kernel [{size + 4}, {size * 4}]"},
        "font": {"color": "#111111"},
        "annotations": [{"text": "a", "x": 0, "y": 0, "showarrow": False}],
        "height": 380,
        "coloraxis": _COLORS,
        "template": "none",
        "meta": {"dark": _DARK},
    }
    return plotly.io.to_json(go.Figure(heatmap(size + 4, size * 4, size), layout)).encode()


@st.cache_data(show_spinner=False)
def draw_seven(size: int) -> bytes:
    drawing = go.Figure()
    for index in range(7):
        trace = heatmap(size, 60, index)
        trace.yaxis = f"y{index + 1}" if index else "y"
        drawing.add_trace(trace)
        drawing.layout[f"yaxis{index + 1}" if index else "yaxis"] = {
            "domain": [1 - (index + 1) / 7 + 0.01, 1 - index / 7]
        }
    drawing.update_layout(
        title=f"60 steps × {size} units",
        xaxis={"anchor": "y7"},
        hovermode="x",
        hoversubplots="axis",
        height=800,
        coloraxis=_COLORS,
        template="none",
        meta={"dark": _DARK},
    )
    return plotly.io.to_json(drawing).encode()


st.set_page_config(layout="wide")
size = st.slider("size", 1, 64, 8, key="size")
figure(draw_one(size), key="one", alt=f"One heatmap of {size} units")
if st.toggle("seven", True, key="seven"):
    figure(draw_seven(size), key="many", alt="Seven heatmaps")
