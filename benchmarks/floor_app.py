"""The floor of the page's benchmarks: one slider and one plain heatmap, with Streamlit's and Plotly's defaults."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

INPUT_SIZE = 4

num_units = st.slider("num_units", 1, 256, 8, key="num_units")
rows, columns = INPUT_SIZE + num_units, 4 * num_units
kernel = np.random.default_rng(0).normal(size=(rows, columns)).astype(np.float32)
st.plotly_chart(
    go.Figure(go.Heatmap(z=kernel), {"title": {"text": f"kernel [{rows}, {columns}]"}}), key="kernel"
)
