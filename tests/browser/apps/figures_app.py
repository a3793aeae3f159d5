"""A server like the real one, for a page with nothing but figures, and no TensorFlow."""

import streamlit as st

from lstmviz.web import server

app = st.App("figures_page.py", routes=server.routes(), middleware=server.middleware())
