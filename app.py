"""Front door: `streamlit run app.py`."""

import streamlit as st

from lstmviz.web import server

app = st.App(
    "lstmviz/web/page.py",
    lifespan=server.lifespan,
    routes=server.routes(),
    middleware=server.middleware(),
)
