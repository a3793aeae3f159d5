"""The process in which strangers' files are read."""

import pytest

from lstmviz.formats.found import Content


@pytest.mark.parametrize("is_on_disk", [True, False])
def test_a_reader_gets_its_files_under_the_names_that_a_library_wants(tmp_path, is_on_disk):
    there = tmp_path / "given"
    there.write_bytes(b"index")
    places = {"saved/variables.index": there} if is_on_disk else {}
    content = Content("saved", {"saved/variables.index": b"index"}, places=places)
    with content.on_disk({"checkpoint.index": "saved/variables.index"}) as folder:
        assert (folder / "checkpoint.index").read_bytes() == b"index"
    assert not folder.exists() and there.exists()
