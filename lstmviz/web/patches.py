"""Everything of others that is changed while the server runs, and the versions in which it was looked at.

A patch leans on code that no interface promises. A test fails where another version is installed than the one here: look at
the original again, and only then write the new version down.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache, wraps
from types import MappingProxyType

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime import Runtime
from streamlit.runtime.app_session import AppSession, AppSessionState

from lstmviz.web.reconnect import DRAWN

CHECKED: Mapping[str, str] = MappingProxyType({"streamlit": "1.67.0", "keras": "3.15.1"})
"""The version of each package that is patched in which its original was looked at."""


def load_ahead() -> None:
    """Does what Streamlit else does while the first page is drawn, a quarter of a second's work.

    It loads its table of emojis for the first label that is not ASCII, and asks once who has started it, for which `inspect` makes
    a table of all modules.
    """
    from streamlit import emojis  # noqa: F401

    inspect.stack()


@cache
def hear_first_change() -> None:
    """Lets a session that has drawn nothing yet draw all of the page, whatever part of it a browser asks for.

    `AppSession.request_rerun` drops what asks for a fragment that the session does not know.
    """
    original: Callable[[AppSession, ClientState | None], None] = AppSession.request_rerun

    @wraps(original)
    def request_rerun(self: AppSession, client_state: ClientState | None) -> None:
        if client_state and client_state.fragment_id and DRAWN not in self.session_state:
            whole = ClientState()
            whole.CopyFrom(client_state)
            whole.fragment_id = ""
            client_state = whole
        original(self, client_state)

    AppSession.request_rerun = request_rerun  # type: ignore[method-assign]


def is_script_running() -> bool:
    """Whether the page is being run for anyone."""
    sessions = Runtime.instance()._session_mgr.list_active_sessions() if Runtime.exists() else []
    return any(info.session._state is AppSessionState.APP_IS_RUNNING for info in sessions)


def spare_kernels() -> None:
    """Keeps Streamlit from clearing Keras's session after every run of the page.

    That also empties TensorFlow's kernel cache, after which the next run takes 100 to 400 ms instead of 1 to 5: for every
    size that nobody has looked at yet. The page keeps nothing in Keras.

    Streamlit's script runner calls `keras.backend.clear_session` once Keras is imported.
    """
    import keras  # TensorFlow has brought it

    keras.backend.clear_session = lambda free_memory=True: None
