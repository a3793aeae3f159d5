"""One path under the page's own address, for tests that run the script without a browser."""

import streamlit as st

from lstmviz.web import page

page.main(st.session_state["first"])
