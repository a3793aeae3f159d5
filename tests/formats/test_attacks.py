"""Each file that asks for more than it is gets an answer, within bounds."""

import pytest

import lstmviz as lv
from lstmviz.formats import sandbox
from lstmviz.formats.found import FormatError
from tests.formats import attacks

pytest.importorskip("onnx")


@pytest.mark.parametrize("name", attacks.ATTACKS)
def test_an_attack_is_answered_by_the_reader_or_for_its_memory_and_never_for_its_time(name, monkeypatch):
    """Five seconds of a processor, start included, in 300 MB of memory beyond the file: the reader itself stops."""
    file, data = attacks.ATTACKS[name]()
    bounds = sandbox.Bounds(
        memory=300 * 2**20 + len(data), numbers=2**26 + 4 * len(data), processor=5, clock=120
    )
    monkeypatch.setattr(sandbox, "size_bounds", lambda _size: bounds)
    try:
        said = lv.load(data, name=file)
    except FormatError as error:
        said = str(error)
        assert "takes longer to read" not in said
        # TensorFlow ends its own process on some of them.
        assert name.startswith("TensorFlow: ") or "did not survive" not in said
        assert len(said) < 2_000
        return
    assert sum(cell.kernel.nbytes for cell in said.values()) < 2**28
