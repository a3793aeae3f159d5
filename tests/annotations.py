"""The type checker that stands behind every annotation of lstmviz while the tests run."""

from beartype import BeartypeConf, beartype

# As for mypy and in Python's own words (PEP 484), a whole number will do where a float is asked for.
check = beartype(conf=BeartypeConf(is_pep484_tower=True))
