"""Checks the shapes in every annotation of lstmviz while the tests run."""

from jaxtyping import install_import_hook

# Before any test imports lstmviz: what is imported earlier goes unchecked.
install_import_hook("lstmviz", "beartype.beartype")
