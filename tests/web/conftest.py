"""What the tests of the page have in common."""

from collections.abc import Iterator
from functools import cache

import pytest


@pytest.fixture(autouse=True, scope="session")
def components_are_found_once() -> Iterator[None]:
    """Each `AppTest` asks every package that is installed whether it brings components: a third of what opening a page takes."""
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patching:
        found = cache(manifest_scanner.scan_component_manifests)
        patching.setattr(manifest_scanner, "scan_component_manifests", found)
        yield
