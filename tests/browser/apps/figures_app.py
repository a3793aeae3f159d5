"""A server like the real one, for a page with nothing but figures."""

import streamlit as st

from lstmviz.web import server

app = st.App(
    "figures_page.py", lifespan=server.lifespan, routes=server.routes(), middleware=server.middleware()
)
