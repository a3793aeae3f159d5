"""Front door: `streamlit run app.py`, or `lstmviz serve` where the package is installed."""

import os
from pathlib import Path

import streamlit as st

# Before NumPy is loaded. Its threads wait for each other by spinning: beside other work, two need ten times the processor of
# one. Viewers share the cores instead.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from lstmviz.web import settings

settings.check()  # before what reads them
from lstmviz.web import kinds, server  # noqa: E402

kinds.declare_own()

app = st.App(
    Path(server.__file__).with_name("page.py"),
    lifespan=server.lifespan,
    routes=server.routes(),
    middleware=server.middleware(),
)
