"""One module a file format: weights in, weights out."""
