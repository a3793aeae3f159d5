"""Checks types and shapes, as the annotations in lstmviz state them, while the tests run."""

from jaxtyping import install_import_hook

import tests.annotations  # noqa: F401  # the hook looks it up by name

# Before any test imports lstmviz: what is imported earlier goes unchecked.
install_import_hook("lstmviz", "tests.annotations.check")
