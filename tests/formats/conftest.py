"""What the tests of the readers have in common."""

import pytest

from lstmviz.formats import load, sandbox


@pytest.fixture
def in_this_process(monkeypatch):
    """Reads files in the tests' own process, which is faster; that the other one does the same is `test_sandbox`'s matter."""

    def read(source, name=None, layout=None, max_bytes=load.MAX_FILE_BYTES):
        return load.read(load.read_content(source, name, max_bytes), layout)

    monkeypatch.setattr(sandbox, "read", read)
