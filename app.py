"""Front door: `streamlit run app.py`."""

import streamlit as st

from lstmviz.web import settings

settings.check()  # before what reads them
from lstmviz.web import server  # noqa: E402

app = st.App(
    "lstmviz/web/page.py",
    lifespan=server.lifespan,
    routes=server.routes(),
    middleware=server.middleware(),
)
