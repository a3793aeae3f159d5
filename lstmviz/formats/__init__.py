"""One module a file format: weights out."""
